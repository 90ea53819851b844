import { createHash } from "node:crypto";
import type { LabelledField } from "../../datasets/index.js";
import { evenlySpaced } from "../../evenlySpaced.js";

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
