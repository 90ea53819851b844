/** A figure over the runs of several seeds. */
export interface Spread {
  readonly mean: number;
  /** Sample standard deviation; null for one run. */
  readonly deviation: number | null;
  readonly runs: number;
}

/** Null where there is no run. */
export const spreadOf = (values: readonly number[]): Spread | null => {
  if (values.length === 0) return null;
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { mean, deviation: values.length < 2 ? null : Math.sqrt(squares / (values.length - 1)), runs: values.length };
};

/** `mean`, or `mean ± deviation`; a dash for nothing. */
export const spreadText = (spread: Spread | null, digits: number): string => {
  if (spread === null) return "-";
  const { mean, deviation } = spread;
  return deviation === null ? mean.toFixed(digits) : `${mean.toFixed(digits)} ± ${deviation.toFixed(digits)}`;
};
