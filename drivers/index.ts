/** Drivers: found by folder, loaded when they are used. A new one is a folder and no edit here (docs/drivers.md). */
export type { Camera, CameraDriver, CameraFrame, CameraOpenRequest, CameraPace, DriverManifest } from "./contract.js";
export {
  type DiscoverOptions,
  type DriverFailure,
  type DriverKind,
  type DriverListing,
  listDrivers,
  loadCamera,
} from "./discover.js";
