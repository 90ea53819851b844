import type { z } from "zod";
import type { Frame } from "../src/core/index.js";

/** What a camera delivers: a frame without the fields that acquisition adds (`sequence`, `camera`). */
export type CameraFrame = Omit<Frame, "sequence" | "camera">;

/** Facts about a driver that can be read without loading the driver itself or any native library. */
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
}

/**
 * An open camera. `frames()` may be iterated once. Iteration ends when the source has no more frames, throws a
 * CytoError when it fails, and returns quietly when the signal aborts. Closing is idempotent.
 */
export interface Camera extends AsyncDisposable {
  frames(): AsyncIterable<CameraFrame>;
}

/** Export of `drivers/cameras/<name>/driver.ts`. */
export interface CameraDriver<Options = unknown> {
  readonly manifest: DriverManifest<Options>;
  /** @throws CytoError CAMERA_NOT_FOUND, CAMERA_OPEN_FAILED, IMAGE_UNREADABLE */
  open(request: CameraOpenRequest<Options>): Promise<Camera>;
}
