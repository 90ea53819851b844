import { basename, join } from "node:path";
import { CytoError, isLeukocyteClass } from "../../../core/index.js";
import { trainClassifier } from "../../classifier/trainClassifier.js";
import { type LabelledField, openDataset } from "../../datasets/index.js";
import { trainDetector } from "../../detector/trainDetector.js";
import type { FieldChoice } from "../../fields.js";
import type { TrainingRequest } from "../../listener.js";
import type { Duration } from "../../trainer/index.js";
import type { JobPlan, TimeShares } from "../plan.js";
import { laboratoryDataset } from "../snapshot.js";
import { measureBaseline, tailTime } from "./compare.js";
import { isDispensable, type JobContext, listenerOf } from "./context.js";
import { oldCalibration } from "./oldData.js";

/** Rates at which a network that knows its work learns on. */
const detectorRate = 6e-4;
const classifierRate = 4e-4;

/** Share of the real fields' samples that are the laboratory's, where there is old data beside. */
const laboratoryPart = 0.5;

const jobChoice = ({ minutes }: JobPlan): FieldChoice => ({
  name: "job",
  choose: (fields, split) =>
    split === "train" || fields[0]?.dataset === laboratoryDataset ? fields : oldCalibration(fields, minutes),
});

/** Memory of node, onnxruntime and a detector's step, MiB: seen on the CPU with its defaults. */
const programMiB = 1400;
/** A red cell's diameter on kept fields, px. */
const keptRedCellPx = 64;

/** Fields of a data set that are read, at most, by the minutes that there are: reading takes about 30 ms each. */
const [fieldsPerMinute, fewestFields] = [40, 60];

/** Fields that a training reads of each data set, so that they fit into its memory, and reading them into its time. */
export const mostFieldsOf = (
  fields: readonly LabelledField[],
  { memoryMiB, minutes }: Pick<JobPlan, "memoryMiB" | "minutes">,
  datasets: number,
): number => {
  if (fields.length === 0) return 1;
  const bytes = fields.map(({ widthPx, heightPx, redCellDiameterPx = keptRedCellPx }) => {
    const zoom = Math.min(keptRedCellPx / redCellDiameterPx, 1);
    return 3 * widthPx * heightPx * zoom * zoom;
  });
  const mean = bytes.reduce((sum, value) => sum + value, 0) / bytes.length;
  const room = Math.max(memoryMiB - programMiB, 64) * 2 ** 20;
  const fitting = Math.floor(room / mean / Math.max(datasets, 1));
  return Math.max(Math.min(fitting, Math.max(fieldsPerMinute * minutes, fewestFields)), 1);
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
    choice: jobChoice(plan),
  } satisfies Partial<TrainingRequest>;
};

/** Fields that set thresholds. */
const calibratingFields = async ({ plan }: JobContext): Promise<number> => {
  let fields = 0;
  for (const folder of [plan.dataset, ...plan.old]) {
    const dataset = await openDataset(folder);
    if (dataset.splits.includes("val")) fields += jobChoice(plan).choose(await dataset.fields("val"), "val").length;
  }
  return fields;
};

/** Work that is left for the detector, ms; settled once, so that a crash does not lengthen the training. */
const detectorTime = async (context: JobContext, shares: TimeShares): Promise<number> => {
  const { plan, progress, clock } = context;
  const settled = progress.value.detectorMs;
  if (settled !== undefined) return settled;
  const totalMs = plan.minutes * 60_000;
  const tailMs = tailTime(await measureBaseline(context), await calibratingFields(context));
  const detectorMs = Math.max(totalMs - tailMs - shares.classifierMs - clock.now(), 0.1 * totalMs);
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
  const { batch, canvasPx, widths } = sizes;
  const summary = await trainDetector({
    ...requestOf(context, "detector", duration),
    datasets: [plan.dataset, ...plan.old, ...painted],
    shares: sampleShares(plan, { old: plan.old, painted }),
    mostFields: mostFieldsOf(laboratory, plan, 1 + plan.old.length),
    from: plan.detector.directory,
    learningRate: detectorRate,
    version: plan.versions.detector,
    ...(widths ? { network: { widths } } : {}),
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
