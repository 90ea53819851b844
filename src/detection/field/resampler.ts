import { type Axis, AxisTaps } from "./axisTaps.js";

/** Interleaved 8-bit RGB, row by row. */
export interface RgbSource {
  readonly width: number;
  readonly height: number;
  readonly pixels: Uint8Array;
}

/** Where resampled pixels go: row i begins at `offset + i * rowBytes`. */
export interface ResampleTarget {
  readonly bytes: Uint8Array;
  readonly offset: number;
  readonly rowBytes: number;
  /** 3 writes RGB, 4 writes RGB and an alpha of 255. */
  readonly channels: 3 | 4;
}

const lowBytes = 0x00ff00ff;
const littleEndian = new Uint8Array(new Uint32Array([1]).buffer)[0] === 1;

/**
 * Separable resampling of 8-bit RGB by area averaging (shrinking) or linear interpolation (enlarging), within one level
 * of the exact result. Rows are combined first, four bytes at a time where the rows allow it: two 16-bit lanes of a
 * word hold 8-bit values times weights that sum to 256. Memory grows to the largest source and is then reused.
 */
export class Resampler {
  readonly #columns = new AxisTaps();
  readonly #rows = new AxisTaps();
  /** Combined rows: for each byte of a source row, 256 times its value. */
  #line = new Uint16Array(0);
  /** Even and odd bytes of combined rows, as lanes of words. */
  #even = new Int32Array(0);
  #odd = new Int32Array(0);

  /**
   * Resamples the part of `source` that the axes describe.
   * @param axes across (columns) and down (rows); their `length` is the source's width and height
   */
  resample(source: RgbSource, axes: { across: Axis; down: Axis }, target: ResampleTarget): void {
    const columns = this.#columns;
    const rows = this.#rows;
    columns.set(axes.across);
    rows.set(axes.down);
    const rowBytes = source.width * 3;
    const from = columns.low * 3;
    const to = columns.high * 3;
    if (this.#line.length < rowBytes + 4) {
      this.#line = new Uint16Array(rowBytes + 4);
      this.#even = new Int32Array((rowBytes >> 2) + 2);
      this.#odd = new Int32Array((rowBytes >> 2) + 2);
    }
    const { buffer, byteOffset, byteLength } = source.pixels;
    const words =
      littleEndian && rowBytes % 4 === 0 && byteOffset % 4 === 0
        ? new Int32Array(buffer, byteOffset, byteLength >> 2)
        : undefined;
    for (let i = 0; i < axes.down.target; i++) {
      if (words) {
        this.#combineWords(words, i, { rowWords: rowBytes >> 2, from: from >> 2, to: (to + 3) >> 2 });
        this.#unpack(from >> 2, (to + 3) >> 2);
      } else {
        this.#combineBytes(source.pixels, i, { rowBytes, from, to });
      }
      this.#writeRow(axes.across.target, target, target.offset + i * target.rowBytes);
    }
  }

  #combineWords(words: Int32Array, i: number, range: { rowWords: number; from: number; to: number }): void {
    const { first, start, weights } = this.#rows;
    const even = this.#even;
    const odd = this.#odd;
    const begin = start[i]!;
    const end = start[i + 1]!;
    for (let k = begin; k < end; k++) {
      const weight = weights[k]!;
      const row = (first[i]! + k - begin) * range.rowWords;
      if (k === begin) {
        for (let w = range.from; w < range.to; w++) {
          const word = words[row + w]!;
          even[w] = Math.imul(word & lowBytes, weight);
          odd[w] = Math.imul((word >>> 8) & lowBytes, weight);
        }
      } else if (weight > 0) {
        for (let w = range.from; w < range.to; w++) {
          const word = words[row + w]!;
          even[w] = (even[w]! + Math.imul(word & lowBytes, weight)) | 0;
          odd[w] = (odd[w]! + Math.imul((word >>> 8) & lowBytes, weight)) | 0;
        }
      }
    }
  }

  #unpack(from: number, to: number): void {
    const line = this.#line;
    const even = this.#even;
    const odd = this.#odd;
    for (let w = from; w < to; w++) {
      const evens = even[w]!;
      const odds = odd[w]!;
      const at = w << 2;
      line[at] = evens;
      line[at + 1] = odds;
      line[at + 2] = evens >>> 16;
      line[at + 3] = odds >>> 16;
    }
  }

  #combineBytes(pixels: Uint8Array, i: number, range: { rowBytes: number; from: number; to: number }): void {
    const { first, start, weights } = this.#rows;
    const line = this.#line;
    const begin = start[i]!;
    line.fill(0, range.from, range.to);
    for (let k = begin; k < start[i + 1]!; k++) {
      const weight = weights[k]!;
      const row = (first[i]! + k - begin) * range.rowBytes;
      for (let b = range.from; b < range.to; b++) line[b] = line[b]! + Math.imul(weight, pixels[row + b]!);
    }
  }

  #writeRow(width: number, target: ResampleTarget, offset: number): void {
    const { first, start, weights } = this.#columns;
    const { bytes, channels } = target;
    const line = this.#line;
    let to = offset;
    let k = start[0]!;
    for (let j = 0; j < width; j++) {
      const end = start[j + 1]!;
      let at = first[j]! * 3;
      // Half of 256 * 256, so that the shift rounds.
      let red = 32_768;
      let green = 32_768;
      let blue = 32_768;
      for (; k < end; k++) {
        const weight = weights[k]!;
        red = (red + Math.imul(weight, line[at]!)) | 0;
        green = (green + Math.imul(weight, line[at + 1]!)) | 0;
        blue = (blue + Math.imul(weight, line[at + 2]!)) | 0;
        at += 3;
      }
      bytes[to] = red >> 16;
      bytes[to + 1] = green >> 16;
      bytes[to + 2] = blue >> 16;
      if (channels === 4) bytes[to + 3] = 255;
      to += channels;
    }
  }
}
