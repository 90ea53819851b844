import { type DensityClass, densityClasses, densityClassOf } from "../../core/index.js";
import type { FieldResult } from "./matching.js";
import { type Protocol, scoreProtocol } from "./protocols.js";

export type Thresholds = Readonly<Record<DensityClass, number>>;

export interface ThresholdSearchOptions {
  /** Default `raw`. */
  readonly protocol?: Protocol;
  /** Thresholds that are tried, rising. Default 0.05 to 0.95 by 0.01. */
  readonly grid?: readonly number[];
  /** For classes of which no cell is labelled. Default 0.5. */
  readonly fallback?: number;
}

const defaultGrid: readonly number[] = Array.from({ length: 91 }, (_, step) => (step + 5) / 100);

/** T - M - e of one class at each threshold of the grid. */
const gainsOf = (results: readonly FieldResult[], protocol: Protocol, grid: readonly number[]): readonly number[] =>
  grid.map((threshold) => {
    const kept = results.map(({ truth, found }) => ({
      truth,
      found: found.filter(({ confidence }) => confidence >= threshold),
    }));
    const { T, M, e } = scoreProtocol(kept, protocol, { depth: "density" }).pooled;
    return T - M - e;
  });

/** The middle of the best run after smoothing by 1-2-1, so that one lucky cell does not decide. */
const bestOf = (gains: readonly number[]): number => {
  const at = (index: number): number => gains[Math.min(Math.max(index, 0), gains.length - 1)]!;
  const smooth = gains.map((gain, index) => at(index - 1) + 2 * gain + at(index + 1));
  const best = Math.max(...smooth);
  const first = smooth.indexOf(best);
  let last = first;
  while (smooth[last + 1] === best) last++;
  return (first + last) >> 1;
};

/**
 * The confidence per density class from which on findings are kept so that P is greatest. `results` hold all candidates
 * down to the lowest threshold of the grid, after the suppression of overlapping ones.
 */
export const searchThresholds = (
  results: readonly FieldResult[],
  { protocol = "raw", grid = defaultGrid, fallback = 0.5 }: ThresholdSearchOptions = {},
): Thresholds => {
  const thresholdOf = (wanted: DensityClass): number => {
    const ofClass = results.map(({ truth, found }) => ({
      truth: { ...truth, cells: truth.cells.filter(({ cellClass }) => densityClassOf(cellClass) === wanted) },
      found: found.filter(({ cellClass }) => densityClassOf(cellClass) === wanted),
    }));
    if (ofClass.every(({ truth }) => truth.cells.length === 0)) return fallback;
    return grid[bestOf(gainsOf(ofClass, protocol, grid))]!;
  };
  return Object.fromEntries(densityClasses.map((name) => [name, thresholdOf(name)])) as unknown as Thresholds;
};
