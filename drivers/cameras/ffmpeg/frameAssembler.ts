import { CytoError } from "../../../src/core/index.js";
import type { FrameSize } from "./stderr.js";

export interface RawFrame extends FrameSize {
  readonly pixels: Uint8Array<ArrayBuffer>;
}

/** Sizes told before their frames; ffmpeg is a few frames ahead of the pipe, not thousands. */
const maxSizesAhead = 4096;

/**
 * Cuts the bytes of a pipe into frames of 3 bytes a pixel whose sizes are told apart from the pipe, in the same order. Chunks may
 * end anywhere. Each byte is copied once, from its chunk into the frame that it belongs to.
 */
export class FrameAssembler {
  readonly #sizes: FrameSize[] = [];
  #chunk: Uint8Array | undefined;
  #frame: RawFrame | undefined;
  #filled = 0;

  constructor(readonly maxPixels: number) {}

  /** Whether bytes are welcome: the next frame's size is known and the last chunk used up. */
  get hungry(): boolean {
    return this.#chunk === undefined && (this.#frame !== undefined || this.#sizes.length > 0);
  }

  /** Whether part of a frame has come. */
  get partial(): boolean {
    return this.#filled > 0 || this.#chunk !== undefined;
  }

  /**
   * Tells the size of the next frame that has none yet.
   * @throws CytoError FRAME_INVALID for no area, IMAGE_TOO_LARGE over the limit
   */
  expect(size: FrameSize): void {
    const { width, height } = size;
    if (width < 1 || height < 1) throw new CytoError("FRAME_INVALID", `A frame of ${width} x ${height} has no area.`);
    if (width * height > this.maxPixels) {
      throw new CytoError("IMAGE_TOO_LARGE", `Frames of ${width} x ${height} pixels are over the limit.`, {
        context: { width, height, maxPixels: this.maxPixels },
      });
    }
    if (this.#sizes.length >= maxSizesAhead) throw new CytoError("INTERNAL", "ffmpeg tells of frames and sends none.");
    this.#sizes.push({ width, height });
  }

  /** Takes the next chunk. Only when the one before is used up (`hungry`). */
  push(chunk: Uint8Array): void {
    if (this.#chunk !== undefined) throw new CytoError("INTERNAL", "A chunk was pushed before the last was used up.");
    if (chunk.length > 0) this.#chunk = chunk;
  }

  /** The next frame, when all of its bytes are there. */
  take(): RawFrame | undefined {
    const frame = this.#frame ?? this.#begin();
    if (frame === undefined || this.#chunk === undefined) return undefined;
    const part = this.#chunk.subarray(0, frame.pixels.length - this.#filled);
    frame.pixels.set(part, this.#filled);
    this.#filled += part.length;
    this.#chunk = part.length < this.#chunk.length ? this.#chunk.subarray(part.length) : undefined;
    if (this.#filled < frame.pixels.length) return undefined;
    this.#frame = undefined;
    this.#filled = 0;
    return frame;
  }

  #begin(): RawFrame | undefined {
    const size = this.#sizes.shift();
    if (size === undefined) return undefined;
    this.#frame = { ...size, pixels: new Uint8Array(size.width * size.height * 3) };
    return this.#frame;
  }
}
