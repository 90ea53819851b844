import { createHash } from "node:crypto";
import { basename, join } from "node:path";
import { CytoError, isLeukocyteClass } from "../../../core/index.js";
import { trainClassifier } from "../../classifier/trainClassifier.js";
import { type LabelledField, openDataset } from "../../datasets/index.js";
import { trainDetector } from "../../detector/trainDetector.js";
import { evenlySpaced } from "../../evenlySpaced.js";
import type { FieldChoice } from "../../fields.js";
import type { TrainingRequest } from "../../listener.js";
import type { Duration } from "../../trainer/index.js";
import type { JobPlan, TimeShares } from "../plan.js";
import { laboratoryDataset } from "../snapshot.js";
import { isDispensable, type JobContext, listenerOf } from "./context.js";

/** Rates at which a network that knows its work learns on. */
const detectorRate = 6e-4;
const classifierRate = 4e-4;

/** Share of the real fields' samples that are the laboratory's, where there is old data beside. */
const laboratoryPart = 0.6;

/** Fields of old data that set thresholds, and that models are compared on, at most. */
const [mostCalibrating, mostOld] = [60, 200];
const calibratingShare = 0.3;

const drawOf = ({ dataset, id }: LabelledField): number =>
  createHash("sha256").update(`${dataset}\n${id}`).digest().readUInt32LE(0) / 2 ** 32;

/**
 * Of the old data's `val` fields, some set thresholds and the others compare models: a candidate shall not be compared on what
 * it was tuned to.
 */
export const oldCalibration = (fields: readonly LabelledField[]): readonly LabelledField[] =>
  evenlySpaced(
    fields.filter((field) => drawOf(field) < calibratingShare),
    mostCalibrating,
  );

export const oldComparison = (fields: readonly LabelledField[]): readonly LabelledField[] =>
  evenlySpaced(
    fields.filter((field) => drawOf(field) >= calibratingShare),
    mostOld,
  );

const jobChoice: FieldChoice = {
  name: "job",
  choose: (fields, split) =>
    split === "train" || fields[0]?.dataset === laboratoryDataset ? fields : oldCalibration(fields),
};

/** Memory of node, onnxruntime and a detector's step, MiB: seen on the CPU with its defaults. */
const programMiB = 1400;
/** A red cell's diameter on kept fields, px. */
const keptRedCellPx = 64;

/** Fields that a training may keep in memory of each data set, so that all of them stay within a bound. */
export const mostFieldsOf = (fields: readonly LabelledField[], memoryMiB: number, datasets: number): number => {
  if (fields.length === 0) return 1;
  const bytes = fields.map(({ widthPx, heightPx, redCellDiameterPx = keptRedCellPx }) => {
    const zoom = Math.min(keptRedCellPx / redCellDiameterPx, 1);
    return 3 * widthPx * heightPx * zoom * zoom;
  });
  const mean = bytes.reduce((sum, value) => sum + value, 0) / bytes.length;
  const room = Math.max(memoryMiB - programMiB, 64) * 2 ** 20;
  return Math.max(Math.floor(room / mean / Math.max(datasets, 1)), 1);
};

/** Shares of the samples by data set: painted ones as configured, of the real ones most from the laboratory. */
export const sampleShares = (
  { paintedRatio }: Pick<JobPlan, "paintedRatio">,
  { old, painted }: { readonly old: readonly string[]; readonly painted: readonly string[] },
): Readonly<Record<string, number>> => {
  const made = painted.length > 0 ? paintedRatio : 0;
  const real = 1 - made;
  const own = old.length > 0 ? laboratoryPart * real : real;
  return Object.fromEntries([
    [laboratoryDataset, own],
    ...old.map((folder) => [basename(folder), (real - own) / old.length] as const),
    ...painted.map((folder) => [basename(folder), made / painted.length] as const),
  ]);
};

const requestOf = (context: JobContext, name: string, duration: Duration) => {
  const { plan, engine, signal, clock } = context;
  return {
    out: join(plan.folder, name),
    duration,
    seed: plan.seed,
    resume: true,
    engine,
    command: `cytostream jobs (${plan.id})`,
    signal,
    pacing: clock,
    checkpointEveryMs: plan.checkpointEveryMs,
    choice: jobChoice,
  } satisfies Partial<TrainingRequest>;
};

/** Work that is left for the detector, ms; settled once, so that a crash does not lengthen the training. */
const detectorTime = async ({ plan, progress, clock }: JobContext, shares: TimeShares): Promise<number> => {
  const settled = progress.value.detectorMs;
  if (settled !== undefined) return settled;
  const totalMs = plan.minutes * 60_000;
  const detectorMs = Math.max(totalMs - shares.tailMs - shares.classifierMs - clock.now(), 0.1 * totalMs);
  await progress.note({ detectorMs, workMs: clock.now() });
  return detectorMs;
};

/** Trains the detector on from the one in production. */
export const finetuneDetector = async (context: JobContext, shares: TimeShares): Promise<void> => {
  const { plan, progress, signal, clock } = context;
  if (progress.value.detector) return;
  context.at("detector", 0);
  const { sizes = {} } = plan;
  const painted = progress.value.paint?.datasets ?? [];
  const laboratory = await (await openDataset(plan.dataset)).fields("train");
  const detectorMs = await detectorTime(context, shares);
  const duration =
    sizes.detectorSteps === undefined ? { minutes: detectorMs / 60_000 } : { steps: sizes.detectorSteps };
  const { batch, canvasPx } = sizes;
  const summary = await trainDetector({
    ...requestOf(context, "detector", duration),
    datasets: [plan.dataset, ...plan.old, ...painted],
    shares: sampleShares(plan, { old: plan.old, painted }),
    mostFields: mostFieldsOf(laboratory, plan.memoryMiB, 1 + plan.old.length),
    from: plan.detector.directory,
    learningRate: detectorRate,
    version: plan.versions.detector,
    settings: { ...(batch ? { batch } : {}), ...(canvasPx ? { canvasPx } : {}) },
    listener: listenerOf(context, { step: "detector", prefix: "detector", later: "calibrate" }),
  });
  signal.throwIfAborted();
  if (!summary.model) throw new CytoError("INTERNAL", "the training of the detector left no model");
  await progress.note({ detector: { model: summary.model }, workMs: clock.now() });
};

/** Trains the classifier on where the laboratory names leukocytes; the old one stays where there are too few of a class. */
export const finetuneClassifier = async (context: JobContext, shares: TimeShares): Promise<void> => {
  const { plan, progress, signal, clock, remark } = context;
  if (progress.value.classifier) return;
  const { sizes, classifier } = plan;
  const wanted = sizes ? (sizes.classifierSteps ?? 0) > 0 : shares.classifierMs > 0;
  if (!classifier || !wanted) return progress.note({ classifier: {}, workMs: clock.now() });
  context.at("detector", 0.99);
  const duration =
    sizes?.classifierSteps === undefined ? { minutes: shares.classifierMs / 60_000 } : { steps: sizes.classifierSteps };
  try {
    const summary = await trainClassifier({
      ...requestOf(context, "classifier", duration),
      datasets: [plan.dataset, ...plan.old, ...(progress.value.paint?.datasets ?? [])],
      from: classifier.directory,
      learningRate: classifierRate,
      version: plan.versions.classifier,
      listener: listenerOf(context, { step: "detector", prefix: "classifier" }),
    });
    signal.throwIfAborted();
    await progress.note({ classifier: summary.model ? { model: summary.model } : {}, workMs: clock.now() });
  } catch (error) {
    signal.throwIfAborted();
    const failure = CytoError.from(error);
    if (!isDispensable(failure)) throw failure;
    remark(`No classifier is trained: ${failure.message}`);
    await progress.note({ classifier: {}, workMs: clock.now() });
  }
};

/** Whether the laboratory's fields name leukocytes. */
export const namesLeukocytes = (fields: readonly LabelledField[]): boolean =>
  fields.some(({ cells }) => cells.some(({ cellClass }) => isLeukocyteClass(cellClass)));
