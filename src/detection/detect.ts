import { catchError, from, map, type Observable, type OperatorFunction, of } from "rxjs";
import { CytoError, type DropCause, type Frame, latest } from "../core/index.js";
import type { Detection } from "./detection.js";
import type { Detector } from "./detector.js";

export interface DetectPolicy<F extends Frame> {
  /** Newest frames that may wait; an older one that must make room is dropped and reported. 1 unless given. */
  readonly waiting?: number;
  /** Frames searched at the same time; the detector's number of workers unless given. */
  readonly concurrency?: number;
  readonly density?: boolean;
  readonly onDrop?: (frame: F, cause: DropCause) => void;
  readonly onDepth?: (waiting: number) => void;
}

/** A frame, with its pixels, and what was found in it. */
export interface DetectedFrame<F extends Frame = Frame> {
  readonly frame: F;
  readonly detection: Detection;
}

/** A frame that could not be searched; its pixels may be gone. The stream goes on. */
export interface UndetectedFrame<F extends Frame = Frame> {
  readonly frame: F;
  readonly error: CytoError;
}

/**
 * Frames to detections, in the order of the frames. Lossy: while the workers are busy the newest frames wait, older ones
 * are dropped and counted by `onDrop`. A frame that fails is a value, never the end of the stream.
 */
export const detect =
  <F extends Frame>(
    detector: Detector,
    policy: DetectPolicy<F> = {},
  ): OperatorFunction<F, DetectedFrame<F> | UndetectedFrame<F>> =>
  (frame$) => {
    const search = (frame: F): Observable<DetectedFrame<F> | UndetectedFrame<F>> =>
      from(detector.detect(frame, { returnPixels: true, density: policy.density ?? false })).pipe(
        map(({ pixels, ...detection }) => ({ frame: { ...frame, ...(pixels ? { pixels } : {}) }, detection })),
        catchError((error: unknown) => of({ frame, error: CytoError.from(error, "DETECTION_FAILED") })),
      );
    return frame$.pipe(
      latest(policy.waiting ?? 1, search, {
        concurrency: policy.concurrency ?? detector.workers,
        ordered: true,
        ...(policy.onDrop ? { onDrop: policy.onDrop } : {}),
        ...(policy.onDepth ? { onDepth: policy.onDepth } : {}),
      }),
    );
  };
