/** Drift: do live fields still look as those that the model was validated on? Pure. */
export { type DriftAlarm, DriftMonitor, type DriftOptions } from "./monitor.js";
export { type DriftReference, driftReferenceOf, leastReferenceSlides, parseDriftReference } from "./reference.js";
export { type DriftField, type DriftKind, driftKinds } from "./summary.js";
