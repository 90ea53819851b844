import { basename, resolve } from "node:path";
import { CytoError } from "../core/index.js";
import { type LabelledField, openDataset } from "./datasets/index.js";
import type { DataSummary } from "./modelCard.js";

export interface TrainingFields {
  readonly training: readonly LabelledField[];
  readonly validation: readonly LabelledField[];
  readonly summaries: readonly DataSummary[];
}

const summarise = (dataset: string, split: string, fields: readonly LabelledField[]): DataSummary => {
  const cells: Record<string, number> = {};
  for (const { cellClass } of fields.flatMap((field) => field.cells)) cells[cellClass] = (cells[cellClass] ?? 0) + 1;
  return { dataset, split, fields: fields.length, cells };
};

/** Size of a pixel by name of the data set, um, where one scale holds for all its pictures. */
export type KnownScales = Readonly<Record<string, number>>;

/**
 * Splits `train` and `val` of data sets, side by side. Fields of `val` choose thresholds and temperatures; no step of
 * the optimiser sees them.
 * @throws CytoError DATASET_INVALID where a data set cannot be read, or none has fields to train on
 */
export const readTrainingFields = async (
  directories: readonly string[],
  scales: KnownScales = {},
): Promise<TrainingFields> => {
  const training: LabelledField[] = [];
  const validation: LabelledField[] = [];
  const summaries: DataSummary[] = [];
  for (const directory of directories) {
    const umPerPixel = scales[basename(resolve(directory))];
    const dataset = await openDataset(directory, umPerPixel === undefined ? {} : { umPerPixel });
    for (const [split, target] of [
      ["train", training],
      ["val", validation],
    ] as const) {
      if (!dataset.splits.includes(split)) continue;
      const fields = await dataset.fields(split);
      target.push(...fields);
      summaries.push(summarise(dataset.name, split, fields));
    }
  }
  if (training.length === 0)
    throw new CytoError("DATASET_INVALID", `No field to train on in ${directories.join(", ")}`);
  return { training, validation, summaries };
};
