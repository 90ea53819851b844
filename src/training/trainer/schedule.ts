/** How long a training lasts: a number of steps, or wall-clock time. Runs by steps are reproducible bit for bit. */
export type Duration = { readonly steps: number } | { readonly minutes: number };

export interface Schedule {
  readonly learningRate: number;
  /** Steps of linear warm-up before the cosine. */
  readonly warmupSteps: number;
  /** Part of the highest rate that is left at the end. */
  readonly finalPart: number;
  /** Decay of the moving average once it has warmed up. */
  readonly averageDecay: number;
}

/** Part of the training that is done, in [0, 1]. */
export const donePart = (duration: Duration, steps: number, elapsedMs: number): number =>
  "steps" in duration ? ratio(steps, duration.steps) : ratio(elapsedMs, duration.minutes * 60_000);

/** Nothing asked for is done from the start. */
const ratio = (part: number, whole: number): number => (whole === 0 ? 1 : part / whole);

/** Linear warm-up, then half a cosine (Loshchilov & Hutter 2017) over the done part. */
export const learningRateAt = (schedule: Schedule, steps: number, done: number): number => {
  const warmup = Math.min(1, (steps + 1) / schedule.warmupSteps);
  const cosine = (1 + Math.cos(Math.PI * Math.min(1, done))) / 2;
  return schedule.learningRate * warmup * (schedule.finalPart + (1 - schedule.finalPart) * cosine);
};

/** The moving average forgets its start: its decay rises with the steps taken. */
export const averageDecayAt = (schedule: Schedule, steps: number): number =>
  Math.min(schedule.averageDecay, (1 + steps) / (10 + steps));
