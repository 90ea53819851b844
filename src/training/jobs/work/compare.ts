import { join } from "node:path";
import { createDetector, type DetectorModels } from "../../../detection/index.js";
import { decodePicture } from "../../../pictures/index.js";
import { loadClassifierModel, loadDetectorModel } from "../../../registry/index.js";
import { writeFileDurably } from "../../../store/index.js";
import { type LabelledField, openDataset } from "../../datasets/index.js";
import { type ClassDepth, classAt, type FieldResult, judgeField } from "../../scoring/index.js";
import { type Comparison, comparisonFile, type FieldTally } from "../tallies.js";
import type { JobContext } from "./context.js";
import { oldComparison } from "./learning.js";

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
    if (dataset.splits.includes("val")) old.push(...oldComparison(await dataset.fields("val")));
  }
  return [
    ...frozen.map((field) => ({ set: "validation" as const, field })),
    ...old.map((field) => ({ set: "old" as const, field })),
  ];
};

/** Cells in all, missed, falsely found, by class, of one field. */
export const tallyField = (result: FieldResult, depth: ClassDepth): FieldTally["active"] => {
  const tallies: Record<string, { T: number; M: number; e: number }> = {};
  const add = (name: string, what: "T" | "M" | "e"): void => {
    tallies[name] ??= { T: 0, M: 0, e: 0 };
    tallies[name][what] += 1;
  };
  const { truths, foundOf, falselyFound } = judgeField(result, "raw", depth);
  truths.forEach(({ cellClass }, index) => {
    add(classAt(cellClass, depth), "T");
    if (foundOf[index] === -1) add(classAt(cellClass, depth), "M");
  });
  for (const index of falselyFound) add(classAt(result.found[index]!.cellClass, depth), "e");
  return tallies;
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
    results.push(tallyField({ truth: field, found: cells }, depth));
    onField();
  }
  return results;
};

/** Runs candidate and model in production over the frozen validation fields and over old data, field by field. */
export const compareCandidates = async (context: JobContext, candidates: readonly string[]): Promise<void> => {
  const { plan, at } = context;
  at("gate", 0);
  const fields = await fieldsOf(context);
  const [detectorFolder, classifierFolder] = candidates as [string, string | undefined];
  const [candidate, active] = await Promise.all([
    loadDetectorModel(detectorFolder),
    loadDetectorModel(plan.detector.directory),
  ]);
  const passes = classifierFolder ? 4 : 2;
  let done = 0;
  const onField = (): void => at("gate", ++done / (passes * Math.max(fields.length, 1)));
  const write = async (
    kind: "detector" | "classifier",
    pair: readonly [DetectorModels, DetectorModels],
    depth: ClassDepth,
  ): Promise<void> => {
    const [theirs, ours] = [
      await tallies(context, pair[0], { fields, depth, onField }),
      await tallies(context, pair[1], { fields, depth, onField }),
    ];
    const nameOf = (models: DetectorModels): string => {
      const { name, version } = (kind === "detector" ? models.detector : models.classifier!).ref;
      return `${name}@${version}`;
    };
    const comparison: Comparison = {
      candidate: nameOf(pair[0]),
      active: nameOf(pair[1]),
      fields: fields.map(({ set, field }, index) => ({
        id: field.id,
        dataset: field.dataset,
        set,
        candidate: theirs[index]!,
        active: ours[index]!,
      })),
    };
    await writeFileDurably(join(plan.folder, comparisonFile(kind)), `${JSON.stringify(comparison)}\n`);
  };
  await write("detector", [{ detector: candidate }, { detector: active }], "density");
  if (!classifierFolder || !plan.classifier) return;
  const [naming, named] = await Promise.all([
    loadClassifierModel(classifierFolder),
    loadClassifierModel(plan.classifier.directory),
  ]);
  // Classifiers are compared behind the same detector: the one in production.
  await write(
    "classifier",
    [
      { detector: active, classifier: naming },
      { detector: active, classifier: named },
    ],
    "named",
  );
};
