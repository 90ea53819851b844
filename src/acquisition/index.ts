/** Camera to frames: reconnecting, watching for silence, refusing what is malformed, measuring quality, counting drops. */
export {
  type AcquiredFrame,
  type AcquireOptions,
  type Acquisition,
  acquire,
  type ProcessOptions,
} from "./acquire.js";
export { type FrameQuality, type LightMeasure, QualityMeter } from "./quality.js";
export type { CameraState, CameraStatus } from "./status.js";
export type { FrameCounts, FrameDropCause } from "./tally.js";
