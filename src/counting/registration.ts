import { type HalfSpectrum, planeOf, powerOfTwoFrom, spectrumOf } from "./fft.js";
import type { Thumbnail } from "./thumbnail.js";

/** A thumbnail made ready for registration. */
export interface PreparedPicture {
  readonly thumbnail: Thumbnail;
  /** Luminance minus its local mean: light and vignetting gone, cells left. */
  readonly detail: Float32Array<ArrayBuffer>;
  /** Root mean square of the detail, grey levels. */
  readonly contrast: number;
  /** Spectrum of the windowed detail, padded to powers of two. */
  readonly spectrum: HalfSpectrum;
}

/** A displacement that the pictures may have. */
export interface ShiftCandidate {
  /** Where the second field lies relative to the first, thumbnail px. */
  readonly dx: number;
  readonly dy: number;
  /** Correlation coefficient of the details over the common part, -1 to 1. */
  readonly similarity: number;
  /** Common part over the field's area. */
  readonly overlap: number;
  /** This peak of the phase correlation over the next lower one that is not beside it. */
  readonly peakRatio: number;
}

/** Minus the mean over a square of (2r + 1) px, by running sums along rows, then columns. */
const removeLocalMean = ({ width, height, luminance }: Thumbnail, radius: number): Float32Array<ArrayBuffer> => {
  const rows = new Float64Array(width * height);
  for (let y = 0; y < height; y++) {
    let sum = 0;
    for (let x = -radius; x < width; x++) {
      if (x + radius < width) sum += luminance[y * width + x + radius]!;
      if (x - radius - 1 >= 0) sum -= luminance[y * width + x - radius - 1]!;
      if (x >= 0) rows[y * width + x] = sum / (Math.min(width - 1, x + radius) - Math.max(0, x - radius) + 1);
    }
  }
  const detail = new Float32Array(width * height);
  for (let x = 0; x < width; x++) {
    let sum = 0;
    for (let y = -radius; y < height; y++) {
      if (y + radius < height) sum += rows[(y + radius) * width + x]!;
      if (y - radius - 1 >= 0) sum -= rows[(y - radius - 1) * width + x]!;
      if (y < 0) continue;
      const mean = sum / (Math.min(height - 1, y + radius) - Math.max(0, y - radius) + 1);
      detail[y * width + x] = luminance[y * width + x]! - mean;
    }
  }
  return detail;
};

/** A taper that keeps most of the picture: overlaps lie at the borders, so a full Hann window would hide them. */
const taper = (position: number, length: number): number => {
  const edge = Math.max(1, length / 16);
  const distance = Math.min(position + 0.5, length - position - 0.5);
  return distance >= edge ? 1 : 0.5 - 0.5 * Math.cos((Math.PI * distance) / edge);
};

const tapers = (length: number): Float64Array =>
  Float64Array.from({ length }, (_, position) => taper(position, length));

export const preparePicture = (thumbnail: Thumbnail): PreparedPicture => {
  const { width, height } = thumbnail;
  const detail = removeLocalMean(thumbnail, Math.max(4, Math.round(Math.max(width, height) / 10)));
  const paddedWidth = powerOfTwoFrom(width);
  const paddedHeight = powerOfTwoFrom(height);
  const windowed = new Float64Array(paddedWidth * paddedHeight);
  const across = tapers(width);
  const down = tapers(height);
  let power = 0;
  for (let y = 0; y < height; y++) {
    const weight = down[y]!;
    for (let x = 0; x < width; x++) {
      const value = detail[y * width + x]!;
      power += value * value;
      windowed[y * paddedWidth + x] = value * weight * across[x]!;
    }
  }
  const spectrum = spectrumOf(windowed, paddedWidth, paddedHeight);
  return { thumbnail, detail, contrast: Math.sqrt(power / (width * height)), spectrum };
};

/** Frequencies near the grid's limit carry mostly noise. */
const damping = (length: number): Float64Array =>
  Float64Array.from({ length }, (_, k) => Math.exp(-((Math.min(k, length - k) / length / 0.22) ** 2)));

/**
 * The phase correlation of two pictures (Kuglin & Hines 1975): the inverse transform of the normalised cross-power
 * spectrum, its high frequencies damped.
 */
const phaseCorrelation = ({ spectrum: a }: PreparedPicture, { spectrum: b }: PreparedPicture): Float64Array => {
  const { width, height, columns } = a;
  const re = new Float64Array(a.re.length);
  const im = new Float64Array(a.re.length);
  const across = damping(width);
  const down = damping(height);
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < columns; x++, i++) {
      const crossRe = a.re[i]! * b.re[i]! + a.im[i]! * b.im[i]!;
      const crossIm = a.im[i]! * b.re[i]! - a.re[i]! * b.im[i]!;
      const weight = (down[y]! * across[x]!) / (Math.sqrt(crossRe * crossRe + crossIm * crossIm) + 1e-9);
      re[i] = crossRe * weight;
      im[i] = crossIm * weight;
    }
  }
  return planeOf({ width, height, columns, re, im });
};

interface Peak {
  readonly x: number;
  readonly y: number;
  readonly value: number;
}

const highestPeaks = (surface: Float64Array, width: number, height: number, wanted: number): Peak[] => {
  const at = (x: number, y: number): number => surface[((y + height) % height) * width + ((x + width) % width)]!;
  const peaks: Peak[] = [];
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const value = surface[y * width + x]!;
      if (value <= 0 || (peaks.length === wanted && value <= peaks[wanted - 1]!.value)) continue;
      if (at(x - 1, y) > value || at(x + 1, y) > value || at(x, y - 1) > value || at(x, y + 1) > value) continue;
      if (at(x - 1, y - 1) > value || at(x + 1, y + 1) > value) continue;
      if (at(x + 1, y - 1) > value || at(x - 1, y + 1) > value) continue;
      peaks.push({ x, y, value });
      peaks.sort((p, q) => q.value - p.value);
      if (peaks.length > wanted) peaks.pop();
    }
  }
  return peaks;
};

/** Vertex of the parabola through three equally spaced values, as an offset from the middle one in [-0.5, 0.5]. */
const vertex = (before: number, middle: number, after: number): number => {
  const curvature = before - 2 * middle + after;
  return curvature >= 0 ? 0 : Math.max(-0.5, Math.min(0.5, (before - after) / (2 * curvature)));
};

/** Correlation coefficient of two details where the second is displaced by whole pixels, on every `step`-th pixel of every `step`-th row. */
const similarityAt = (
  [first, second]: readonly [PreparedPicture, PreparedPicture],
  dx: number,
  dy: number,
  step: number,
): number => {
  const { width, height } = first.thumbnail;
  const details = first.detail;
  const others = second.detail;
  const left = Math.max(0, dx);
  const right = Math.min(width, width + dx);
  const top = Math.max(0, dy);
  const bottom = Math.min(height, height + dy);
  const count = Math.ceil((right - left) / step) * Math.ceil((bottom - top) / step);
  if (right <= left || bottom <= top) return 0;
  let sumA = 0;
  let sumB = 0;
  let sumAA = 0;
  let sumBB = 0;
  let sumAB = 0;
  for (let y = top; y < bottom; y += step) {
    const shift = -dy * width - dx;
    for (let at = y * width + left, end = y * width + right; at < end; at += step) {
      const a = details[at]!;
      const b = others[at + shift]!;
      sumA += a;
      sumB += b;
      sumAA += a * a;
      sumBB += b * b;
      sumAB += a * b;
    }
  }
  const varianceA = sumAA - (sumA * sumA) / count;
  const varianceB = sumBB - (sumB * sumB) / count;
  if (varianceA <= 1e-9 * count || varianceB <= 1e-9 * count) return 0;
  return (sumAB - (sumA * sumB) / count) / Math.sqrt(varianceA * varianceB);
};

/** Candidates are screened on every second pixel of every second row; the few that are left are then looked at in full. */
const screeningStep = 2;

/** Peaks looked at: with little overlap the right one is often not among the first. */
const peaksTried = 32;

/** Displacements that a peak can stand for: the transform is periodic, so each axis has two. */
const unwrap = (position: number, period: number, length: number): number[] =>
  [position, position - period].filter((shift) => Math.abs(shift) < length);

/**
 * Displacements of the second picture against the first, best first; empty where nothing fits. Both must have the same
 * size. The caller judges by `similarity`, `overlap`, `peakRatio` and by what else it knows.
 */
export const shiftCandidates = (
  first: PreparedPicture,
  second: PreparedPicture,
  options: { readonly minOverlap: number; readonly wanted: number },
): ShiftCandidate[] => {
  const { width, height } = first.thumbnail;
  if (second.thumbnail.width !== width || second.thumbnail.height !== height) return [];
  const { width: spectrumWidth, height: spectrumHeight } = first.spectrum;
  const surface = phaseCorrelation(first, second);
  const peaks = highestPeaks(surface, spectrumWidth, spectrumHeight, peaksTried);
  const value = (x: number, y: number): number =>
    surface[((y + spectrumHeight) % spectrumHeight) * spectrumWidth + ((x + spectrumWidth) % spectrumWidth)]!;
  const candidates: (ShiftCandidate & { readonly subX: number; readonly subY: number })[] = [];
  peaks.forEach((peak, rank) => {
    const next = peaks[rank + 1];
    const peakRatio = next === undefined ? Number.MAX_SAFE_INTEGER : peak.value / next.value;
    const subX = vertex(value(peak.x - 1, peak.y), peak.value, value(peak.x + 1, peak.y));
    const subY = vertex(value(peak.x, peak.y - 1), peak.value, value(peak.x, peak.y + 1));
    for (const dy of unwrap(peak.y, spectrumHeight, height)) {
      for (const dx of unwrap(peak.x, spectrumWidth, width)) {
        const overlap = ((width - Math.abs(dx)) * (height - Math.abs(dy))) / (width * height);
        if (overlap < options.minOverlap) continue;
        const similarity = similarityAt([first, second], dx, dy, screeningStep);
        candidates.push({ dx, dy, subX, subY, similarity, overlap, peakRatio });
      }
    }
  });
  const bySimilarity = (p: ShiftCandidate, q: ShiftCandidate): number => q.similarity - p.similarity;
  return candidates
    .sort(bySimilarity)
    .slice(0, options.wanted)
    .map(({ dx, dy, subX, subY, overlap, peakRatio }) => {
      const similarity = similarityAt([first, second], dx, dy, 1);
      return { dx: dx + subX, dy: dy + subY, similarity, overlap, peakRatio };
    })
    .sort(bySimilarity);
};
