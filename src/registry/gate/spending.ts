/** A test that the gate has made. */
export interface SpentLevel {
  readonly atMs: number;
  readonly alpha: number;
}

const yearMs = 365 * 86_400_000;
/** Half of the year's alpha is shared out equally among its nights. */
const nights = 365;
/** The other half goes to the first tests: each takes this part of what the ones before have left. */
const firstPart = 1 / 16;

/**
 * Level of the next test. The n-th test of the last 365 days has alpha times (1/730 + (1/32) (15/16)^n), n from 0, but never more than those
 * days' tests have left of alpha. So the levels of any 365 days sum up to at most alpha, and by the union bound the chance that any
 * of their tests promotes a worse candidate is at most alpha, however the tests depend on each other: they share one validation set.
 * A laboratory that trains each night of a year has 3.3 % of alpha for the first test and 0.14 % for each late one.
 *
 * @param alpha chance that any test of 365 days may promote a worse candidate
 * @param earlier all tests made so far, in any order
 * @returns 0 where nothing is left
 */
export const nextLevel = (alpha: number, earlier: readonly SpentLevel[], nowMs: number): number => {
  const recent = earlier.filter(({ atMs }) => atMs > nowMs - yearMs);
  const left = alpha - recent.reduce((sum, { alpha: spent }) => sum + spent, 0);
  const share = 0.5 / nights + 0.5 * firstPart * (1 - firstPart) ** recent.length;
  return Math.max(0, Math.min(left, alpha * share));
};
