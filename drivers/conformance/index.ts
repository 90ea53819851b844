/** One suite that every driver must pass. */
export {
  type CameraSubject,
  type ConformanceCheck,
  type ConformanceResult,
  cameraChecks,
  examineCamera,
} from "./camera.js";
