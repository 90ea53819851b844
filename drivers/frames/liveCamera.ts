import { CytoError } from "../../src/core/index.js";
import type { Camera, CameraFrame } from "../contract.js";
import { Newest } from "./newest.js";

/** Pixels of a frame, as `CameraFrame` has them. */
export interface FramePixels {
  readonly width: number;
  readonly height: number;
  readonly pixels: Uint8Array<ArrayBuffer>;
  readonly umPerPixel?: number;
}

export interface LiveCameraOptions<Item> {
  /** Of the request: its abortion ends the frames. */
  readonly signal: AbortSignal;
  readonly onFault?: ((fault: CytoError) => void) | undefined;
  /** The source as it may be seen. */
  readonly source: string;
  /** Longest time from frame to frame. */
  readonly stallTimeoutMs: number;
  /** Pixels of what has arrived; undefined where there are none to be had, which has been reported as a fault. */
  readonly toPixels: (item: Item) => FramePixels | undefined | Promise<FramePixels | undefined>;
  /** Closes what the frames come from. Called once. */
  readonly close: () => Promise<void>;
  readonly frameIntervalMs?: () => number | undefined;
}

/**
 * A camera whose source does not wait: frames are put in by whoever reads the source, the newest is given to the consumer, and each
 * that it did not fetch is reported as lost. Watches that frames come.
 */
export class LiveCamera<Item> implements Camera {
  readonly pace = "live";
  readonly #options: LiveCameraOptions<Item>;
  readonly #closing = new AbortController();
  readonly #signal: AbortSignal;
  readonly #newest: Newest<{ readonly item: Item; readonly arrivedAtMs: number }>;
  #first: CameraFrame | undefined;
  #delivered = 0;
  #lastCaptureMs = 0;
  #iterated = false;
  #closed: Promise<void> | undefined;

  constructor(options: LiveCameraOptions<Item>) {
    this.#options = options;
    this.#signal = AbortSignal.any([options.signal, this.#closing.signal]);
    this.#newest = new Newest(() => this.lose("was overwritten before it was fetched"));
  }

  get frameIntervalMs(): number | undefined {
    return this.#options.frameIntervalMs?.();
  }

  /** A frame has arrived. */
  put(item: Item): void {
    this.#newest.put({ item, arrivedAtMs: Date.now() });
  }

  /** A frame was lost. */
  lose(how: string, context: Readonly<Record<string, unknown>> = {}): void {
    const { source, onFault } = this.#options;
    onFault?.(new CytoError("FRAME_LOST", `A frame of ${source} ${how}.`, { context: { source, ...context } }));
  }

  /** The source has failed; the frames end with this error. */
  fail(error: CytoError): void {
    this.#newest.fail(error);
  }

  /**
   * Waits until the first frame is there.
   * @throws CytoError CAMERA_STALE, what `fail` was given, or what the signal's abortion gives; the camera is to be disposed of then
   */
  async start(openTimeoutMs: number): Promise<void> {
    this.#first = await this.#next(openTimeoutMs);
    if (this.#first !== undefined) return;
    this.#options.signal.throwIfAborted();
    throw new CytoError("CAMERA_DISCONNECTED", `${this.#options.source} was closed while it was being opened.`);
  }

  frames(): AsyncIterable<CameraFrame> {
    if (this.#iterated) throw new CytoError("INTERNAL", "The frames of a camera were asked for twice.");
    this.#iterated = true;
    return this.#deliver();
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
    this.#closed ??= this.#options.close();
    return this.#closed;
  }

  async *#deliver(): AsyncGenerator<CameraFrame, void, undefined> {
    try {
      let frame = this.#first;
      this.#first = undefined;
      while (!this.#signal.aborted) {
        frame ??= await this.#next(this.#options.stallTimeoutMs);
        if (frame === undefined || this.#signal.aborted) return;
        this.#delivered++;
        yield frame;
        frame = undefined;
      }
    } finally {
      await this[Symbol.asyncDispose]();
    }
  }

  /** The next frame that has pixels; undefined at the end. */
  async #next(timeoutMs: number): Promise<CameraFrame | undefined> {
    const deadlineMs = performance.now() + timeoutMs + (this.frameIntervalMs ?? 0);
    for (;;) {
      const arrived = await this.#newest.next(deadlineMs - performance.now(), this.#signal, () =>
        this.#stale(timeoutMs),
      );
      if (arrived === undefined) return undefined;
      const picture = await this.#options.toPixels(arrived.item);
      if (picture === undefined) {
        // What gives nothing but unreadable frames is as good as frozen.
        if (performance.now() > deadlineMs) throw this.#stale(timeoutMs);
        continue;
      }
      // The system's clock may be set back; frames must not seem to.
      this.#lastCaptureMs = Math.max(this.#lastCaptureMs, arrived.arrivedAtMs);
      return { ...picture, capturedAtMs: this.#lastCaptureMs, source: this.#options.source, simulated: false };
    }
  }

  #stale(afterMs: number): CytoError {
    const { source } = this.#options;
    return new CytoError("CAMERA_STALE", `${source} has delivered no frame for ${afterMs} ms.`, {
      context: { source, afterMs, framesDelivered: this.#delivered },
    });
  }
}
