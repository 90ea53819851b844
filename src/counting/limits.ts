import { inverseGammaP, twoSidedNormalQuantile } from "./gamma.js";

/** Confidence limits and how they came about. `high` is null where there is none (a ratio to nothing). */
export interface Limits {
  readonly low: number;
  readonly high: number | null;
  /** Two-sided confidence level in (0, 1). */
  readonly level: number;
  /**
   * `wilson`: score limits of a proportion; `garwood`: exact limits of a Poisson mean; `conditional-wilson`: ratio of
   * two Poisson means through the proportion that one has in their sum.
   */
  readonly method: "wilson" | "garwood" | "conditional-wilson";
}

interface Interval {
  readonly low: number;
  readonly high: number;
}

const wilsonInterval = (successes: number, total: number, level: number): Interval => {
  if (total === 0) return { low: 0, high: 1 };
  const z = twoSidedNormalQuantile(level);
  const share = successes / total;
  const spread = (z * z) / total;
  const centre = share + spread / 2;
  const half = z * Math.sqrt((share * (1 - share)) / total + spread / (4 * total));
  return {
    low: successes === 0 ? 0 : Math.max(0, (centre - half) / (1 + spread)),
    high: successes === total ? 1 : Math.min(1, (centre + half) / (1 + spread)),
  };
};

/** Score limits of a proportion (Wilson 1927), without continuity correction; [0, 1] when nothing was looked at. */
export const wilsonLimits = (successes: number, total: number, level = 0.95): Limits => ({
  ...wilsonInterval(successes, total, level),
  level,
  method: "wilson",
});

const exactLimits = (count: number, level: number): Limits => {
  const tail = (1 - level) / 2;
  return {
    low: count === 0 ? 0 : inverseGammaP(count, tail),
    high: inverseGammaP(count + 1, 1 - tail),
    level,
    method: "garwood",
  };
};

/** Limits found lately, by level and count: most classes of a slide do not grow with a field. */
const knownLimits = new Map<string, Limits>();
const mostKnownLimits = 256;

/**
 * Exact limits of a Poisson mean (Garwood 1936): half the chi-square quantiles with 2k and 2k + 2 degrees of freedom.
 * The lower limit of no event is 0, its upper one -ln((1 - level) / 2).
 */
export const garwoodLimits = (count: number, level = 0.95): Limits => {
  const key = `${level} ${count}`;
  const known = knownLimits.get(key);
  if (known !== undefined) return known;
  const limits = exactLimits(count, level);
  // The oldest goes: a map keeps the order of its entries.
  if (knownLimits.size >= mostKnownLimits) knownLimits.delete(knownLimits.keys().next().value as string);
  knownLimits.set(key, limits);
  return limits;
};

/**
 * Limits of the ratio of two Poisson means. Given their sum, the first count is binomial with the share r / (1 + r),
 * so the Wilson limits of that share become those of the ratio (Przyborowski & Wilenski 1940 for the conditioning).
 */
export const ratioLimits = (numerator: number, denominator: number, level = 0.95): Limits => {
  const share = wilsonInterval(numerator, numerator + denominator, level);
  const odds = (p: number): number | null => (p >= 1 ? null : p / (1 - p));
  return { low: odds(share.low) ?? 0, high: odds(share.high), level, method: "conditional-wilson" };
};

/** The same limits in another unit, e.g. per mm2 or in percent. */
export const scaleLimits = (limits: Limits, factor: number): Limits => ({
  ...limits,
  low: limits.low * factor,
  high: limits.high === null ? null : limits.high * factor,
});
