/** A scan under way. */
export type { FieldFocus, FocusControl } from "./focusControl.js";
export { type SlideMapping, slideMapping, uncalibrated } from "./mapping.js";
export { checkStandingField } from "./objectiveCheck.js";
export { type PipelineEnd, type PipelineRun, type PipelineSteps, runPipeline } from "./pipeline.js";
export { type CountedScanField, fieldsWaiting, type ScanPorts } from "./ports.js";
export { ScanRun, type ScanRunOptions } from "./scanRun.js";
export { checkSetup, checkSlide, isTelling, type SlideCheck } from "./slideCheck.js";
