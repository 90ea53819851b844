import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { createRandom } from "../../../src/core/index.js";
import { Graph, serialise } from "../../../src/engine/onnx/index.js";
import { ParameterSet, TrainingLayers, uNet, uNetInference, weightsOf } from "../../../src/networks/index.js";
import type { GateReport } from "../../../src/registry/index.js";
import { readManifest, writeModel } from "../../../src/registry/index.js";
import { type LaboratoryPaths, laboratoryPaths, readJournal } from "../../../src/store/index.js";
import { openDataset } from "../../../src/training/datasets/index.js";
import type {
  AttemptLimits,
  Comparison,
  JobDesk,
  JobDeskOptions,
  JobPorts,
  JobRecord,
  ParentModel,
  SnapshotField,
  TrainingSettings,
} from "../../../src/training/jobs/index.js";
import { jobJournal, parseJobEvent } from "../../../src/training/jobs/jobRun.js";
import type { JobEvent } from "../../../src/training/jobs/state.js";
import { detectorDraft } from "../../registry/modelFixture.js";
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

/** Channels of the toy's detector: small, so that its graphs are quick. */
const widths: [number, number, number, number] = [4, 4, 6, 6];

/** A detector that has learnt nothing, and finds red cells everywhere. */
export const toyDetector = async (folder: string): Promise<ParentModel> => {
  const graph = new Graph("untrained");
  const set = new ParameterSet(graph, "unet");
  uNet(new TrainingLayers(graph, set), graph.input("field", "uint8", [1, 64, 64, 4]), { widths });
  const weights = weightsOf(set, set.initialise(createRandom(1)));
  // It sees red cells everywhere: a model that finds nothing at all is not written.
  weights.get("density.bias")![0] = 4;
  const directory = join(folder, "unet");
  await writeModel(directory, detectorDraft("1.2.0"), {
    onnxBytes: serialise(uNetInference(weights, { widths })),
    card: "# untrained\n",
  });
  return refOf(directory);
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

/** Trainings of a few small steps. */
export const toySizes = {
  detectorSteps: 6,
  painted: 2,
  painterSteps: 0,
  classifierSteps: 0,
  batch: 2,
  canvasPx: 64,
  widths,
} satisfies JobDeskOptions["sizes"];

/** A test shall end also where the machine is busy. */
const toyLimits: Partial<AttemptLimits> = { yields: false, startMs: 60_000, hungMs: 6000, watchMs: 200 };

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
  {
    fields: count = 16,
    painter = false,
    decision = "promote",
    settings,
    limits,
    ...changes
  }: ToyLaboratoryOptions = {},
): Promise<ToyLaboratory> => {
  const paths = laboratoryPaths(join(folder, "laboratory"));
  const fields = await toyFields(folder, count);
  const detector = await toyDetector(folder);
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
      limits: { ...toyLimits, ...limits },
      split: { validationShare: 0.2, leastValidation: 3, calibrationShare: 0.2, leastCalibration: 2 },
      sizes: toySizes,
      ...changes,
    },
    setLive: (value) => {
      live = value;
      for (const listener of listeners) listener(value);
    },
  };
};

/** Resolves with the first state of a job that fulfils a condition, or with the one in which it has ended. */
export const jobWhere = (desk: JobDesk, id: string, condition: (job: JobRecord) => boolean): Promise<JobRecord> =>
  new Promise((resolve, reject) => {
    const look = (job: JobRecord): void => {
      if (job.id !== id || !(condition(job) || job.endedAtMs !== undefined)) return;
      end();
      resolve(job);
    };
    const end = desk.onChange(look);
    desk.show(id).then(look, reject);
  });

/** What has happened to a job so far. */
export const eventsOf = ({ paths }: Pick<ToyLaboratory, "paths">, id: string): Promise<JobEvent[]> =>
  readJournal(jobJournal(join(paths.jobs, id)), parseJobEvent);

/** The newest process of a job. */
export const processOf = async (laboratory: Pick<ToyLaboratory, "paths">, id: string): Promise<number> => {
  const began = (await eventsOf(laboratory, id)).filter((event) => event.kind === "began");
  return began.at(-1)!.pid;
};
