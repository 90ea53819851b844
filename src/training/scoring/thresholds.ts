import { type DensityClass, densityClasses, densityClassOf } from "../../core/index.js";
import type { FieldResult } from "./matching.js";
import { type Protocol, scoreProtocol } from "./protocols.js";

export type Thresholds = Readonly<Record<DensityClass, number>>;

export interface ThresholdSearchOptions<Result extends FieldResult = FieldResult> {
  /** Groups of fields that weigh alike, whatever their numbers of cells. All fields are one group unless given. */
  readonly groupOf?: (result: Result) => string;
  /** Default `raw`. */
  readonly protocol?: Protocol;
  /** Thresholds that are tried, rising. Default 0.05 to 0.95 by 0.01. */
  readonly grid?: readonly number[];
  /** For classes of which no cell is labelled. Default 0.5. */
  readonly fallback?: number;
}

const defaultGrid: readonly number[] = Array.from({ length: 91 }, (_, step) => (step + 5) / 100);

/** P of one class, percent, at each threshold of the grid. */
const gainsOf = (results: readonly FieldResult[], protocol: Protocol, grid: readonly number[]): readonly number[] =>
  grid.map((threshold) => {
    const kept = results.map(({ truth, found }) => ({
      truth,
      found: found.filter(({ confidence }) => confidence >= threshold),
    }));
    const { P } = scoreProtocol(kept, protocol, { depth: "density" }).pooled;
    return P ?? 0;
  });

const groupsBy = <Result>(results: readonly Result[], groupOf: (result: Result) => string): readonly Result[][] => {
  const groups = new Map<string, Result[]>();
  for (const result of results) {
    const name = groupOf(result);
    groups.set(name, [...(groups.get(name) ?? []), result]);
  }
  return [...groups.values()];
};

const ofClass = (results: readonly FieldResult[], wanted: DensityClass): readonly FieldResult[] =>
  results.map(({ truth, found }) => ({
    truth: { ...truth, cells: truth.cells.filter(({ cellClass }) => densityClassOf(cellClass) === wanted) },
    found: found.filter(({ cellClass }) => densityClassOf(cellClass) === wanted),
  }));

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
 * The confidence per density class from which on findings are kept so that P, its mean over the groups, is greatest. `results` hold all candidates
 * down to the lowest threshold of the grid, after the suppression of overlapping ones.
 */
export const searchThresholds = <Result extends FieldResult>(
  results: readonly Result[],
  { protocol = "raw", grid = defaultGrid, fallback = 0.5, groupOf = () => "" }: ThresholdSearchOptions<Result> = {},
): Thresholds => {
  const groups = groupsBy(results, groupOf);
  const thresholdOf = (wanted: DensityClass): number => {
    const labelled = groups
      .map((group) => ofClass(group, wanted))
      .filter((group) => group.some(({ truth }) => truth.cells.length > 0));
    if (labelled.length === 0) return fallback;
    const gains = labelled.map((group) => gainsOf(group, protocol, grid));
    return grid[bestOf(grid.map((_, step) => gains.reduce((sum, group) => sum + group[step]!, 0)))]!;
  };
  return Object.fromEntries(densityClasses.map((name) => [name, thresholdOf(name)])) as unknown as Thresholds;
};
