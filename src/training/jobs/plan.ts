import { z } from "zod";

const modelRef = z.object({
  /** Absolute path of the model's folder. */
  directory: z.string(),
  name: z.string(),
  version: z.string(),
  /** Of its ONNX file. */
  sha256: z.string(),
});
export type ParentModel = z.infer<typeof modelRef>;

const count = z.int().min(0);

export const jobPlanSchema = z.object({
  id: z.string(),
  reason: z.string(),
  /** Absolute path of the job's folder. */
  folder: z.string(),
  /** Absolute path of the snapshot's data set. */
  dataset: z.string(),
  /** Of the snapshot's manifest. */
  dataSha256: z.string(),
  /** Folders of data sets that the model in production knows and shall not forget. */
  old: z.array(z.string()),
  /** Where the training begins; all are in production. */
  detector: modelRef,
  classifier: modelRef.optional(),
  painter: modelRef.optional(),
  /** Where candidates are put: `<name>/<version>/`. */
  modelsDir: z.string(),
  versions: z.object({ detector: z.string(), classifier: z.string() }),
  seed: z.int(),
  /** 0: all cores. */
  threads: count,
  memoryMiB: z.number(),
  /** Of work, pauses not counted. */
  minutes: z.number(),
  paintedRatio: z.number(),
  codeVersion: z.string(),
  checkpointEveryMs: z.number(),
  /** Numbers in place of shares of the time: for trials. */
  sizes: z
    .object({
      painterSteps: count.optional(),
      painted: count.optional(),
      detectorSteps: count.optional(),
      classifierSteps: count.optional(),
      batch: count.optional(),
      canvasPx: count.optional(),
      /** Channels of the detector, where it is not of the size that is shipped. */
      widths: z.tuple([count, count, count, count]).optional(),
    })
    .optional(),
});

/** What a training process is told: `job.json` in the job's folder. */
export type JobPlan = z.infer<typeof jobPlanSchema>;

export interface TimeShares {
  /** Milliseconds of work; 0 leaves a step out. */
  readonly painterMs: number;
  readonly paintMs: number;
  readonly classifierMs: number;
}

/** Shorter painters' trainings than this change next to nothing. */
const leastPainterMs = 60_000;
const leastClassifierMs = 30_000;

/** How the time of a training is shared out; what is not named here is the detector's. */
export const timeShares = (
  minutes: number,
  { paints, classifies }: { readonly paints: boolean; readonly classifies: boolean },
): TimeShares => {
  const totalMs = minutes * 60_000;
  const painterMs = 0.15 * totalMs;
  const classifierMs = 0.12 * totalMs;
  return {
    painterMs: paints && painterMs >= leastPainterMs ? painterMs : 0,
    paintMs: paints ? 0.06 * totalMs : 0,
    classifierMs: classifies && classifierMs >= leastClassifierMs ? classifierMs : 0,
  };
};
