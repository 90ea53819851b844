/** Drivers: found by folder, loaded when they are used. A new one is a folder and no edit here (docs/drivers.md). */
export {
  type Camera,
  type CameraDriver,
  type CameraFrame,
  type CameraOpenRequest,
  type CameraPace,
  type DriverManifest,
  type FoundCamera,
  type Stage,
  type StageAxis,
  type StageDriver,
  type StageLimitsUm,
  type StageOpenRequest,
  type StagePositionUm,
  type StageRangeUm,
  type StageTargetUm,
  stageAxes,
} from "./contract.js";
export {
  type DiscoverOptions,
  type DriverFailure,
  type DriverKind,
  type DriverListing,
  listDrivers,
  loadCamera,
  loadStage,
} from "./discover.js";
