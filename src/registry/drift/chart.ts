/** Shifts of half a deviation and less are let be; the chart is quickest for a shift of one. */
const allowance = 0.5;
/** The reference's mean may be wrong by so many of its standard errors: a chart that took it for exact would cry wolf for ever. */
const meanErrors = 1.5;
/** One slide, however odd, moves the chart by no more than a few deviations: it takes three to raise an alarm. */
const mostDeviations = 3.5;

/** Mean number of slides between false alarms of a two-sided chart with this limit (Siegmund, "Sequential Analysis", 1985). */
const runLength = (limit: number): number => {
  const b = 2 * allowance * (limit + 1.166);
  return (Math.exp(b) - b - 1) / (2 * allowance ** 2) / 2;
};

/** The limit at which a chart gives a false alarm once in so many slides. */
export const limitFor = (slides: number): number => {
  let [low, high] = [0, 60];
  for (let round = 0; round < 60; round++) {
    const middle = (low + high) / 2;
    if (runLength(middle) < slides) low = middle;
    else high = middle;
  }
  return high;
};

/** Two-sided cumulative sums (Page, Biometrika 41, 1954) of what slides deviate by, in deviations of the reference. */
export class CusumChart {
  readonly #limit: number;
  readonly #allowance: number;
  #above = 0;
  #below = 0;

  /** @param slides that the reference rests on */
  constructor(limit: number, slides: number) {
    this.#limit = limit;
    this.#allowance = allowance + meanErrors / Math.sqrt(slides);
  }

  /** @returns whether the sums are beyond the limit */
  add(deviations: number): boolean {
    const bounded = Math.max(-mostDeviations, Math.min(mostDeviations, deviations));
    this.#above = Math.max(0, this.#above + bounded - this.#allowance);
    this.#below = Math.max(0, this.#below - bounded - this.#allowance);
    return this.#above > this.#limit || this.#below > this.#limit;
  }

  reset(): void {
    this.#above = 0;
    this.#below = 0;
  }
}
