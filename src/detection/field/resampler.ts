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

/** A source's rows as words; the first of them is row `firstRow` of the source. */
interface AlignedRows {
  readonly words: Int32Array;
  readonly rowWords: number;
  readonly firstRow: number;
}

/** Rows that are combined: where the first begins, and which taps are theirs. */
interface WordRows {
  readonly row: number;
  readonly begin: number;
  readonly end: number;
}

/** Words of a row that are read, and how many a row has. */
interface WordRange {
  readonly rowWords: number;
  readonly from: number;
  readonly to: number;
}

const lowBytes = 0x00ff00ff;
const littleEndian = new Uint8Array(new Uint32Array([1]).buffer)[0] === 1;

/**
 * Separable resampling of 8-bit RGB by area averaging (shrinking) or linear interpolation (enlarging), within one level
 * of the exact result. Rows are combined first, four bytes at a time: two 16-bit lanes of a word hold 8-bit values times
 * weights that sum to 256. Memory grows to the largest source and is then reused.
 */
export class Resampler {
  readonly #columns = new AxisTaps();
  readonly #rows = new AxisTaps();
  /** Combined rows: for each byte of a source row, 256 times its value. */
  #line = new Uint16Array(0);
  /** Rows of a source whose rows do not begin with words. */
  #copy = new Int32Array(0);

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
    if (this.#line.length < rowBytes + 4) this.#line = new Uint16Array(rowBytes + 4);
    const aligned = littleEndian ? this.#wordsOf(source, { from, to }) : undefined;
    for (let i = 0; i < axes.down.target; i++) {
      if (aligned) this.#combineWords(aligned, i, { from: from >> 2, to: (to + 3) >> 2 });
      else this.#combineBytes(source.pixels, i, { rowBytes, from, to });
      this.#writeRow(axes.across.target, target, target.offset + i * target.rowBytes);
    }
  }

  /** The rows that are read as words: as they are where each begins with a word, else copied. */
  #wordsOf({ width, pixels }: RgbSource, { from, to }: { from: number; to: number }): AlignedRows {
    const rowBytes = width * 3;
    const { buffer, byteOffset, byteLength } = pixels;
    if (rowBytes % 4 === 0 && byteOffset % 4 === 0)
      return { words: new Int32Array(buffer, byteOffset, byteLength >> 2), rowWords: rowBytes >> 2, firstRow: 0 };
    const { low, high } = this.#rows;
    const rowWords = (rowBytes + 3) >> 2;
    const stride = rowWords * 4;
    if (this.#copy.length < (high - low) * rowWords) this.#copy = new Int32Array((high - low) * rowWords);
    const bytes = new Uint8Array(this.#copy.buffer);
    for (let row = low; row < high; row++)
      bytes.set(pixels.subarray(row * rowBytes + from, row * rowBytes + to), (row - low) * stride + from);
    return { words: this.#copy, rowWords, firstRow: low };
  }

  /** Rows of words are taken four at a time, so that a word's sums stay in registers. */
  #combineWords({ words, rowWords, firstRow }: AlignedRows, i: number, columns: { from: number; to: number }): void {
    const { first, start } = this.#rows;
    const begin = start[i]!;
    const end = start[i + 1]!;
    const range = { rowWords, ...columns };
    const row = (first[i]! - firstRow) * rowWords;
    if (end - begin <= 2) {
      this.#combineTwo(words, { row, begin, end }, range);
      return;
    }
    this.#combineFour(words, { row, begin, end }, range);
    for (let next = begin + 4; next < end; next += 4)
      this.#addFour(words, { row: row + (next - begin) * rowWords, begin: next, end }, range);
  }

  #combineTwo(words: Int32Array, { row, begin, end }: WordRows, { rowWords, from, to }: WordRange): void {
    const { weights } = this.#rows;
    const line = this.#line;
    const w0 = weights[begin]!;
    const w1 = begin + 1 < end ? weights[begin + 1]! : 0;
    const r1 = w1 === 0 ? row : row + rowWords;
    for (let w = from; w < to; w++) {
      const a = words[row + w]!;
      const b = words[r1 + w]!;
      const evens = (Math.imul(a & lowBytes, w0) + Math.imul(b & lowBytes, w1)) | 0;
      const odds = (Math.imul((a >>> 8) & lowBytes, w0) + Math.imul((b >>> 8) & lowBytes, w1)) | 0;
      const at = w << 2;
      line[at] = evens;
      line[at + 1] = odds;
      line[at + 2] = evens >>> 16;
      line[at + 3] = odds >>> 16;
    }
  }

  #combineFour(words: Int32Array, rows: WordRows, { rowWords, from, to }: WordRange): void {
    const line = this.#line;
    const { r0, r1, r2, r3, w0, w1, w2, w3 } = this.#four(rows, rowWords);
    for (let w = from; w < to; w++) {
      const a = words[r0 + w]!;
      const b = words[r1 + w]!;
      const c = words[r2 + w]!;
      const d = words[r3 + w]!;
      const evens =
        (Math.imul(a & lowBytes, w0) +
          Math.imul(b & lowBytes, w1) +
          Math.imul(c & lowBytes, w2) +
          Math.imul(d & lowBytes, w3)) |
        0;
      const odds =
        (Math.imul((a >>> 8) & lowBytes, w0) +
          Math.imul((b >>> 8) & lowBytes, w1) +
          Math.imul((c >>> 8) & lowBytes, w2) +
          Math.imul((d >>> 8) & lowBytes, w3)) |
        0;
      const at = w << 2;
      line[at] = evens;
      line[at + 1] = odds;
      line[at + 2] = evens >>> 16;
      line[at + 3] = odds >>> 16;
    }
  }

  #addFour(words: Int32Array, rows: WordRows, { rowWords, from, to }: WordRange): void {
    const line = this.#line;
    const { r0, r1, r2, r3, w0, w1, w2, w3 } = this.#four(rows, rowWords);
    for (let w = from; w < to; w++) {
      const a = words[r0 + w]!;
      const b = words[r1 + w]!;
      const c = words[r2 + w]!;
      const d = words[r3 + w]!;
      const evens =
        (Math.imul(a & lowBytes, w0) +
          Math.imul(b & lowBytes, w1) +
          Math.imul(c & lowBytes, w2) +
          Math.imul(d & lowBytes, w3)) |
        0;
      const odds =
        (Math.imul((a >>> 8) & lowBytes, w0) +
          Math.imul((b >>> 8) & lowBytes, w1) +
          Math.imul((c >>> 8) & lowBytes, w2) +
          Math.imul((d >>> 8) & lowBytes, w3)) |
        0;
      const at = w << 2;
      line[at] = line[at]! + (evens & 0xffff);
      line[at + 1] = line[at + 1]! + (odds & 0xffff);
      line[at + 2] = line[at + 2]! + (evens >>> 16);
      line[at + 3] = line[at + 3]! + (odds >>> 16);
    }
  }

  /** Where four rows begin and what they weigh; those beyond the last weigh nothing and are the first again. */
  #four({ row, begin, end }: WordRows, rowWords: number) {
    const { weights } = this.#rows;
    const count = end - begin;
    return {
      r0: row,
      r1: count > 1 ? row + rowWords : row,
      r2: count > 2 ? row + 2 * rowWords : row,
      r3: count > 3 ? row + 3 * rowWords : row,
      w0: weights[begin]!,
      w1: count > 1 ? weights[begin + 1]! : 0,
      w2: count > 2 ? weights[begin + 2]! : 0,
      w3: count > 3 ? weights[begin + 3]! : 0,
    };
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
      // Two taps at a time: most pixels have three or four.
      for (; k + 1 < end; k += 2) {
        const w0 = weights[k]!;
        const w1 = weights[k + 1]!;
        red = (red + Math.imul(w0, line[at]!) + Math.imul(w1, line[at + 3]!)) | 0;
        green = (green + Math.imul(w0, line[at + 1]!) + Math.imul(w1, line[at + 4]!)) | 0;
        blue = (blue + Math.imul(w0, line[at + 2]!) + Math.imul(w1, line[at + 5]!)) | 0;
        at += 6;
      }
      if (k < end) {
        const weight = weights[k++]!;
        red = (red + Math.imul(weight, line[at]!)) | 0;
        green = (green + Math.imul(weight, line[at + 1]!)) | 0;
        blue = (blue + Math.imul(weight, line[at + 2]!)) | 0;
      }
      bytes[to] = red >> 16;
      bytes[to + 1] = green >> 16;
      bytes[to + 2] = blue >> 16;
      if (channels === 4) bytes[to + 3] = 255;
      to += channels;
    }
  }
}
