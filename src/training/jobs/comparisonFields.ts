import { type LabelledField, openDataset } from "../datasets/index.js";
import { laboratoryDataset, type SnapshotField } from "./snapshot.js";
import { frozenFields, readAssignments } from "./split.js";
import { oldComparison } from "./work/oldData.js";

export interface ComparisonRequest {
  /** Confirmed fields. */
  readonly fields: readonly SnapshotField[];
  /** Journal of the frozen validation fields: `paths.validation`. */
  readonly assignments: string;
  /** Folders of data sets that the model in production knows. */
  readonly old: readonly string[];
  /** `training.minutes`: the longer a training, the more old fields judge it. */
  readonly minutes: number;
}

const labelled = ({ id, picturePath, widthPx, heightPx, cells, umPerPixel }: SnapshotField): LabelledField => ({
  ...{ id, dataset: laboratoryDataset, picturePath, widthPx, heightPx, cells, incomplete: [] },
  ...(umPerPixel === undefined ? {} : { umPerPixel }),
});

/**
 * The fields that models are compared on, as a training's end does: the frozen validation fields, and of the old data those that set
 * no thresholds.
 * @throws CytoError DATASET_INVALID, STORE_DAMAGED
 */
export const comparisonFields = async ({ fields, assignments, old, minutes }: ComparisonRequest) => {
  const known: LabelledField[] = [];
  for (const folder of old) {
    const dataset = await openDataset(folder);
    if (dataset.splits.includes("val")) known.push(...oldComparison(await dataset.fields("val"), minutes));
  }
  return { validation: frozenFields(fields, await readAssignments(assignments)).map(labelled), old: known };
};
