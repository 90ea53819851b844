import { basename, resolve } from "node:path";
import { CytoError } from "../core/index.js";
import { type LabelledField, openDataset } from "./datasets/index.js";
import { evenlySpaced } from "./evenlySpaced.js";
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

export interface TrainingFieldOptions {
  readonly scales?: KnownScales | undefined;
  /** Names of fields that are left out of both splits: pictures that the model shall be judged on later. */
  readonly leaveOut?: readonly string[] | undefined;
  /** What is made of the fields that are there, to see how a training does with less. */
  readonly choice?: FieldChoice | undefined;
  /** Fields to train on of each data set, evenly spaced over its split, where it has more. */
  readonly mostFields?: number | undefined;
}

/** Fewer fields, or poorer labels, than a data set has. */
export interface FieldChoice {
  /** What decides the choice, for fingerprints. */
  readonly name: string;
  choose(fields: readonly LabelledField[], split: "train" | "val"): readonly LabelledField[];
}

/**
 * Splits `train` and `val` of data sets, side by side. Fields of `val` choose thresholds and temperatures; no step of
 * the optimiser sees them.
 * @throws CytoError DATASET_INVALID where a data set cannot be read, none has fields to train on, or a field that is to
 *   be left out is in none
 */
export const readTrainingFields = async (
  directories: readonly string[],
  { scales = {}, leaveOut = [], choice, mostFields }: TrainingFieldOptions = {},
): Promise<TrainingFields> => {
  const unwanted = new Set(leaveOut);
  const unseen = new Set(leaveOut);
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
      const all = await dataset.fields(split);
      for (const { id } of all) unseen.delete(id);
      const left = all.filter(({ id }) => !unwanted.has(id));
      const chosen = choice ? choice.choose(left, split) : left;
      const fields = split === "train" && mostFields !== undefined ? evenlySpaced(chosen, mostFields) : chosen;
      target.push(...fields);
      summaries.push(summarise(dataset.name, split, fields));
    }
  }
  const [stranger] = unseen;
  if (stranger !== undefined)
    throw new CytoError("DATASET_INVALID", `${stranger}, which is to be left out, is in none of the data sets`);
  if (training.length === 0)
    throw new CytoError("DATASET_INVALID", `No field to train on in ${directories.join(", ")}`);
  return { training, validation, summaries };
};
