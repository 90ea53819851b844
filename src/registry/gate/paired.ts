import { studentQuantile } from "./studentT.js";
import { type PairedUnit, sumOf } from "./tallies.js";

/** Difference of P, candidate less active, points, with its interval. */
export interface PairedInterval {
  readonly difference: number;
  readonly low: number;
  readonly high: number;
}

interface Moments {
  /** Units that have cells or a difference. */
  readonly units: number;
  readonly cells: number;
  /** Errors that only the active model makes, and that only the candidate makes, net by unit. */
  readonly gains: number;
  readonly losses: number;
  /** How much more the units scatter than independent errors would; at least 1. */
  readonly dispersion: number;
}

const momentsOf = (all: readonly PairedUnit[]): Moments => {
  const units = all.filter(({ cells, gain }) => cells > 0 || gain !== 0);
  const { cells, gain } = sumOf(units);
  let [gains, losses, squares] = [0, 0, 0];
  for (const unit of units) {
    if (unit.gain > 0) gains += unit.gain;
    else losses -= unit.gain;
    squares += (unit.gain - (cells === 0 ? 0 : (gain / cells) * unit.cells)) ** 2;
  }
  const scatter = units.length < 2 ? 0 : (squares * units.length) / (units.length - 1);
  const dispersion = gains + losses === 0 ? 1 : Math.max(1, scatter / (gains + losses));
  return { units: units.length, cells, gains, losses, dispersion };
};

/**
 * Variance of gains less losses where their expectation is `expected`, gains and losses being independent Poisson counts: the
 * greatest likelihood under that restriction. Unlike the observed variance it does not vanish where no error was seen.
 */
const restrictedVariance = (gains: number, losses: number, expected: number): number => {
  const b = 2 * expected - gains - losses;
  const lost = (-b + Math.sqrt(Math.max(0, b * b + 8 * losses * expected))) / 4;
  return Math.max(0, 2 * lost + expected);
};

/** How many standard errors the observed gain lies over what a difference of `points` would give. */
const scoreAt = ({ cells, gains, losses, dispersion }: Moments, points: number): number => {
  const expected = (points / 100) * cells;
  const distance = gains - losses - expected;
  if (distance === 0) return 0;
  return distance / Math.sqrt(dispersion * restrictedVariance(gains, losses, expected));
};

/** Points at which the score, which falls with them, takes the value `wanted`. */
const pointsAt = (moments: Moments, wanted: number, from: number, step: number): number => {
  const isBeyond = (points: number): boolean => step < 0 === scoreAt(moments, points) >= wanted;
  let [near, far] = [from, from + step];
  for (let doubled = step; !isBeyond(far) && Math.abs(far) < 1e6; doubled *= 2) [near, far] = [far, far + doubled];
  for (let round = 0; round < 60; round++) {
    const middle = (near + far) / 2;
    if (isBeyond(middle)) far = middle;
    else near = middle;
  }
  return far;
};

/**
 * Difference of P between two models over units that both have searched, with a score interval whose ends each have the level
 * `alpha`: the differences that a test at that level does not refuse. The test's variance is that under the tested difference (as in
 * Tango, Statistics in Medicine 17, 1998, with Poisson counts, because false findings have no bound), times what the units
 * scatter more than independent errors would; its critical value is Student's t of the units. With fewer than two units, or no cells,
 * nothing can be said: -100 to 100.
 */
export const pairedInterval = (units: readonly PairedUnit[], alpha: number): PairedInterval => {
  const moments = momentsOf(units);
  const { cells, gains, losses } = moments;
  const difference = cells === 0 ? 0 : (100 * (gains - losses)) / cells;
  if (moments.units < 2 || cells === 0) return { difference, low: -100, high: 100 };
  const critical = studentQuantile(alpha, moments.units - 1);
  return {
    difference,
    low: pointsAt(moments, critical, difference, -1),
    high: pointsAt(moments, -critical, difference, 1),
  };
};

/** Score of "no difference": negative where the candidate is worse. 0 where no unit differs. */
export const scoreOfEqual = (units: readonly PairedUnit[]): number => scoreAt(momentsOf(units), 0);

/**
 * Exact sign-flip permutation test, paired by unit: the chance that a gain as great as the observed one comes about where in each
 * unit it is a matter of chance which of the two models made which errors. Counted out over all 2^n exchanges, not sampled.
 */
export const permutationTail = (units: readonly PairedUnit[]): number => {
  const sizes = units.map(({ gain }) => Math.abs(gain)).filter((size) => size > 0);
  const total = sizes.reduce((sum, size) => sum + size, 0);
  const observed = units.reduce((sum, { gain }) => sum + gain, 0);
  // chance[s]: that the units whose sign is positive have sizes that sum up to s.
  const chance = new Float64Array(total + 1);
  chance[0] = 1;
  let reached = 0;
  for (const size of sizes) {
    reached += size;
    for (let sum = reached; sum >= 0; sum--)
      chance[sum] = 0.5 * (chance[sum]! + (sum >= size ? chance[sum - size]! : 0));
  }
  let tail = 0;
  for (let sum = total; 2 * sum - total >= observed && sum >= 0; sum--) tail += chance[sum]!;
  return Math.min(1, tail);
};
