import { type CellClass, densityClassOf, isLeukocyteClass } from "../../core/index.js";
import { iouOf } from "../datasets/index.js";
import { type ClassDepth, classAt, type FieldResult, type FoundCell } from "./matching.js";

/** A candidate for one class in one field. */
interface Candidate {
  readonly field: number;
  readonly cell: FoundCell;
  readonly score: number;
}

/** AP in percent, per class and the mean over the classes that have truths; null where there are none. */
export interface AveragePrecision {
  readonly classes: Readonly<Partial<Record<CellClass, number | null>>>;
  readonly mean: number | null;
}

const leastIou = 0.5;

/** How sure a finding is to be of a class; undefined where it is no candidate for it. */
const scoreFor = (cell: FoundCell, cellClass: CellClass, depth: ClassDepth): number | undefined => {
  if (depth === "named" && isLeukocyteClass(cellClass) && cell.leukocyteProbabilities)
    return densityClassOf(cell.cellClass) === "leukocyte"
      ? cell.confidence * cell.leukocyteProbabilities[cellClass]
      : undefined;
  return classAt(cell.cellClass, depth) === cellClass ? cell.confidence : undefined;
};

/** Whether each candidate, from the surest on, hits a truth: the one of the greatest IoU, 0.5 or more, that is still free. */
const hitsOf = (candidates: readonly Candidate[], results: readonly FieldResult[], truths: readonly Set<number>[]) =>
  candidates.map(({ field, cell }) => {
    let best = -1;
    let bestIou = leastIou;
    for (const index of truths[field]!) {
      const iou = iouOf(results[field]!.truth.cells[index]!.box, cell.box);
      if (iou >= bestIou) {
        best = index;
        bestIou = iou;
      }
    }
    return truths[field]!.delete(best);
  });

/** Area under the precision-recall curve, precision made falling from the right (all points). */
const areaUnderCurve = (hits: readonly boolean[], truthCount: number): number => {
  const precision = new Float64Array(hits.length);
  let right = 0;
  hits.forEach((hit, index) => {
    if (hit) right++;
    precision[index] = right / (index + 1);
  });
  let area = 0;
  let best = 0;
  for (let index = hits.length - 1; index >= 0; index--) {
    best = Math.max(best, precision[index]!);
    if (hits[index]) area += best / truthCount;
  }
  return area;
};

const averagePrecisionOf = (
  results: readonly FieldResult[],
  cellClass: CellClass,
  depth: ClassDepth,
): number | null => {
  const truths = results.map(
    ({ truth }) =>
      new Set(truth.cells.flatMap((cell, index) => (classAt(cell.cellClass, depth) === cellClass ? [index] : []))),
  );
  const truthCount = truths.reduce((sum, { size }) => sum + size, 0);
  if (truthCount === 0) return null;
  const candidates = results.flatMap(({ found }, field) =>
    found.flatMap((cell): Candidate[] => {
      const score = scoreFor(cell, cellClass, depth);
      return score === undefined ? [] : [{ field, cell, score }];
    }),
  );
  candidates.sort((a, b) => b.score - a.score);
  return 100 * areaUnderCurve(hitsOf(candidates, results, truths), truthCount);
};

/**
 * Average precision at IoU 0.5, over all points of the curve. `found` should hold all candidates down to a low
 * confidence. A leukocyte that the classifier has looked at is a candidate for every leukocyte class, at its confidence
 * times the class' probability.
 */
export const averagePrecision50 = (
  results: readonly FieldResult[],
  classes: readonly CellClass[],
  depth: ClassDepth,
): AveragePrecision => {
  const values = classes.map((cellClass) => [cellClass, averagePrecisionOf(results, cellClass, depth)] as const);
  const known = values.flatMap(([, value]) => (value === null ? [] : [value]));
  const mean = known.length === 0 ? null : known.reduce((sum, value) => sum + value, 0) / known.length;
  return { classes: Object.fromEntries(values), mean };
};
