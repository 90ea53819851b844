import { readdir } from "node:fs/promises";
import { join } from "node:path";
import type { ParentModel } from "./plan.js";

const released = /^(\d+)\.(\d+)\.(\d+)$/;
const ofLaboratory = /^(\d+\.\d+\.\d+)-lab\.(\d+)$/;

/**
 * The version of a model that is trained on here from another: a pre-release of the next patch, which is nobody's default. After
 * 1.2.0 comes 1.2.1-lab.1, after 1.2.1-lab.3 whatever number is free from 4 on.
 */
export const candidateVersion = async (modelsDir: string, { name, version }: ParentModel): Promise<string> => {
  const release = released.exec(version.split(/[-+]/)[0]!);
  const [major, minor, patch] = (release ?? ["", "0", "0", "0"]).slice(1).map(Number) as [number, number, number];
  const base = ofLaboratory.exec(version)?.[1] ?? `${major}.${minor}.${patch + 1}`;
  const folders = await readdir(join(modelsDir, name)).catch(() => []);
  const numbers = [version, ...folders].flatMap((folder) => {
    const match = ofLaboratory.exec(folder);
    return match?.[1] === base ? [Number(match[2])] : [];
  });
  return `${base}-lab.${Math.max(0, ...numbers) + 1}`;
};
