import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { createDetector, type DetectorModels } from "../../../detection/index.js";
import { decodePicture } from "../../../pictures/index.js";
import { loadClassifierModel, loadDetectorModel } from "../../../registry/index.js";
import { writeFileDurably } from "../../../store/index.js";
import { type LabelledField, openDataset } from "../../datasets/index.js";
import { type ClassDepth, fieldTallies } from "../../scoring/index.js";
import { type Baseline, baselineSchema, type Comparison, comparisonFile, type FieldTally } from "../tallies.js";
import type { JobContext } from "./context.js";
import { oldComparison } from "./oldData.js";

interface Compared {
  readonly set: FieldTally["set"];
  readonly field: LabelledField;
}

const fieldsOf = async ({ plan }: JobContext): Promise<readonly Compared[]> => {
  const laboratory = await openDataset(plan.dataset);
  const frozen = laboratory.splits.includes("test") ? await laboratory.fields("test") : [];
  const old: LabelledField[] = [];
  for (const folder of plan.old) {
    const dataset = await openDataset(folder);
    if (dataset.splits.includes("val")) old.push(...oldComparison(await dataset.fields("val"), plan.minutes));
  }
  return [
    ...frozen.map((field) => ({ set: "validation" as const, field })),
    ...old.map((field) => ({ set: "old" as const, field })),
  ];
};

/** What a model makes of fields at their labelled scale, at its own thresholds. */
const tallies = async (
  { plan, clock, signal }: JobContext,
  models: DetectorModels,
  { fields, depth, onField }: { fields: readonly Compared[]; depth: ClassDepth; onField: () => void },
): Promise<readonly FieldTally["active"][]> => {
  await using detector = await createDetector({
    models,
    provider: "cpu",
    ...(plan.threads > 0 ? { threads: plan.threads } : {}),
  });
  const results: FieldTally["active"][] = [];
  for (const [sequence, { field }] of fields.entries()) {
    await clock.turn();
    signal.throwIfAborted();
    const { width, height, pixels } = await decodePicture(field.picturePath);
    const { cells } = await detector.detect({
      sequence,
      capturedAtMs: 0,
      width,
      height,
      pixels,
      camera: "dataset",
      source: field.picturePath,
      simulated: false,
      ...(field.umPerPixel === undefined ? {} : { umPerPixel: field.umPerPixel }),
    });
    results.push(...fieldTallies([{ truth: field, found: cells }], "raw", depth).map(({ classes }) => classes));
    onField();
  }
  return results;
};

const nameOf = ({ detector, classifier }: DetectorModels, kind: "detector" | "classifier"): string => {
  const { name, version } = (kind === "detector" ? detector : classifier!).ref;
  return `${name}@${version}`;
};

const baselinePath = ({ plan }: JobContext): string => join(plan.folder, "baseline.json");

const readBaseline = async (context: JobContext, model: string): Promise<Baseline | undefined> => {
  const text = await readFile(baselinePath(context), "utf8").catch(() => undefined);
  const parsed = text === undefined ? undefined : baselineSchema.safeParse(JSON.parse(text));
  return parsed?.success && parsed.data.model === model ? parsed.data : undefined;
};

/** What the detector in production makes of the fields that will be compared on: looked at first, to know what the end takes. */
export const measureBaseline = async (context: JobContext): Promise<Baseline> => {
  const models = { detector: await loadDetectorModel(context.plan.detector.directory) };
  const model = nameOf(models, "detector");
  const known = await readBaseline(context, model);
  if (known) return known;
  const fields = await fieldsOf(context);
  let done = 0;
  const beganMs = context.clock.now();
  const onField = (): void => context.at("split", ++done / Math.max(fields.length, 1));
  const found = await tallies(context, models, { fields, depth: "density", onField });
  const fieldMs = (context.clock.now() - beganMs) / Math.max(fields.length, 1);
  const baseline: Baseline = { model, fieldMs, tallies: [...found] };
  await writeFileDurably(baselinePath(context), `${JSON.stringify(baseline)}\n`);
  return baseline;
};

/**
 * What comes after the detector's last step, ms: quantising, thresholds (two passes, each about three times as long as plain
 * detection, for candidates are many), the comparison.
 */
export const tailTime = ({ fieldMs, tallies: compared }: Baseline, calibrating: number): number =>
  10_000 + fieldMs * (120 + 6 * calibrating + compared.length);

/** Runs the candidates over the frozen validation fields and over old data, beside the models in production. */
export const compareCandidates = async (context: JobContext, candidates: readonly string[]): Promise<void> => {
  const { plan, at } = context;
  at("gate", 0);
  const fields = await fieldsOf(context);
  const [detectorFolder, classifierFolder] = candidates as [string, string | undefined];
  const passes = classifierFolder ? 3 : 1;
  let done = 0;
  const onField = (): void => at("gate", ++done / (passes * Math.max(fields.length, 1)));
  const look = (models: DetectorModels, depth: ClassDepth) => tallies(context, models, { fields, depth, onField });
  const write = async (
    kind: "detector" | "classifier",
    names: Pick<Comparison, "candidate" | "active">,
    [theirs, ours]: readonly [readonly FieldTally["active"][], readonly FieldTally["active"][]],
  ): Promise<void> => {
    const compared = fields.map(({ set, field: { id, dataset } }, index) => {
      return { id, dataset, set, candidate: theirs[index]!, active: ours[index]! };
    });
    const text = JSON.stringify({ ...names, fields: compared } satisfies Comparison);
    await writeFileDurably(join(plan.folder, comparisonFile(kind)), `${text}\n`);
  };
  const detector = await loadDetectorModel(detectorFolder);
  const baseline = await measureBaseline(context);
  const names = { candidate: nameOf({ detector }, "detector"), active: baseline.model };
  await write("detector", names, [await look({ detector }, "density"), baseline.tallies]);
  if (!classifierFolder || !plan.classifier) return;
  // Classifiers are compared behind the same detector: the one in production.
  const active = await loadDetectorModel(plan.detector.directory);
  const [theirs, ours] = [
    { detector: active, classifier: await loadClassifierModel(classifierFolder) },
    { detector: active, classifier: await loadClassifierModel(plan.classifier.directory) },
  ];
  const pair = { candidate: nameOf(theirs, "classifier"), active: nameOf(ours, "classifier") };
  await write("classifier", pair, [await look(theirs, "named"), await look(ours, "named")]);
};
