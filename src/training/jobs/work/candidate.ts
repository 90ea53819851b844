import { randomBytes } from "node:crypto";
import { appendFile, cp, mkdir, readFile, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { loadModel, type ModelLineage } from "../../../registry/index.js";
import { storeError, syncDirectory, writeFileDurably } from "../../../store/index.js";
import type { JobPlan, ParentModel } from "../plan.js";
import type { JobContext } from "./context.js";

const lineageOf = (plan: JobPlan, parent: ParentModel, trainedAtMs: number): ModelLineage => ({
  parent: `${parent.name}@${parent.version}`,
  parentSha256: parent.sha256,
  dataSha256: plan.dataSha256,
  codeVersion: plan.codeVersion,
  seed: plan.seed,
  job: plan.id,
  trainedAtMs,
});

const cardLines = ({ parent, parentSha256, dataSha256, codeVersion, seed, job }: ModelLineage): string =>
  [
    "## Lineage",
    `Trained on from ${parent} (${parentSha256.slice(0, 12)}) by the training ${job}, seed ${seed}, cytostream ${codeVersion}.`,
    `The fields, byte for byte, are those of the snapshot ${dataSha256}.`,
    "",
  ].join("\n\n");

/** Puts a trained model under the laboratory's models, whole or not at all; what an earlier try left is replaced. */
const place = async (plan: JobPlan, model: string, parent: ParentModel): Promise<string> => {
  const loaded = await loadModel(model);
  const target = join(plan.modelsDir, loaded.manifest.name, loaded.manifest.version);
  const staged = join(dirname(target), `.${basename(target)}.${randomBytes(6).toString("hex")}`);
  const lineage = lineageOf(plan, parent, Date.now());
  try {
    await mkdir(dirname(target), { recursive: true });
    await cp(model, staged, { recursive: true });
    await appendFile(join(staged, "card.md"), `\n${cardLines(lineage)}`);
    await writeFileDurably(join(staged, "lineage.json"), `${JSON.stringify(lineage, null, 2)}\n`);
    await rm(target, { recursive: true, force: true });
    await rename(staged, target);
    await syncDirectory(dirname(target));
  } catch (error) {
    await rm(staged, { recursive: true, force: true });
    throw storeError(error, target);
  }
  return target;
};

const isPlaced = async (plan: JobPlan, folder: string): Promise<boolean> =>
  readFile(join(folder, "lineage.json"), "utf8").then(
    (text) => (JSON.parse(text) as ModelLineage).job === plan.id,
    () => false,
  );

/** Puts what was trained under the laboratory's models, with its lineage. */
export const placeCandidates = async ({ plan, progress, clock, at }: JobContext): Promise<readonly string[]> => {
  const placed = progress.value.candidates;
  if (placed && (await Promise.all(placed.map((folder) => isPlaced(plan, folder)))).every(Boolean)) return placed;
  at("candidate", 0);
  const { detector, classifier } = progress.value;
  const candidates = [await place(plan, detector!.model, plan.detector)];
  if (classifier?.model && plan.classifier) candidates.push(await place(plan, classifier.model, plan.classifier));
  await progress.note({ candidates, workMs: clock.now() });
  return candidates;
};
