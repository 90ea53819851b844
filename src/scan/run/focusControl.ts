import type { Frame } from "../../core/index.js";
import type { FocusMode, SlidePositionUm } from "../desk.js";

/** What was done at a field. */
export interface FieldFocus {
  /** The stage's z, um, at which the picture is to be taken; the stage stands there. */
  readonly zUm: number;
  readonly refocused: boolean;
}

/** Focus as a scan needs it: found before it begins, kept while it runs. Called for one field at a time, in the order of the plan. */
export interface FocusControl {
  /**
   * Before the first field, and again when a scan goes on. `map` moves over the slide and finds where it is in focus.
   * @throws CytoError FOCUS_FAILED, and the stage's and the camera's codes
   */
  prepare(mode: Exclude<FocusMode, "none">, centresUm: readonly SlidePositionUm[], signal: AbortSignal): Promise<void>;
  /** The z at which a place will be in focus, as far as is known: part of the move to it. Moves nothing. */
  predict(positionUm: SlidePositionUm): number | undefined;
  /**
   * The stage stands at the field. Looks for the focus where it is due: of each field, or because quality has fallen.
   * @returns undefined where it stays as it is
   * @throws CytoError FOCUS_FAILED, and the stage's and the camera's codes
   */
  atField(positionUm: SlidePositionUm, signal: AbortSignal): Promise<FieldFocus | undefined>;
  /**
   * Told of each field's picture, before its pixels are handed on, and of how sharp it is (`FrameQuality.focus`): while the stage is on its
   * way to the next field, before it is `atField` there, if that way takes longer than the measuring.
   */
  quality(frame: Frame, sharpness: number): void;
}
