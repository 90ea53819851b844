import { CytoError } from "../../core/index.js";
import type { Picture } from "../../pictures/index.js";
import { checkPair, meanOverPairs, type PicturePair } from "./picturePair.js";

const channels = 3;
const radius = 5;
const windowPx = 2 * radius + 1;
const sigmaPx = 1.5;
const c1 = (0.01 * 255) ** 2;
const c2 = (0.03 * 255) ** 2;

/** The window is the outer product of these weights, which sum to 1. */
const weights = ((): Float64Array => {
  const bell = Float64Array.from({ length: windowPx }, (_, tap) =>
    Math.exp(-((tap - radius) ** 2) / (2 * sigmaPx ** 2)),
  );
  const sum = bell.reduce((total, value) => total + value, 0);
  return bell.map((value) => value / sum);
})();

/** x, y, x^2 + y^2 and x y: SSIM has the two variances in their sum only. */
const moments = 4;

/** Weighted sum of `windowPx` runs of values; runs as far from the middle have the same weight and are summed first. */
const filter = (runs: readonly Float64Array[], sums: Float64Array): void => {
  const middle = runs[radius]!;
  for (let index = 0; index < sums.length; index++) sums[index] = weights[radius]! * middle[index]!;
  for (let tap = 0; tap < radius; tap++) {
    const before = runs[tap]!;
    const after = runs[2 * radius - tap]!;
    const weight = weights[tap]!;
    for (let index = 0; index < sums.length; index++) sums[index]! += weight * (before[index]! + after[index]!);
  }
};

/** Over the first `inside` of the `samples` that each moment has. */
const sumOfSimilarities = (sums: Float64Array, samples: number, inside: number): number => {
  let total = 0;
  for (let index = 0; index < inside; index++) {
    const x = sums[index]!;
    const y = sums[samples + index]!;
    const means = x * x + y * y;
    const product = x * y;
    const variances = sums[2 * samples + index]! - means;
    const covariance = sums[3 * samples + index]! - product;
    total += ((2 * product + c1) * (2 * covariance + c2)) / ((means + c1) * (variances + c2));
  }
  return total;
};

const readMoments = ([a, b]: PicturePair, row: number, raw: Float64Array): void => {
  const samples = raw.length / moments;
  for (let index = 0, at = row * samples; index < samples; index++, at++) {
    const x = a.pixels[at]!;
    const y = b.pixels[at]!;
    raw[index] = x;
    raw[samples + index] = y;
    raw[2 * samples + index] = x * x + y * y;
    raw[3 * samples + index] = x * y;
  }
};

/**
 * Structural similarity in [-1, 1], 1 for equal pictures and symmetric: Wang, Bovik, Sheikh and Simoncelli, IEEE
 * Transactions on Image Processing 13:600-612, 2004, with their Gaussian window of 11x11 px (sigma 1.5 px), K1 0.01,
 * K2 0.03 and range 255, for each colour channel by itself and averaged. Windows that reach over the border do not count.
 * scikit-image calls it `structural_similarity(gaussian_weights=True, use_sample_covariance=False, data_range=255)`.
 *
 * @throws CytoError `INTERNAL` where the pictures differ in size or a side is less than 11 px
 */
export const ssim = (a: Picture, b: Picture): number => {
  checkPair(a, b);
  const { width, height } = a;
  if (Math.min(width, height) < windowPx)
    throw new CytoError("INTERNAL", `SSIM needs pictures of ${windowPx} px a side, not ${width}x${height} px`);
  const samples = width * channels;
  const inside = samples - 2 * radius * channels;
  const raw = new Float64Array(moments * samples);
  // The moments of a row lie one behind another, so that its sums across are runs that begin a pixel apart; those that
  // straddle two moments are made and not read.
  const rowRuns = Array.from({ length: windowPx }, (_, tap) => raw.subarray(tap * channels));
  const lines = Array.from({ length: windowPx }, () => new Float64Array(raw.length - 2 * radius * channels));
  const sums = new Float64Array(raw.length - 2 * radius * channels);
  let total = 0;
  for (let row = 0; row < height; row++) {
    readMoments([a, b], row, raw);
    // The line of the row that left the window is the newest now.
    lines.push(lines.shift()!);
    filter(rowRuns, lines[2 * radius]!);
    if (row < 2 * radius) continue;
    filter(lines, sums);
    total += sumOfSimilarities(sums, samples, inside);
  }
  return total / (inside * (height - 2 * radius));
};

/** Mean of the pairs' SSIM; null without pairs. */
export const meanSsim = (pairs: Iterable<PicturePair>): number | null => meanOverPairs(pairs, ssim);
