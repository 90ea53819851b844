/** The value that a given part of the sorted values lies below, by linear interpolation. NaN of nothing. */
export const quantile = (values: readonly number[], part: number): number => {
  const sorted = values.toSorted((a, b) => a - b);
  const at = part * (sorted.length - 1);
  const [low, high] = [sorted[Math.floor(at)] ?? Number.NaN, sorted[Math.ceil(at)] ?? Number.NaN];
  return low + (at - Math.floor(at)) * (high - low);
};

export const median = (values: readonly number[]): number => quantile(values, 0.5);
