/**
 * Otsu's threshold (IEEE Transactions on Systems, Man and Cybernetics 9:62-66, 1979): the level that parts a histogram
 * into two classes such that the variance between the classes is greatest. A level below it belongs to the
 * darker class.
 */

interface Sums {
  /** Counts and moments of the levels below an index. */
  readonly counts: Float64Array;
  readonly moments: Float64Array;
}

const sumsOf = (histogram: Uint32Array): Sums => {
  const counts = new Float64Array(histogram.length + 1);
  const moments = new Float64Array(histogram.length + 1);
  histogram.forEach((count, level) => {
    counts[level + 1] = counts[level]! + count;
    moments[level + 1] = moments[level]! + count * level;
  });
  return { counts, moments };
};

/** What the levels `from` to `to` (exclusive) add to the variance between classes, up to a constant. */
const weightOf = ({ counts, moments }: Sums, from: number, to: number): number => {
  const count = counts[to]! - counts[from]!;
  return count === 0 ? 0 : (moments[to]! - moments[from]!) ** 2 / count;
};

/** The threshold between two classes; 0 where all levels are the same. */
export const otsuThreshold = (histogram: Uint32Array): number => {
  const sums = sumsOf(histogram);
  const whole = weightOf(sums, 0, histogram.length);
  let [best, most] = [0, whole * (1 + 1e-12)];
  for (let level = 1; level < histogram.length; level++) {
    const weight = weightOf(sums, 0, level) + weightOf(sums, level, histogram.length);
    if (weight > most) [best, most] = [level, weight];
  }
  return best;
};
