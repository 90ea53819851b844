import type { Frame } from "../../core/index.js";
import { luminanceThumbnail, preparePicture, type ShiftCandidate, shiftCandidates } from "../../counting/index.js";

type Picture = Pick<Frame, "width" | "height" | "pixels">;

/** By how much the second picture's field lies further right and down on the slide, px of the full pictures. */
export interface Shift {
  readonly dx: number;
  readonly dy: number;
  /** Correlation of the two pictures over what they share. */
  readonly similarity: number;
}

/** Side of the pictures that are correlated first, px. */
const coarseSide = 256;
/** Grey levels of detail below which a picture shows nothing to go by. */
const leastContrast = 1;
const leastOverlap = 0.2;
const leastSimilarity = 0.5;
/** Displacements that are weighed, and how alike another than the best may make the pictures, as a share; beside it, small px, they are one. */
const candidates = 8;
const rivalShare = 0.85;
const samePeakPx = 4;
/** Of the full picture every so many pixels are compared while the place is looked for. */
const screening = 4;

const greyOf = ({ pixels, width, height }: Picture): Float32Array => {
  const grey = new Float32Array(width * height);
  for (let at = 0, from = 0; at < grey.length; at++, from += 3)
    grey[at] = 0.2126 * pixels[from]! + 0.7152 * pixels[from + 1]! + 0.0722 * pixels[from + 2]!;
  return grey;
};

interface Pair {
  readonly first: Float32Array;
  readonly second: Float32Array;
  readonly width: number;
  readonly height: number;
}

/** Correlation coefficient where the second is displaced by whole pixels; every `step`-th pixel both ways. */
const correlation = (
  { first, second, width, height }: Pair,
  [dx, dy]: readonly [number, number],
  step: number,
): number => {
  let [count, sumA, sumB, sumAA, sumBB, sumAB] = [0, 0, 0, 0, 0, 0];
  const right = Math.min(width, width + dx);
  for (let y = Math.max(0, dy); y < Math.min(height, height + dy); y += step)
    for (let x = Math.max(0, dx); x < right; x += step) {
      const a = first[y * width + x]!;
      const b = second[(y - dy) * width + x - dx]!;
      count++;
      sumA += a;
      sumB += b;
      sumAA += a * a;
      sumBB += b * b;
      sumAB += a * b;
    }
  const [varianceA, varianceB] = [sumAA - (sumA * sumA) / count, sumBB - (sumB * sumB) / count];
  if (!(varianceA > 0 && varianceB > 0)) return 0;
  return (sumAB - (sumA * sumB) / count) / Math.sqrt(varianceA * varianceB);
};

/** Vertex of the parabola through three equally spaced values, from the middle one. */
const vertex = (before: number, middle: number, after: number): number => {
  const curvature = before - 2 * middle + after;
  return curvature >= 0 ? 0 : Math.max(-0.5, Math.min(0.5, (before - after) / (2 * curvature)));
};

/** Climbs to the best whole pixel from a start, at most so far. */
const climb = (pair: Pair, start: readonly [number, number], reach: number): readonly [number, number] => {
  let best: readonly [number, number] = start;
  let most = correlation(pair, start, screening);
  for (let dy = start[1] - reach; dy <= start[1] + reach; dy++)
    for (let dx = start[0] - reach; dx <= start[0] + reach; dx++) {
      const similarity = correlation(pair, [dx, dy], screening);
      if (similarity > most) [best, most] = [[dx, dy], similarity];
    }
  return best;
};

/** Why two pictures give no shift: one of them shows nothing, they have nothing in common, or they fit at several places. */
export type Unregistered = "featureless" | "unlike" | "ambiguous";

/**
 * Registers two pictures of the same size: phase correlation of small ones, then the correlation of the full ones about it, to a part of
 * a pixel; or why there is no answer.
 */
export const findShift = (first: Picture, second: Picture): Shift | Unregistered => {
  if (first.width !== second.width || first.height !== second.height) return "unlike";
  const [a, b] = [luminanceThumbnail(first, coarseSide), luminanceThumbnail(second, coarseSide)];
  if (a === undefined || b === undefined) return "featureless";
  const [prepared, other] = [preparePicture(a), preparePicture(b)];
  if (Math.min(prepared.contrast, other.contrast) < leastContrast) return "featureless";
  const [found, ...rivals] = shiftCandidates(prepared, other, { minOverlap: leastOverlap, wanted: candidates });
  if (found === undefined || found.similarity < leastSimilarity) return "unlike";
  const isRival = ({ dx, dy, similarity }: ShiftCandidate): boolean =>
    similarity > rivalShare * found.similarity && Math.hypot(dx - found.dx, dy - found.dy) > samePeakPx;
  if (rivals.some(isRival)) return "ambiguous";
  const factor = first.width / a.width;
  const pair = { first: greyOf(first), second: greyOf(second), width: first.width, height: first.height };
  const start = [Math.round(found.dx * factor), Math.round(found.dy * factor)] as const;
  const [dx, dy] = climb(pair, start, Math.ceil(factor));
  const at = (x: number, y: number): number => correlation(pair, [dx + x, dy + y], 2);
  const similarity = at(0, 0);
  if (similarity < leastSimilarity) return "unlike";
  return {
    dx: dx + vertex(at(-1, 0), similarity, at(1, 0)),
    dy: dy + vertex(at(0, -1), similarity, at(0, 1)),
    similarity,
  };
};

/** As `findShift`; undefined where nothing tells, or nothing fits, or too much does. */
export const registerPictures = (first: Picture, second: Picture): Shift | undefined => {
  const shift = findShift(first, second);
  return typeof shift === "string" ? undefined : shift;
};
