import type { Picture } from "../../pictures/index.js";

/** A part of a picture, px, real-valued; it may reach over the border, where the edge pixels are repeated. */
export interface PictureWindow {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/** For every output pixel along one axis, `perPixel` source pixels and their weights, which sum to 1. */
interface Taps {
  readonly perPixel: number;
  readonly index: Int32Array;
  readonly weight: Float32Array;
}

const clampIndex = (index: number, size: number): number => Math.min(Math.max(index, 0), size - 1);

/** Shares of the source pixels in each output pixel where it covers one or more of them. */
const areaTaps = (start: number, length: number, count: number, size: number): Taps => {
  const span = length / count;
  const perPixel = Math.ceil(span) + 1;
  const index = new Int32Array(count * perPixel);
  const weight = new Float32Array(count * perPixel);
  for (let out = 0; out < count; out++) {
    const from = start + out * span;
    const first = Math.floor(from);
    for (let tap = 0; tap < perPixel; tap++) {
      const covered = Math.min(first + tap + 1, from + span) - Math.max(first + tap, from);
      index[out * perPixel + tap] = clampIndex(first + tap, size);
      weight[out * perPixel + tap] = Math.max(covered, 0) / span;
    }
  }
  return { perPixel, index, weight };
};

/** Linear interpolation between pixel centres, for enlarging. */
const linearTaps = (start: number, length: number, count: number, size: number): Taps => {
  const span = length / count;
  const index = new Int32Array(count * 2);
  const weight = new Float32Array(count * 2);
  for (let out = 0; out < count; out++) {
    const at = start + (out + 0.5) * span - 0.5;
    const first = Math.floor(at);
    index[2 * out] = clampIndex(first, size);
    index[2 * out + 1] = clampIndex(first + 1, size);
    weight[2 * out + 1] = at - first;
    weight[2 * out] = 1 - (at - first);
  }
  return { perPixel: 2, index, weight };
};

const tapsOf = (start: number, length: number, count: number, size: number): Taps =>
  length >= count ? areaTaps(start, length, count, size) : linearTaps(start, length, count, size);

/** One source row, RGB, resampled across into `out` (floats). */
const resampleRow = (pixels: Uint8Array, rowStart: number, taps: Taps, out: Float32Array, outStart: number): void => {
  const { perPixel, index, weight } = taps;
  const count = index.length / perPixel;
  for (let x = 0, tap = 0, to = outStart; x < count; x++, to += 3) {
    let red = 0;
    let green = 0;
    let blue = 0;
    for (const end = tap + perPixel; tap < end; tap++) {
      const share = weight[tap]!;
      const at = rowStart + 3 * index[tap]!;
      red += share * pixels[at]!;
      green += share * pixels[at + 1]!;
      blue += share * pixels[at + 2]!;
    }
    out[to] = red;
    out[to + 1] = green;
    out[to + 2] = blue;
  }
};

/**
 * A window of a picture brought to `width` x `height` px: the mean over the area that each output pixel covers where it
 * shrinks, linear interpolation where it enlarges, axis by axis.
 */
export const resamplePicture = (
  source: Picture,
  window: PictureWindow,
  { width, height }: { readonly width: number; readonly height: number },
): Picture => {
  const across = tapsOf(window.left, window.width, width, source.width);
  const down = tapsOf(window.top, window.height, height, source.height);
  const firstRow = down.index.reduce((low, row) => Math.min(low, row), source.height - 1);
  const lastRow = down.index.reduce((high, row) => Math.max(high, row), 0);
  const rowLength = 3 * width;
  const rows = new Float32Array((lastRow - firstRow + 1) * rowLength);
  for (let row = firstRow; row <= lastRow; row++) {
    resampleRow(source.pixels, row * source.width * 3, across, rows, (row - firstRow) * rowLength);
  }
  const pixels = new Uint8Array(rowLength * height);
  const sums = new Float32Array(rowLength);
  for (let y = 0; y < height; y++) {
    sums.fill(0);
    for (let tap = y * down.perPixel; tap < (y + 1) * down.perPixel; tap++) {
      const share = down.weight[tap]!;
      if (share === 0) continue;
      const from = (down.index[tap]! - firstRow) * rowLength;
      for (let at = 0; at < rowLength; at++) sums[at] = sums[at]! + share * rows[from + at]!;
    }
    const to = y * rowLength;
    for (let at = 0; at < rowLength; at++) pixels[to + at] = sums[at]! + 0.5;
  }
  return { width, height, pixels };
};
