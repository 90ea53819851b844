import { CytoError } from "../../../src/core/index.js";
import type { FramePixels } from "../../frames/liveCamera.js";

/** GStreamer pads the rows of a picture to as many bytes. */
const rowAlignment = 4;

/**
 * Cuts the bytes of a pipe into frames of one size whose rows may be padded. Chunks may end anywhere; each byte is copied once, from its
 * chunk into its frame. Pure.
 */
export class RasterAssembler {
  /** Bytes of a frame on the pipe. */
  readonly frameBytes: number;
  readonly #rowBytes: number;
  readonly #stride: number;
  #pixels: Uint8Array<ArrayBuffer> | undefined;
  /** Bytes of the frame that have come, padding and all. */
  #taken = 0;

  /** @throws CytoError FRAME_INVALID for no area, IMAGE_TOO_LARGE over the limit */
  constructor(
    readonly width: number,
    readonly height: number,
    maxPixels: number,
  ) {
    if (width < 1 || height < 1) throw new CytoError("FRAME_INVALID", `A frame of ${width} x ${height} has no area.`);
    if (width * height > maxPixels) {
      throw new CytoError("IMAGE_TOO_LARGE", `Frames of ${width} x ${height} pixels are over the limit.`, {
        context: { width, height, maxPixels },
      });
    }
    this.#rowBytes = 3 * width;
    this.#stride = Math.ceil(this.#rowBytes / rowAlignment) * rowAlignment;
    this.frameBytes = this.#stride * height;
  }

  /** Takes a chunk, and gives the frames that it completes. */
  push(chunk: Uint8Array): readonly FramePixels[] {
    const frames: FramePixels[] = [];
    let at = 0;
    while (at < chunk.length) {
      this.#pixels ??= new Uint8Array(this.#rowBytes * this.height);
      at += this.#take(chunk.subarray(at), this.#pixels);
      if (this.#taken < this.frameBytes) continue;
      frames.push({ width: this.width, height: this.height, pixels: this.#pixels });
      this.#pixels = undefined;
      this.#taken = 0;
    }
    return frames;
  }

  /** Takes bytes to the end of the row, or of the frame where no row is padded. @returns how many */
  #take(bytes: Uint8Array, pixels: Uint8Array): number {
    if (this.#stride === this.#rowBytes) {
      const part = bytes.subarray(0, this.frameBytes - this.#taken);
      pixels.set(part, this.#taken);
      this.#taken += part.length;
      return part.length;
    }
    const row = Math.floor(this.#taken / this.#stride);
    const column = this.#taken % this.#stride;
    const part = bytes.subarray(0, this.#stride - column);
    if (column < this.#rowBytes) pixels.set(part.subarray(0, this.#rowBytes - column), row * this.#rowBytes + column);
    this.#taken += part.length;
    return part.length;
  }
}
