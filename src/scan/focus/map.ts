import { CytoError } from "../../core/index.js";
import type { PointUm } from "../../counting/index.js";

/** A place, and the height at which it is in focus, um. */
export interface FocusPoint extends PointUm {
  readonly z: number;
}

export interface FocusMap {
  /** The height at which a place will be in focus, um. */
  at(place: PointUm): number;
  readonly points: readonly FocusPoint[];
  /** Measured points that were not believed. */
  readonly refused: readonly FocusPoint[];
}

/** From so many points on the surface bends; with fewer it is a plane. */
const bendingPoints = 8;
const leastPoints = 3;
/** A point that the others miss by more than this, um, and by more than so many of their usual misses, is refused. */
const leastMissUm = 1;
const usualMisses = 5;
/** At most this share of the points is refused. */
const mostRefused = 0.3;

const median = (values: readonly number[]): number => {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
};

/** Solves a linear system by elimination with pivots; undefined where it has no single solution. */
const solveLinear = (matrix: readonly (readonly number[])[], right: readonly number[]): number[] | undefined => {
  const size = right.length;
  const rows = matrix.map((row, index) => [...row, right[index]!]);
  for (let pivot = 0; pivot < size; pivot++) {
    let most = pivot;
    for (let row = pivot + 1; row < size; row++)
      if (Math.abs(rows[row]![pivot]!) > Math.abs(rows[most]![pivot]!)) most = row;
    [rows[pivot], rows[most]] = [rows[most]!, rows[pivot]!];
    if (Math.abs(rows[pivot]![pivot]!) < 1e-12) return undefined;
    for (let row = 0; row < size; row++) {
      if (row === pivot) continue;
      const factor = rows[row]![pivot]! / rows[pivot]![pivot]!;
      for (let at = pivot; at <= size; at++) rows[row]![at]! -= factor * rows[pivot]![at]!;
    }
  }
  return rows.map((row, index) => row[size]! / row[index]!);
};

type Surface = (u: number, v: number) => number;
interface Scaled {
  readonly u: number;
  readonly v: number;
  readonly z: number;
}

/** The plane of least squares; where the places lie on a line, or there are two, the mean height. */
const planeThrough = (points: readonly Scaled[]): Surface => {
  const sum = (value: (point: Scaled) => number): number => points.reduce((total, point) => total + value(point), 0);
  const uv = sum(({ u, v }) => u * v);
  const matrix = [
    [points.length, sum(({ u }) => u), sum(({ v }) => v)],
    [sum(({ u }) => u), sum(({ u }) => u * u) + 1e-9, uv],
    [sum(({ v }) => v), uv, sum(({ v }) => v * v) + 1e-9],
  ];
  const found = solveLinear(matrix, [sum(({ z }) => z), sum(({ u, z }) => u * z), sum(({ v, z }) => v * z)]);
  const mean = sum(({ z }) => z) / points.length;
  if (found === undefined) return () => mean;
  const [a, b, c] = found as [number, number, number];
  return (u, v) => a + b * u + c * v;
};

/** How much the spline may miss the points, against bending: measured heights are off by some tenths of a um. */
const smoothing = 0.02;
const kernel = (squared: number): number => (squared === 0 ? 0 : 0.5 * squared * Math.log(squared));

/** A thin-plate spline (Duchon 1977), smoothed; a plane where it cannot be solved. */
const splineThrough = (points: readonly Scaled[]): Surface => {
  const count = points.length;
  const matrix = Array.from({ length: count + 3 }, () => new Array<number>(count + 3).fill(0));
  points.forEach((p, row) => {
    points.forEach((q, column) => {
      matrix[row]![column] = kernel((p.u - q.u) ** 2 + (p.v - q.v) ** 2) + (row === column ? smoothing : 0);
    });
    [1, p.u, p.v].forEach((term, at) => {
      matrix[row]![count + at] = term;
      matrix[count + at]![row] = term;
    });
  });
  const found = solveLinear(matrix, [...points.map(({ z }) => z), 0, 0, 0]);
  if (found === undefined) return planeThrough(points);
  const [a, b, c] = found.slice(count) as [number, number, number];
  return (u, v) =>
    points.reduce((sum, p, at) => sum + found[at]! * kernel((p.u - u) ** 2 + (p.v - v) ** 2), a + b * u + c * v);
};

const surfaceThrough = (points: readonly Scaled[]): Surface =>
  points.length >= bendingPoints ? splineThrough(points) : planeThrough(points);

/** By how much each point is missed by the surface through the others. */
const missesOf = (points: readonly Scaled[]): number[] =>
  points.map(({ u, v, z }, left) => Math.abs(z - surfaceThrough(points.filter((_, at) => at !== left))(u, v)));

/** One after the other, the point that the others miss most is refused, as long as it stands out. */
const believable = (points: readonly Scaled[]): readonly number[] => {
  const kept = points.map((_, index) => index);
  const most = Math.floor(mostRefused * points.length);
  while (points.length - kept.length < most && kept.length > leastPoints + 1) {
    const misses = missesOf(kept.map((index) => points[index]!));
    const worst = misses.reduce((found, miss, at) => (miss > misses[found]! ? at : found), 0);
    const others = misses.filter((_, at) => at !== worst);
    if (misses[worst]! <= Math.max(leastMissUm, usualMisses * median(others))) break;
    kept.splice(worst, 1);
  }
  return kept;
};

/**
 * The surface of best focus through measured points: a plane through few, a smoothed thin-plate spline through eight and more. Points that the
 * others contradict, a speck of dust or a failed search, are refused. Pure.
 * @throws CytoError FOCUS_FAILED for fewer than one point
 */
export const focusMapThrough = (points: readonly FocusPoint[]): FocusMap => {
  if (points.length === 0) throw new CytoError("FOCUS_FAILED", "the focus was found nowhere");
  const [xs, ys] = [points.map(({ x }) => x), points.map(({ y }) => y)];
  const middle = { x: (Math.min(...xs) + Math.max(...xs)) / 2, y: (Math.min(...ys) + Math.max(...ys)) / 2 };
  const size = Math.max(Math.max(...xs) - Math.min(...xs), Math.max(...ys) - Math.min(...ys), 1) / 2;
  const scaled = points.map(({ x, y, z }) => ({ u: (x - middle.x) / size, v: (y - middle.y) / size, z }));
  const kept = believable(scaled);
  const surface = surfaceThrough(kept.map((index) => scaled[index]!));
  return {
    at: ({ x, y }) => surface((x - middle.x) / size, (y - middle.y) / size),
    points: kept.map((index) => points[index]!),
    refused: points.filter((_, index) => !kept.includes(index)),
  };
};
