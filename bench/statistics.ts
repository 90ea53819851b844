/** The value that a given part of the sorted values lies below, by linear interpolation. NaN of nothing. */
export const quantile = (values: readonly number[], part: number): number => {
  const sorted = values.toSorted((a, b) => a - b);
  const at = part * (sorted.length - 1);
  const [low, high] = [sorted[Math.floor(at)] ?? Number.NaN, sorted[Math.ceil(at)] ?? Number.NaN];
  return low + (at - Math.floor(at)) * (high - low);
};

export const median = (values: readonly number[]): number => quantile(values, 0.5);

/**
 * Half the width of the 95 % confidence interval of `slopeOf`, for points in the order of their taking: their errors need not be
 * independent, the correlation of each with the next is allowed for. NaN of fewer than four points.
 */
export const slopeErrorOf = (points: readonly (readonly [x: number, y: number])[]): number => {
  if (points.length < 4) return Number.NaN;
  const slope = slopeOf(points);
  const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [meanX, meanY] = [mean(points.map(([x]) => x)), mean(points.map(([, y]) => y))];
  const errors = points.map(([x, y]) => y - meanY - slope * (x - meanX));
  const squares = errors.reduce((sum, error) => sum + error ** 2, 0);
  if (squares === 0) return 0;
  const neighbours = errors.slice(1).reduce((sum, error, index) => sum + error * errors[index]!, 0);
  const correlation = Math.min(0.99, Math.max(0, neighbours / squares));
  const across = points.reduce((sum, [x]) => sum + (x - meanX) ** 2, 0);
  const variance = squares / (points.length - 2) / across;
  return 1.96 * Math.sqrt((variance * (1 + correlation)) / (1 - correlation));
};

/** Slope of the straight line through points (x, y) by least squares. NaN of fewer than two x. */
export const slopeOf = (points: readonly (readonly [x: number, y: number])[]): number => {
  const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
  const meanX = mean(points.map(([x]) => x));
  const meanY = mean(points.map(([, y]) => y));
  const across = points.reduce((sum, [x, y]) => sum + (x - meanX) * (y - meanY), 0);
  return across / points.reduce((sum, [x]) => sum + (x - meanX) ** 2, 0);
};
