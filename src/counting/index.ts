export { type CountedResult, type CountStationOptions, count, type DetectedField } from "./count.js";
export { type Counter, createCounter, restoreCounter, type SlideCell } from "./counter.js";
export {
  type ClassCount,
  type Counts,
  countsOf,
  type Differential,
  type DifferentialEntry,
  type Estimate,
  type Ratio,
} from "./counts.js";
export type { CountedField, FieldOutcome, PlacedCell, Placement } from "./field.js";
export { logGamma } from "./gamma.js";
export { intersect, isEmpty, type PointUm, type RectUm, rectAround } from "./geometry.js";
export { garwoodLimits, type Limits, ratioLimits, scaleLimits, wilsonLimits } from "./limits.js";
export { type CountingOptions, countingOptions, defaultCountingOptions } from "./options.js";
export { preparePicture, type ShiftCandidate, shiftCandidates } from "./registration.js";
export { emptyTally, type FieldChange, reduceTally, type Tally } from "./tally.js";
export { luminanceThumbnail, type Thumbnail } from "./thumbnail.js";
