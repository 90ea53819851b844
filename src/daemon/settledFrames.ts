import type { AcquiredFrame, FrameQuality } from "../acquisition/index.js";
import { type Clock, CytoError, type Frame } from "../core/index.js";
import type { FrameSource } from "../scan/index.js";

export interface SettledFramesOptions {
  readonly clock: Clock;
  /** From a frame's exposure to its arrival, at most, ms. */
  readonly latencyMs: number;
  /** Whether the camera sets the pace: then a frame may have been under exposure when it was asked for. */
  readonly live: () => boolean;
  /** Without a frame for so long the camera has failed. */
  readonly timeoutMs: number;
}

interface Wish {
  /** Frames that were complete before are too old, ms since the epoch. */
  readonly fromMs: number;
  /** Frames that may still have seen the stage move. */
  skip: number;
  readonly grant: (frame: Frame) => void;
}

/** Qualities of frames under way in a scan, at most. */
const mostQualities = 64;

/**
 * Frames of a standing stage, out of the stream of all: one that was complete after the latency, and, of a camera that sets the pace,
 * not the one that was being exposed at that moment.
 */
export class SettledFrames implements FrameSource {
  readonly #options: SettledFramesOptions;
  readonly #qualities = new Map<number, FrameQuality>();
  #wish: Wish | undefined;

  constructor(options: SettledFramesOptions) {
    this.#options = options;
  }

  /** Whether somebody waits for a frame. */
  get wanted(): boolean {
    return this.#wish !== undefined;
  }

  /** Shows a frame from the stream; true where it was handed on, and belongs to whoever waited. */
  offer({ frame, quality }: AcquiredFrame): boolean {
    const wish = this.#wish;
    // Of the same millisecond it may still have been taken before.
    if (wish === undefined || frame.capturedAtMs <= wish.fromMs) return false;
    if (wish.skip-- > 0) return false;
    this.#wish = undefined;
    this.#qualities.set(frame.sequence, quality);
    for (const sequence of this.#qualities.keys()) {
      if (this.#qualities.size <= mostQualities) break;
      this.#qualities.delete(sequence);
    }
    wish.grant(frame);
    return true;
  }

  /** The quality of a frame that was handed on lately. */
  qualityOf({ sequence }: Pick<Frame, "sequence">): FrameQuality | undefined {
    return this.#qualities.get(sequence);
  }

  /** @throws CytoError CAMERA_STALE where none comes in time, INTERNAL where somebody waits already; what the signal aborts with */
  take(signal?: AbortSignal): Promise<Frame> {
    const { clock, latencyMs, live, timeoutMs } = this.#options;
    if (this.#wish !== undefined) return Promise.reject(new CytoError("INTERNAL", "two wait for the next frame"));
    if (signal?.aborted) return Promise.reject(signal.reason);
    return new Promise((resolve, reject) => {
      const settle = (): void => {
        clearTimeout(timer);
        signal?.removeEventListener("abort", abort);
        if (this.#wish === wish) this.#wish = undefined;
      };
      const abort = (): void => {
        settle();
        reject(signal?.reason);
      };
      const timer = setTimeout(() => {
        settle();
        reject(new CytoError("CAMERA_STALE", `the camera gave no frame of the standing stage in ${timeoutMs} ms`));
      }, latencyMs + timeoutMs);
      const wish: Wish = {
        fromMs: clock.now() + latencyMs,
        skip: live() ? 1 : 0,
        grant: (frame) => {
          settle();
          resolve(frame);
        },
      };
      this.#wish = wish;
      signal?.addEventListener("abort", abort, { once: true });
    });
  }
}
