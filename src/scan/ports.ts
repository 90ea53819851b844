import type { Observable } from "rxjs";
import type { StagePositionUm, StageTargetUm } from "../../drivers/index.js";
import type { CytoError, Frame } from "../core/index.js";
import type { StageState } from "./desk.js";

/**
 * The stage as scans see it (src/scan/motion): reconnecting, backlash taken up, nothing moved that was not asked for. Positions are the
 * stage's own, um.
 */
export interface StageControl extends AsyncDisposable {
  readonly name: string;
  readonly simulated: boolean;
  readonly hasFocus: boolean;
  readonly status: StageStatus;
  readonly status$: Observable<StageStatus>;
  /**
   * Resolves when the stage stands still at the target, approached from the side that takes up the backlash.
   * @throws CytoError STAGE_LIMIT, STAGE_UNREFERENCED, STAGE_STOPPED, STAGE_BUSY, or the stage's fault
   */
  moveTo(target: StageTargetUm, signal?: AbortSignal): Promise<StagePositionUm>;
  home(signal?: AbortSignal): Promise<StagePositionUm>;
  declare(position: StagePositionUm): Promise<void>;
  /** Halts at once; until `release` every move is refused as STAGE_STOPPED. */
  stop(): Promise<void>;
  release(): void;
}

export interface StageStatus {
  readonly state: StageState;
  readonly referenced: boolean;
  readonly positionUm?: StagePositionUm;
  readonly failure?: CytoError;
}

/**
 * How camera and stage belong together: `toSlide` times a stage position, um, is the slide position of the field's centre (x to the
 * picture's right, y downwards). A rotation, perhaps mirrored, with the axes' own errors of scale and angle.
 */
export interface OpticsCalibration {
  readonly objective: string;
  readonly umPerPixel: number;
  /** Row by row: slide x by stage x, slide x by stage y, slide y by stage x, slide y by stage y. */
  readonly toSlide: readonly [number, number, number, number];
  readonly rotationDegrees: number;
  readonly mirrored: boolean;
  readonly residualPx: number;
  readonly fieldWidthPx: number;
  readonly fieldHeightPx: number;
  readonly atMs: number;
}

/** Pictures of a standing stage. */
export interface FrameSource {
  /**
   * The first frame whose exposure began after now: nothing of it was seen while the stage still moved. The caller owns it.
   * @throws CytoError CAMERA_STALE, CAMERA_DISCONNECTED where none comes in time; what the signal's abortion gives
   */
  take(signal?: AbortSignal): Promise<Frame>;
}
