import { logGamma } from "../../counting/index.js";

/**
 * Limits of a proportion that hold at every look at once: a confidence sequence. For a proportion p let the k of n cells seen be
 * weighed against p by a beta-binomial mixture whose prior is centred at p itself, with concentration r:
 *
 *     M(p) = B(r p + k, r (1 - p) + n - k) / B(r p, r (1 - p)) / (p^k (1 - p)^(n - k))
 *
 * Under p this is a nonnegative martingale that begins at 1, so that by Ville's inequality it ever reaches 1 / alpha with a
 * chance of at most alpha. The p for which it has not are limits that hold at all n together with 1 - alpha, and so
 * whenever one stops, for whatever reason. Robbins, Ann. Math. Stat. 41:1397-1409, 1970 (mixtures); Howard, Ramdas, McAuliffe
 * & Sekhon, Ann. Stat. 49:1055-1080, 2021 (the centred beta-binomial mixture); Lindon & Malek, NeurIPS 35, 2022 (multinomial counts).
 */
export interface SequenceSettings {
  /** Chance that the limits ever fail, in (0, 1). */
  readonly alpha: number;
  /** Concentration of the mixture, > 0; to be fixed before anything is seen. */
  readonly concentration: number;
}

/** ln M(p) for k of n; p in (0, 1). */
export const logEvidence = (k: number, n: number, p: number, concentration: number): number => {
  const a = concentration * p;
  const b = concentration * (1 - p);
  const mixture =
    logGamma(a + k) -
    logGamma(a) +
    logGamma(b + n - k) -
    logGamma(b) -
    logGamma(concentration + n) +
    logGamma(concentration);
  return mixture - (k === 0 ? 0 : k * Math.log(p)) - (n === k ? 0 : (n - k) * Math.log1p(-p));
};

const bisections = 52;
const nearlyNothing = 1e-12;

/** Where the evidence reaches the threshold between a proportion that is refuted and one that is not. */
const borderBetween = (refuted: number, held: number, isRefuted: (p: number) => boolean): number => {
  let [out, within] = [refuted, held];
  for (let step = 0; step < bisections && Math.abs(within - out) > 1e-13; step++) {
    const middle = (out + within) / 2;
    if (isRefuted(middle)) out = middle;
    else within = middle;
  }
  // The side that is refuted: limits are never narrower than the sequence.
  return out;
};

/** Limits of the proportion behind k of n, whole numbers with 0 <= k <= n. [0, 1] where nothing was seen. */
export const sequenceLimits = (
  k: number,
  n: number,
  { alpha, concentration }: SequenceSettings,
): { readonly low: number; readonly high: number } => {
  if (n === 0) return { low: 0, high: 1 };
  const threshold = -Math.log(alpha);
  const isRefuted = (p: number): boolean => logEvidence(k, n, p, concentration) >= threshold;
  // The proportion that was seen is never refuted: no mixture is likelier than the likeliest.
  const seen = Math.min(Math.max(k / n, nearlyNothing), 1 - nearlyNothing);
  const low = isRefuted(nearlyNothing) ? borderBetween(nearlyNothing, seen, isRefuted) : 0;
  const high = isRefuted(1 - nearlyNothing) ? borderBetween(1 - nearlyNothing, seen, isRefuted) : 1;
  return { low, high };
};

/** Whether the limits lie within `halfWidth` to both sides of the proportion seen: what `sequenceLimits` says, sooner. */
export const isNarrow = (k: number, n: number, halfWidth: number, settings: SequenceSettings): boolean => {
  if (n === 0) return halfWidth >= 1;
  const threshold = -Math.log(settings.alpha);
  const isOutside = (p: number): boolean =>
    p <= nearlyNothing || p >= 1 - nearlyNothing || logEvidence(k, n, p, settings.concentration) >= threshold;
  return isOutside(k / n - halfWidth) && isOutside(k / n + halfWidth);
};

/**
 * The concentration with which limits of the half width are reached with the fewest cells, for proportions about a half (the widest
 * class decides). For large n, ln M is nearly z^2/2 n / (n + r) - ln(1 + n / r) / 2: so z^2 is least for the ratio x = n / r that minimises
 * (ln(1 / alpha) + ln(1 + x) / 2) (1 + 1 / x), and the half width then takes n = z^2 / (4 h^2) cells.
 */
export const concentrationFor = (halfWidth: number, alpha: number): number => {
  const halfSquare = (x: number): number => (-Math.log(alpha) + Math.log1p(x) / 2) * (1 + 1 / x);
  let best = 1;
  for (let x = 1; x <= 200; x += 0.25) if (halfSquare(x) < halfSquare(best)) best = x;
  return Math.max(1, (2 * halfSquare(best)) / (4 * halfWidth ** 2) / best);
};
