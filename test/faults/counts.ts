/**
 * How often a fault is tried. `FAULTS=full npm run test:faults` tries as often as the promise says; without it, as often as
 * fits into a few minutes for all together.
 */
export const times = (promised: number, reduced: number): number =>
  process.env.FAULTS === "full" ? promised : reduced;

/** Figures of a test, for whoever reads its output. */
export const tell = (promise: number, figures: Readonly<Record<string, number | string>>): void => {
  const parts = Object.entries(figures).map(([name, value]) => {
    return `${name} ${typeof value === "number" ? Number(value.toPrecision(4)) : value}`;
  });
  process.stdout.write(`promise ${promise}: ${parts.join(", ")}\n`);
};

/** The value below which a share of the values lies. */
export const quantile = (values: readonly number[], share: number): number => {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
};

/** Waits; for faults that last, not for something to happen. */
export const pass = (ms: number): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, ms);
  });

/** Looks again and again until a condition holds. @returns ms that it took */
export const untilTrue = async (condition: () => boolean | Promise<boolean>, everyMs = 50): Promise<number> => {
  const startedMs = performance.now();
  while (!(await condition())) await pass(everyMs);
  return performance.now() - startedMs;
};
