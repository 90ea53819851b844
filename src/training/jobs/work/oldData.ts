import { createHash } from "node:crypto";
import type { LabelledField } from "../../datasets/index.js";
import { evenlySpaced } from "../../evenlySpaced.js";

/** Fields of old data that set thresholds, and that models are compared on: by the minutes of the training, and at most. */
const calibrating = { perMinute: 6, most: 120 };
const comparing = { perMinute: 20, most: 400 };
const fewest = 20;

const numberOf = ({ perMinute, most }: typeof comparing, minutes: number): number =>
  Math.round(Math.min(Math.max(perMinute * minutes, fewest), most));
const calibratingShare = 0.3;

const drawOf = ({ dataset, id }: LabelledField): number =>
  createHash("sha256").update(`${dataset}\n${id}`).digest().readUInt32LE(0) / 2 ** 32;

/**
 * Of the old data's `val` fields, some set thresholds and the others compare models: a candidate shall not be compared on what
 * it was tuned to.
 */
export const oldCalibration = (fields: readonly LabelledField[], minutes: number): readonly LabelledField[] =>
  evenlySpaced(
    fields.filter((field) => drawOf(field) < calibratingShare),
    numberOf(calibrating, minutes),
  );

export const oldComparison = (fields: readonly LabelledField[], minutes: number): readonly LabelledField[] =>
  evenlySpaced(
    fields.filter((field) => drawOf(field) >= calibratingShare),
    numberOf(comparing, minutes),
  );
