import { cp, mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll } from "vitest";
import { createManualClock, type ManualClock } from "../../src/core/index.js";
import {
  type GoldenPicture,
  type ModelDeskOptions,
  type ModelLineage,
  type OpenModelDesk,
  openModelDesk,
  writeCandidate,
} from "../../src/registry/index.js";
import { type LaboratoryPaths, laboratoryPaths } from "../../src/store/index.js";
import { toyDetectorBytes, writeToyModels } from "../detection/toyModel.js";
import { type ToyCell, toyFrame } from "../detection/toySmear.js";
import { detectorDraft } from "./modelFixture.js";

export const toyScale = 0.234375;

/** A few toy fields: red cells and a leukocyte, apart from each other. */
export const goldenPictures = (count = 2): GoldenPicture[] =>
  Array.from({ length: count }, (_unused, index) => {
    const shift = 8 * index;
    const cells: ToyCell[] = [
      { kind: "erythrocyte", x: 50 + shift, y: 60 },
      { kind: "erythrocyte", x: 150, y: 60 + shift },
      { kind: "leukocyte", x: 100, y: 150 + shift },
      { kind: "platelet", x: 180 - shift, y: 170 },
    ];
    const { width, height, pixels } = toyFrame(cells, { width: 240, height: 216, umPerPixel: toyScale });
    return { picture: { width, height, pixels }, umPerPixel: toyScale };
  });

export const toyLineage = (parent = "unet@1.0.0"): ModelLineage => ({
  parent,
  parentSha256: "a".repeat(64),
  dataSha256: "b".repeat(64),
  codeVersion: "0.1.0",
  seed: 1,
  job: "job-1",
  trainedAtMs: 1000,
});

/** Candidates that were written before: making one takes a second, copying it none. */
const written = new Map<string, Promise<string>>();
let stash: Promise<string> | undefined;
afterAll(async () => {
  if (stash) await rm(await stash, { recursive: true, force: true });
  stash = undefined;
  written.clear();
});

const stashToyCandidate = async (version: string, gain: number): Promise<string> => {
  stash ??= mkdtemp(join(tmpdir(), "cytostream-candidates-"));
  return writeToyCandidate(join(await stash, String(gain)), version, gain);
};

/** Writes a detector that answers with `gain` times the density into a laboratory's models; its folder. */
export const writeToyCandidate = async (modelsDir: string, version: string, gain = 0.9): Promise<string> => {
  const files = { onnxBytes: toyDetectorBytes(gain), card: `# ${version}\n` };
  const draft = detectorDraft(version);
  return (await writeCandidate({ modelsDir, draft, files, lineage: toyLineage(), golden: goldenPictures() })).directory;
};

/** A laboratory in a folder of its own: shipped toy models, an empty data directory. */
export interface ToyLaboratory {
  readonly folder: string;
  readonly shippedDir: string;
  readonly paths: LaboratoryPaths;
  readonly clock: ManualClock;
  /** Writes a detector that answers with `gain` times the density; its folder. */
  candidate(version: string, gain?: number): Promise<string>;
  /** Opens the desk, over a detector that takes every model unless told otherwise; it is closed with the laboratory, or before. */
  open(options?: Partial<ModelDeskOptions>): Promise<OpenModelDesk>;
  remove(): Promise<void>;
}

export const openToyLaboratory = async (): Promise<ToyLaboratory> => {
  const folder = await mkdtemp(join(tmpdir(), "cytostream-laboratory-"));
  const shippedDir = join(folder, "shipped");
  await writeToyModels(shippedDir);
  const paths = laboratoryPaths(join(folder, "data"));
  const clock = createManualClock(1_000_000);
  const desks: OpenModelDesk[] = [];
  return {
    folder,
    shippedDir,
    paths,
    clock,
    candidate: async (version, gain = 0.9) => {
      const key = `${version} ${gain}`;
      const made = written.get(key) ?? stashToyCandidate(version, gain);
      written.set(key, made);
      const directory = join(paths.models, "unet", version);
      await mkdir(dirname(directory), { recursive: true });
      await cp(await made, directory, { recursive: true });
      return directory;
    },
    open: async (options = {}) => {
      const gate = { alpha: 0.05, marginPoints: 3 };
      const desk = await openModelDesk({ paths, shippedDir, gate, clock, swap: async () => {}, ...options });
      desks.push(desk);
      return desk;
    },
    remove: async () => {
      await Promise.allSettled(desks.map((desk) => desk[Symbol.asyncDispose]()));
      await rm(folder, { recursive: true, force: true });
    },
  };
};
