/** What the composition root needs besides the stations: models, how the daemon is doing, results as they are published. */
export { dataDirectoryOf, type Laboratory, type LaboratoryOptions, openLaboratory } from "./laboratory.js";
export { type CountedFrame, cellTotals, fieldMessages } from "./messages.js";
export { type Microscope, type MicroscopeOptions, openMicroscope, type ScannedField } from "./microscope.js";
export { type ModelChoice, openModels } from "./openModels.js";
export { Progress, type ProgressOptions } from "./progress.js";
export { RateMeter, RecentMedian } from "./rateMeter.js";
