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

/** A camera that is connected. */
export interface FoundCamera {
  /** What `open` takes. */
  readonly source: string;
  /** What it calls itself. */
  readonly title?: string | undefined;
}

/** The export `driver` of `drivers/cameras/<name>/driver.ts`. */
export interface CameraDriver<Options = unknown> {
  readonly manifest: DriverManifest<Options>;
  /**
   * Cameras of this driver that are connected, where it can tell without opening them; none where a program that it takes is missing. Takes
   * some seconds at most; must not throw.
   */
  find?(): Promise<readonly FoundCamera[]>;
  /**
   * @throws CytoError a `CAMERA_` code that says why (docs/errors.md); IMAGE_UNREADABLE; what the signal's abortion gives
   */
  open(request: CameraOpenRequest<Options>): Promise<Camera>;
}

/** Axes of a stage: x and y in the plane of the slide, z the focus. */
export const stageAxes = ["x", "y", "z"] as const;
export type StageAxis = (typeof stageAxes)[number];

/** Where a stage is, um, in its own axes and from its own origin. `z` where it has a focus. */
export interface StagePositionUm {
  readonly x: number;
  readonly y: number;
  readonly z?: number | undefined;
}

/** Where a stage shall go; an axis that is left out stays where it is. */
export type StageTargetUm = Partial<Readonly<Record<StageAxis, number>>>;

export interface StageRangeUm {
  readonly min: number;
  readonly max: number;
}

/** The travel that is allowed, um; an axis without a range is free. */
export type StageLimitsUm = Partial<Readonly<Record<StageAxis, StageRangeUm | undefined>>>;

export interface StageOpenRequest<Options = unknown> {
  /** Serial port or address, as the manifest's `sourceSyntax` says. */
  readonly source: string | undefined;
  readonly options: Options;
  /** A target outside of these is refused (STAGE_LIMIT) before a byte of it is sent. */
  readonly limitsUm: StageLimitsUm;
  /** Aborting it rejects a pending `open`, halts a move under way and closes the stage. */
  readonly signal: AbortSignal;
  /**
   * Told once when the stage is lost: unplugged, silent, or in an alarm that only a person can clear. From then on every call is
   * refused with that error. Must not throw.
   */
  readonly onFault?: ((fault: CytoError) => void) | undefined;
  /** Told, in a sentence, what the user should know of a stage that works. Must not throw. */
  readonly onNotice?: ((notice: string) => void) | undefined;
}

/**
 * An open stage. Opening it moves nothing. Calls may overlap: `position` and `stop` are answered while a move is under way; a second
 * move meanwhile is refused (STAGE_BUSY). Closing halts a move under way, and is idempotent.
 */
export interface Stage extends AsyncDisposable {
  readonly axes: readonly StageAxis[];
  /** Whether `home` finds the origin by itself. */
  readonly canHome: boolean;
  /**
   * Whether the position is that of the real stage: false from the start where the controller says so or cannot know (it was
   * switched on since), after an alarm that loses steps, and until `home` or `declare`.
   */
  readonly referenced: boolean;
  /** What the controller tells of itself, for `devices probe`: name and version of its firmware. */
  readonly identity: string;
  /** As the controller reports it; also during a move where the controller can. @throws CytoError STAGE_SILENT, or the fault's */
  position(): Promise<StagePositionUm>;
  /**
   * Resolves with the reported position when the stage stands still.
   * @throws CytoError STAGE_LIMIT (nothing was sent), STAGE_BUSY, STAGE_REFUSED, STAGE_ALARM, STAGE_SILENT, STAGE_STOPPED where
   * `stop` or the signal ended the move
   */
  moveTo(target: StageTargetUm, signal?: AbortSignal): Promise<StagePositionUm>;
  /** Looks for the origin by the stage's switches. @throws CytoError STAGE_UNSUPPORTED where it has none, and those of `moveTo` */
  home(signal?: AbortSignal): Promise<StagePositionUm>;
  /** Declares that the stage stands at this position: for stages without switches. Nothing moves. @throws CytoError STAGE_BUSY */
  declare(position: StagePositionUm): Promise<void>;
  /**
   * Halts at once, whatever is under way; the bytes leave before anything else. Resolves when the stage stands still. Of a stage that
   * loses steps by it, the position is no longer `referenced`.
   */
  stop(): Promise<void>;
}

/** The export `driver` of `drivers/stages/<name>/driver.ts`. */
export interface StageDriver<Options = unknown> {
  readonly manifest: DriverManifest<Options>;
  /** @throws CytoError a `STAGE_` code that says why (docs/errors.md); what the signal's abortion gives */
  open(request: StageOpenRequest<Options>): Promise<Stage>;
}
