export {
  type CalibrateOptions,
  type CalibrationResult,
  calibrateOptics,
  verifyObjective,
} from "./calibrate.js";
export { checkCellScale, checkObjective, type ObjectiveLook, ScaleWatch } from "./cellScale.js";
export { type LightCorrection, LightCorrector, lightOf, measureLight } from "./light.js";
export { findShift, registerPictures, type Shift, type Unregistered } from "./shift.js";
export { type Sighting, type Solution, solveOptics } from "./solve.js";
export { type OpticsStore, openOpticsStore } from "./store.js";
