/** Which source pixels make up the output pixels along one axis; both grids have their origin in the same corner. */
export interface Taps {
  /** Source pixels per output pixel. */
  readonly perPixel: number;
  /** First of these, by output pixel. */
  readonly first: Int32Array;
  /** Their weights, which sum to 1, `perPixel` by output pixel. */
  readonly weight: Float32Array;
}

/** Cubic convolution with a = -1/2 (Keys 1981): passes through the samples, and is sharper than linear interpolation. */
const cubic = (distance: number): number => {
  const d = Math.abs(distance);
  if (d >= 2) return 0;
  return d < 1 ? (1.5 * d - 2.5) * d * d + 1 : ((-0.5 * d + 2.5) * d - 4) * d + 2;
};

/**
 * Taps for the output pixels `from` to `from + count`, whichever of them are asked for the same.
 * @param step source pixels from one output pixel to the next; above 1 the source is averaged over as much
 */
export const tapsOf = (from: number, count: number, step: number): Taps => {
  const scale = Math.max(step, 1);
  const reach = Math.ceil(2 * scale);
  const perPixel = 2 * reach;
  const first = new Int32Array(count);
  const weight = new Float32Array(count * perPixel);
  for (let pixel = 0; pixel < count; pixel++) {
    const centre = (from + pixel + 0.5) * step - 0.5;
    const start = Math.floor(centre) - reach + 1;
    first[pixel] = start;
    let sum = 0;
    for (let tap = 0; tap < perPixel; tap++) sum += cubic((start + tap - centre) / scale);
    for (let tap = 0; tap < perPixel; tap++)
      weight[pixel * perPixel + tap] = cubic((start + tap - centre) / scale) / sum;
  }
  return { perPixel, first, weight };
};

/** The source pixels that taps need: from the first, to the last exclusive. */
export const sourceSpan = ({ first, perPixel }: Taps): { readonly from: number; readonly to: number } => ({
  from: first[0]!,
  to: first[first.length - 1]! + perPixel,
});

/** Resamples a row of interleaved RGB that begins with the source pixel `from`. */
export const resampleRow = (source: Uint8Array, taps: Taps, from: number, into: Float32Array): void => {
  const { perPixel, first, weight } = taps;
  for (let pixel = 0, tap = 0; pixel < first.length; pixel++) {
    let at = 3 * (first[pixel]! - from);
    let [red, green, blue] = [0, 0, 0];
    for (const end = tap + perPixel; tap < end; tap++, at += 3) {
      const share = weight[tap]!;
      red += share * source[at]!;
      green += share * source[at + 1]!;
      blue += share * source[at + 2]!;
    }
    into[3 * pixel] = red;
    into[3 * pixel + 1] = green;
    into[3 * pixel + 2] = blue;
  }
};
