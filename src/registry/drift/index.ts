/** Drift: do live fields still look as those that the model was validated on? Pure, but for reading the reference. */
export { type DriftAlarm, DriftMonitor, type DriftOptions } from "./monitor.js";
export {
  type DriftReference,
  driftFile,
  driftReferenceOf,
  leastReferenceSlides,
  parseDriftReference,
  readDriftReference,
} from "./reference.js";
export { type DriftField, type DriftKind, driftKinds } from "./summary.js";
