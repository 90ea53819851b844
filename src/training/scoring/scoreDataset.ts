import { type CellClass, cellClasses, densityClasses } from "../../core/index.js";
import { type AveragePrecision, averagePrecision50 } from "./averagePrecision.js";
import { depthOfClasses, type LeukocyteScore, scoreLeukocytes } from "./leukocytes.js";
import type { ClassDepth, FieldResult, FoundCell, TruthField } from "./matching.js";
import { countError, type ProtocolScore, scoreProtocol } from "./protocols.js";

/** A labelled field, what was found at the model's thresholds, and all candidates down to a low confidence. */
export interface EvaluatedField {
  readonly truth: TruthField;
  readonly found: readonly FoundCell[];
  readonly candidates: readonly FoundCell[];
}

/** The figures at one depth of classes. */
export interface DepthScore {
  readonly raw: ProtocolScore;
  readonly fair: ProtocolScore;
  readonly ap50: AveragePrecision;
  /** Mean over fields of |found - true| / true. */
  readonly countError: Readonly<Partial<Record<CellClass, number | null>>>;
}

export interface DatasetScore extends DepthScore {
  readonly fields: number;
  /** The depth of the figures: that of the data set's labels. */
  readonly depth: ClassDepth;
  /** The same figures with all leukocytes as one class, where the labels go deeper. */
  readonly density?: DepthScore;
  /** Where the labels name leukocytes. */
  readonly leukocytes?: LeukocyteScore;
}

const scoreAt = (
  results: readonly FieldResult[],
  candidates: readonly FieldResult[],
  classes: readonly CellClass[],
  depth: ClassDepth,
): DepthScore => ({
  raw: scoreProtocol(results, "raw", { depth, classes }),
  fair: scoreProtocol(results, "fair", { depth, classes }),
  ap50: averagePrecision50(candidates, classes, depth),
  countError: countError(results, classes, depth),
});

/**
 * Scores a detector on labelled fields.
 * @param classes classes that the data set's labels use, as its layout declares them
 */
export const scoreDataset = (fields: readonly EvaluatedField[], classes: readonly CellClass[]): DatasetScore => {
  const results = fields.map(({ truth, found }) => ({ truth, found }));
  const candidates = fields.map(({ truth, candidates: found }) => ({ truth, found }));
  const depth = depthOfClasses(classes);
  const named = depth === "named" ? cellClasses.filter((cellClass) => classes.includes(cellClass)) : densityClasses;
  const leukocytes = scoreLeukocytes(results);
  return {
    fields: fields.length,
    depth,
    ...scoreAt(results, candidates, named, depth),
    ...(depth === "named" ? { density: scoreAt(results, candidates, densityClasses, "density") } : {}),
    ...(leukocytes ? { leukocytes } : {}),
  };
};
