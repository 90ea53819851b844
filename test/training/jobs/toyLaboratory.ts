import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { onnxruntimeEngine } from "../../../src/engine/index.js";
import type { GateReport } from "../../../src/registry/index.js";
import { readManifest } from "../../../src/registry/index.js";
import { type LaboratoryPaths, laboratoryPaths } from "../../../src/store/index.js";
import { openDataset } from "../../../src/training/datasets/index.js";
import { trainDetector } from "../../../src/training/index.js";
import type {
  Comparison,
  JobDeskOptions,
  JobPorts,
  ParentModel,
  SnapshotField,
  TrainingSettings,
} from "../../../src/training/jobs/index.js";
import { writeSmearDataset } from "../painter/smearDataset.js";
import { writeUntrainedPainter } from "../painter/untrainedPainter.js";

/** Labelled fields of painted discs, each of a slide of its own. */
export const toyFields = async (folder: string, count: number): Promise<readonly SnapshotField[]> => {
  const dataset = join(folder, "smear");
  await writeSmearDataset(dataset, { train: count, val: 0 });
  const fields = await (await openDataset(dataset)).fields("train");
  return Promise.all(
    fields.map(async ({ id, picturePath, widthPx, heightPx, cells }, index) => ({
      id,
      slide: `slide-${index}`,
      picturePath,
      sha256: createHash("sha256")
        .update(await readFile(picturePath))
        .digest("hex"),
      widthPx,
      heightPx,
      cells,
      umPerPixel: 7.5 / 40,
      revision: 1,
      atMs: 1000 + index,
    })),
  );
};

const refOf = async (directory: string): Promise<ParentModel> => {
  const { name, version, sha256 } = await readManifest(directory);
  return { directory, name, version, sha256 };
};

/** A detector that was trained for two steps. */
export const toyDetector = async (folder: string, dataset: string): Promise<ParentModel> => {
  const out = join(folder, "base");
  await trainDetector({
    datasets: [dataset],
    out,
    duration: { steps: 2 },
    seed: 1,
    resume: false,
    version: "1.2.0",
    engine: onnxruntimeEngine({ intraOpThreads: 1 }),
    command: "cytostream train unet",
    settings: { batch: 2, canvasPx: 64 },
    listener: { loaded: () => undefined, step: () => undefined, stage: () => undefined },
  });
  return refOf(join(out, "model"));
};

export const toyPainter = async (folder: string): Promise<ParentModel> => {
  const directory = join(folder, "mcgan");
  await writeUntrainedPainter(directory);
  return refOf(directory);
};

export const toySettings: TrainingSettings = {
  enabled: true,
  trigger: {
    confirmedFields: 5,
    confirmedCells: 30,
    ageDays: 14,
    idleMinutes: 0,
    window: { from: "00:00", to: "00:00" },
  },
  minutes: 5,
  threads: 1,
  memoryMiB: 4096,
  retries: 2,
  paintedRatio: 0.25,
  seed: 1,
};

export interface ToyLaboratory {
  readonly paths: LaboratoryPaths;
  readonly options: JobDeskOptions;
  readonly fields: readonly SnapshotField[];
  /** Candidates that were promoted. */
  readonly promoted: string[];
  readonly compared: Comparison[];
  setLive(live: boolean): void;
}

export interface ToyLaboratoryOptions extends Partial<Omit<JobDeskOptions, "paths" | "ports" | "settings">> {
  readonly fields?: number;
  readonly painter?: boolean;
  readonly decision?: GateReport["decision"];
  readonly settings?: Partial<TrainingSettings>;
}

const reportOf = ({ candidate, active, fields }: Comparison, decision: GateReport["decision"]): GateReport => {
  const none = { cellClass: "all", difference: 0, low: 0, high: 0 };
  const count = (set: string): number => fields.filter((field) => field.set === set).length;
  return {
    candidate,
    active,
    decision,
    reasons: ["as the test says"],
    alpha: 0.05,
    pooled: none,
    classes: [],
    fields: { validation: count("validation"), old: count("old") },
    atMs: 0,
  };
};

/** A laboratory in a folder with a few labelled fields, a hardly trained detector, and trainings of a few steps. */
export const openToyLaboratory = async (
  folder: string,
  { fields: count = 16, painter = false, decision = "promote", settings, ...changes }: ToyLaboratoryOptions = {},
): Promise<ToyLaboratory> => {
  const paths = laboratoryPaths(join(folder, "laboratory"));
  const fields = await toyFields(folder, count);
  const detector = await toyDetector(folder, join(folder, "smear"));
  const listeners = new Set<(live: boolean) => void>();
  const promoted: string[] = [];
  const compared: Comparison[] = [];
  let live = false;
  const models = { detector, ...(painter ? { painter: await toyPainter(folder) } : {}) };
  const ports: JobPorts = {
    fields: async () => fields,
    isLive: () => live,
    onLive: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    activeModels: async () => models,
    judge: async (comparison) => {
      compared.push(comparison);
      return reportOf(comparison, decision);
    },
    promote: async (candidate) => {
      promoted.push(candidate);
    },
  };
  return {
    paths,
    fields,
    promoted,
    compared,
    options: {
      paths,
      settings: { ...toySettings, ...settings },
      ports,
      codeVersion: "0.0.0",
      ruleEveryMs: 3_600_000,
      checkpointEveryMs: 100,
      load: () => 0,
      // A test shall end also where the machine is busy.
      limits: { yields: false },
      split: { validationShare: 0.2, leastValidation: 3, calibrationShare: 0.2, leastCalibration: 2 },
      sizes: { detectorSteps: 6, painted: 2, painterSteps: 0, classifierSteps: 0, batch: 2, canvasPx: 64 },
      ...changes,
    },
    setLive: (value) => {
      live = value;
      for (const listener of listeners) listener(value);
    },
  };
};
