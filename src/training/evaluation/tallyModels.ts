import type { CellClass } from "../../core/index.js";
import { createDetector, type DetectorModels, type DetectorOptions } from "../../detection/index.js";
import type { FieldTally } from "../../registry/index.js";
import type { LabelledField } from "../datasets/index.js";
import { depthOfClasses, fieldTallies, type Protocol } from "../scoring/index.js";
import { detectAll } from "./evaluate.js";

export interface TallyOptions {
  /** Scales are those of the labels where these tell them, else estimated. */
  readonly fields: readonly LabelledField[];
  /** Classes that the labels use. */
  readonly classes: readonly CellClass[];
  readonly protocol?: Protocol;
  readonly provider?: DetectorOptions["provider"];
  readonly threads?: number;
  readonly onField?: (() => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Runs models over labelled fields at their own thresholds, for the gate: one tally a field, `raw` unless told otherwise.
 * @throws CytoError IMAGE_UNREADABLE, MODEL_INVALID, MODEL_NOT_FOUND, PROVIDER_UNAVAILABLE, DETECTION_FAILED
 */
export const tallyModels = async (models: DetectorModels, options: TallyOptions): Promise<readonly FieldTally[]> => {
  const { fields, classes, protocol = "raw", provider = "auto", threads, onField, signal } = options;
  await using detector = await createDetector({ models, provider, ...(threads === undefined ? {} : { threads }) });
  const { detections } = await detectAll(detector, fields, (index) => fields[index]!.umPerPixel, { onField, signal });
  const results = fields.map((truth, index) => ({ truth, found: detections[index]!.cells }));
  return fieldTallies(results, protocol, depthOfClasses(classes));
};
