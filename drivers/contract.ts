import type { z } from "zod";
import type { CytoError, Frame } from "../src/core/index.js";

/** What a camera delivers: a frame without the fields that acquisition adds (`sequence`, `camera`). */
export type CameraFrame = Omit<Frame, "sequence" | "camera">;

/**
 * Facts about a driver that can be read without loading the driver itself or any native library: the export `manifest` of
 * `drivers/cameras/<name>/manifest.ts`.
 */
export interface DriverManifest<Options = unknown> {
  /** Equal to the folder's name. */
  readonly name: string;
  readonly title: string;
  /** One sentence for `doctor` and docs/drivers.md. */
  readonly description: string;
  /** True where everything that comes from it is simulated. */
  readonly simulated: boolean;
  /** What a `source` string means to this driver; shown in help. */
  readonly sourceSyntax: string;
  /** Driver-specific options (config key `camera.options`), strict, with defaults. */
  readonly options: z.ZodType<Options>;
}

export interface CameraOpenRequest<Options = unknown> {
  readonly source: string | undefined;
  readonly options: Options;
  /** Aborting it ends `frames()` within the driver's deadline and rejects a pending `open`. */
  readonly signal: AbortSignal;
  /**
   * Told of each frame that is lost while the stream goes on: an unreadable picture of a folder, a packet that cannot be
   * decoded, a frame that was overwritten before it was fetched. One call per lost frame; must not throw.
   */
  readonly onFault?: ((fault: CytoError) => void) | undefined;
  /** Told, in a sentence, what the user should know of a camera that works: that it makes do with less, for example. Must not throw. */
  readonly onNotice?: ((notice: string) => void) | undefined;
}

/**
 * Who sets the pace. `live`: the source does, and a frame that is not fetched in time is gone. `onDemand`: the
 * consumer does, the source waits, and no frame need be dropped.
 */
export type CameraPace = "live" | "onDemand";

/**
 * An open camera. `frames()` may be iterated once. Iteration ends when the source has no more frames, throws a
 * CytoError when it fails, and returns quietly when the signal aborts. Closing is idempotent.
 */
export interface Camera extends AsyncDisposable {
  /** `live` unless given. */
  readonly pace?: CameraPace | undefined;
  /** Time from frame to frame where the driver knows it: a camera is not stale before its next frame is due. */
  readonly frameIntervalMs?: number | undefined;
  frames(): AsyncIterable<CameraFrame>;
}

/** The export `driver` of `drivers/cameras/<name>/driver.ts`. */
export interface CameraDriver<Options = unknown> {
  readonly manifest: DriverManifest<Options>;
  /**
   * @throws CytoError a `CAMERA_` code that says why (docs/errors.md); IMAGE_UNREADABLE; what the signal's abortion gives
   */
  open(request: CameraOpenRequest<Options>): Promise<Camera>;
}
