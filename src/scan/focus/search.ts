/** How sharp a picture was that was taken at a height of the focus. */
export interface FocusSample {
  readonly zUm: number;
  readonly sharpness: number;
}

export interface FocusRange {
  readonly centreUm: number;
  /** To either side. */
  readonly reachUm: number;
}

export type FocusStep =
  | { readonly kind: "look"; readonly zUm: number }
  | { readonly kind: "found"; readonly zUm: number }
  | { readonly kind: "none"; readonly why: string };

/** Pictures over the range first, then about the best of them. */
const coarse = 7;
const fine = 3;
/** Frames that a search takes at most. */
export const mostFocusFrames = coarse + fine;
/** The sharpest picture must be sharper than the dullest by this factor. */
const leastGain = 1.15;

/** What is duller by more than this says no more than that it is dull. */
const leastShare = 1e-6;

const best = (samples: readonly FocusSample[]): number =>
  samples.reduce((found, { sharpness }, index) => (sharpness > samples[found]!.sharpness ? index : found), 0);

/**
 * The vertex of a parabola through reciprocals: away from the best plane sharpness falls as 1 / (a + b (z - z0)^2), a cone of light that
 * widens, so its reciprocal is a parabola over far more than the peak's own width. Least squares; undefined where it opens downwards.
 */
export const vertexOf = (samples: readonly FocusSample[]): number | undefined => {
  const middle = samples.reduce((sum, { zUm }) => sum + zUm, 0) / samples.length;
  const width = Math.max(...samples.map(({ zUm }) => Math.abs(zUm - middle)));
  if (!(width > 0)) return undefined;
  const most = Math.max(...samples.map(({ sharpness }) => sharpness));
  // Near the peak the reciprocal is small and exact, far off it is large and noisy.
  const rows = samples.map(({ zUm, sharpness }) => {
    const share = Math.max(sharpness / most, leastShare);
    return { u: (zUm - middle) / width, v: 1 / share, w: share ** 2 };
  });
  const sum = (value: (row: (typeof rows)[number]) => number): number =>
    rows.reduce((total, row) => total + value(row), 0);
  const [s0, s1, s2] = [sum(({ w }) => w), sum(({ w, u }) => w * u), sum(({ w, u }) => w * u * u)];
  const [s3, s4] = [sum(({ w, u }) => w * u ** 3), sum(({ w, u }) => w * u ** 4)];
  const [t0, t1, t2] = [sum(({ w, v }) => w * v), sum(({ w, u, v }) => w * u * v), sum(({ w, u, v }) => w * u * u * v)];
  const determinant = s4 * (s2 * s0 - s1 * s1) - s3 * (s3 * s0 - s1 * s2) + s2 * (s3 * s1 - s2 * s2);
  const second = t2 * (s2 * s0 - s1 * s1) - s3 * (t1 * s0 - s1 * t0) + s2 * (t1 * s1 - s2 * t0);
  const first = s4 * (t1 * s0 - t0 * s1) - t2 * (s3 * s0 - s1 * s2) + s2 * (s3 * t0 - t1 * s2);
  const [a, b] = [second / determinant, first / determinant];
  const vertex = middle - (width * b) / (2 * a);
  return a > 0 && Number.isFinite(vertex) ? vertex : undefined;
};

/** The samples next to the best one, by height. */
const about = (samples: readonly FocusSample[], count: number): readonly FocusSample[] => {
  const peak = samples[best(samples)]!;
  return [...samples].sort((p, q) => Math.abs(p.zUm - peak.zUm) - Math.abs(q.zUm - peak.zUm)).slice(0, count);
};

const refined = (samples: readonly FocusSample[], fallback: number, reach: number): number => {
  const vertex = vertexOf(samples);
  return vertex === undefined || Math.abs(vertex - fallback) > reach ? fallback : vertex;
};

/** Where the coarse pictures say the peak is; undefined where it lies beyond the range. */
const guessOf = (first: readonly FocusSample[], { centreUm, reachUm }: FocusRange): number | undefined => {
  const spacing = (2 * reachUm) / (coarse - 1);
  const peak = best(first);
  if (peak > 0 && peak < coarse - 1) return refined(first.slice(peak - 1, peak + 2), first[peak]!.zUm, spacing);
  // Sharpest at the end, by noise, is also what lies halfway to the next height.
  const vertex = vertexOf(peak === 0 ? first.slice(0, 3) : first.slice(-3));
  return vertex !== undefined && Math.abs(vertex - centreUm) <= reachUm ? vertex : undefined;
};

/**
 * The next step of a search for the best plane, from what was seen so far: seven heights over the range, rising; three about the best of
 * them; then the vertex of all that are near. A pure function: equal samples give equal steps.
 */
export const nextFocusStep = (samples: readonly FocusSample[], { centreUm, reachUm }: FocusRange): FocusStep => {
  const spacing = (2 * reachUm) / (coarse - 1);
  if (samples.length < coarse) return { kind: "look", zUm: centreUm - reachUm + samples.length * spacing };
  const first = samples.slice(0, coarse);
  const peak = best(first);
  const values = first.map(({ sharpness }) => sharpness);
  if (!samples.every(({ sharpness: value }) => Number.isFinite(value) && value > 0))
    return { kind: "none", why: "a picture shows nothing" };
  if (Math.max(...values) < leastGain * Math.min(...values))
    return {
      kind: "none",
      why: "no height is sharper than the others: there are no cells here, or the focus is far off",
    };
  const guess = guessOf(first, { centreUm, reachUm });
  if (guess === undefined)
    return { kind: "none", why: `it grows sharper beyond the ${peak === 0 ? "lower" : "upper"} end of the range` };
  const fineSpacing = spacing / 4;
  const seen = samples.length - coarse;
  const within = (zUm: number): number => Math.min(Math.max(zUm, centreUm - reachUm), centreUm + reachUm);
  // Three heights, whole, inside of the range.
  const middle = Math.min(Math.max(guess, centreUm - reachUm + fineSpacing), centreUm + reachUm - fineSpacing);
  if (seen < fine) return { kind: "look", zUm: middle + (seen - 1) * fineSpacing };
  const last = samples.slice(coarse);
  const near = about(samples, 4);
  const sharpest = last[best(last)]!.zUm;
  return { kind: "found", zUm: within(refined(near, sharpest, spacing)) };
};
