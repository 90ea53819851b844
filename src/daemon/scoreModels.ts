import type { DetectorModels } from "../detection/index.js";
import type { FieldTally, ScoredPair } from "../registry/index.js";
import type { LabelledField } from "../training/datasets/index.js";
import { tallyModels } from "../training/evaluation/index.js";

/** What two models are compared on. */
export interface ComparedFields {
  readonly validation: readonly LabelledField[];
  readonly old: readonly LabelledField[];
}

/** One thread: the live count has the machine. */
const threads = 1;

const classesOf = (fields: readonly LabelledField[]) => [
  ...new Set(fields.flatMap(({ cells }) => cells.map(({ cellClass }) => cellClass))),
];

const tallies = (models: DetectorModels, fields: readonly LabelledField[]): Promise<readonly FieldTally[]> =>
  fields.length === 0
    ? Promise.resolve([])
    : tallyModels(models, { fields, classes: classesOf(fields), provider: "cpu", threads });

/** Runs two pairs of models over the same fields, in worker threads beside the live count. */
export const scoreModels = async (
  candidate: DetectorModels,
  active: DetectorModels,
  { validation, old }: ComparedFields,
): Promise<ScoredPair> => ({
  candidate: { validation: await tallies(candidate, validation), old: await tallies(candidate, old) },
  active: { validation: await tallies(active, validation), old: await tallies(active, old) },
});
