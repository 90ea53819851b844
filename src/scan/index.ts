/** Scanning a slide: plans, stop rules, motion, optics, focus, and scans as durable objects. */
export {
  type CalibrationReport,
  type FocusMode,
  type FocusReport,
  type FoundCell,
  focusModes,
  type Jpeg,
  type MicroscopeStatus,
  mapTilePx,
  type ScanCell,
  type ScanDesk,
  type ScanField,
  type ScanFieldCells,
  type ScanRecord,
  type ScanRequest,
  type ScanSetup,
  type ScanState,
  type SlideMap,
  type SlidePositionUm,
  type StageAction,
  type StageState,
  scanStates,
  stageStates,
} from "./desk.js";
export { autofocus, createFocusControl, type FocusMap, type FocusPoint, focusMapThrough } from "./focus/index.js";
export type { MicroscopeProcedures } from "./microscope.js";
export { openStageControl, type StageControlOptions } from "./motion/index.js";
export {
  type CalibrationResult,
  calibrateOptics,
  checkObjective,
  type LightCorrection,
  LightCorrector,
  measureLight,
  type OpticsStore,
  openOpticsStore,
  registerPictures,
  verifyObjective,
} from "./optics/index.js";
export { type ScanPlan, type ScanRegion, scanPlanSchema, scanRegionSchema } from "./plan/index.js";
export type { FrameSource, OpticsCalibration, StageControl, StageStatus } from "./ports.js";
export { readScans } from "./readScans.js";
export { exportScan, type ScanExport, type ScanPaths } from "./record/index.js";
export type { CountedScanField, FieldFocus, FocusControl } from "./run/index.js";
export { createScanDesk, type ScanDeskOptions } from "./scanDesk.js";
export {
  type ClassLimits,
  type DifferentialLimits,
  type StopProgress,
  type StopRules,
  stopRulesSchema,
} from "./stopping/index.js";
