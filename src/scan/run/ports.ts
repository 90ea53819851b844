import type { Clock, Frame } from "../../core/index.js";
import type { Counts, FieldOutcome } from "../../counting/index.js";
import type { Detection, DetectOptions } from "../../detection/index.js";
import type { Jpeg, ScanField, ScanRecord } from "../desk.js";
import type { FrameSource, StageControl } from "../ports.js";
import type { FocusControl } from "./focusControl.js";

/** A field that is counted and on the disk. */
export interface CountedScanField {
  readonly scan: ScanRecord;
  readonly field: ScanField;
  /** Its stage position in slide coordinates; the pixels are gone where the detector kept them. */
  readonly frame: Frame;
  readonly detection: Detection;
  readonly outcome: FieldOutcome;
  readonly counts: Counts;
  readonly picture: Jpeg;
}

/** The devices of a scan, and who is told. */
export interface ScanPorts {
  readonly stage: StageControl;
  readonly frames: FrameSource;
  /**
   * May take the frame's pixels; hands them back as the detection's `pixels` if they are needed later. What it cannot say of the red cells it
   * leaves out.
   */
  detect(frame: Frame, signal: AbortSignal, options?: Pick<DetectOptions, "redCells">): Promise<Detection>;
  /** Absent where the stage has no focus. */
  readonly focus?: FocusControl | undefined;
  readonly clock: Clock;
  /** From the stage's standing still to a picture that does not shake, where the stage's control does not wait for it itself. */
  readonly settleMs: number;
  /** Fields that the detector searches at the same time. */
  readonly searching: number;
  onField?(field: CountedScanField): void;
}

/** Fields that may wait for the detector. */
export const fieldsWaiting = 2;
