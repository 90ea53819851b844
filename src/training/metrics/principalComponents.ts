import { choleskyFactor } from "./choleskyFactor.js";
import type { Gaussian } from "./frechetDistance.js";

/** Directions in which features vary, the greatest variance first; as many as the covariance has dimensions. */
export interface PrincipalComponents {
  readonly variances: Float64Array;
  /** Of length 1, each of as many values as there are features. */
  readonly directions: readonly Float64Array[];
}

const maxSweeps = 40;
/** Cosine of the angle between two rows under which they count as orthogonal. */
const orthogonal = 1e-12;

const dot = (a: Float64Array, b: Float64Array): number => {
  let sum = 0;
  for (let index = 0; index < a.length; index++) sum += a[index]! * b[index]!;
  return sum;
};

/** Turns two rows in their plane so that they are orthogonal. Returns whether they were not. */
const orthogonalise = (a: Float64Array, b: Float64Array): boolean => {
  const [aa, bb, ab] = [dot(a, a), dot(b, b), dot(a, b)];
  if (Math.abs(ab) <= orthogonal * Math.sqrt(aa * bb)) return false;
  const slope = (bb - aa) / (2 * ab);
  const tangent = (slope < 0 ? -1 : 1) / (Math.abs(slope) + Math.hypot(slope, 1));
  const cosine = 1 / Math.hypot(tangent, 1);
  const sine = tangent * cosine;
  for (let index = 0; index < a.length; index++) {
    const [u, v] = [a[index]!, b[index]!];
    a[index] = cosine * u - sine * v;
    b[index] = sine * u + cosine * v;
  }
  return true;
};

/**
 * Principal components of features. With the covariance F^T F, rotations of F's rows leave it as it is; once the rows are
 * orthogonal they are the components, each as long as its deviation: Hestenes, Journal of the SIAM 6:51-90, 1958, begun
 * with the pivoted Cholesky factor (Veselic and Hari, Numerische Mathematik 56:627-633, 1989). A direction's sign is the
 * one with which its values sum to no less than 0.
 */
export const principalComponents = ({ mean, covariance }: Gaussian): PrincipalComponents => {
  const size = mean.length;
  const factor = choleskyFactor(covariance, size);
  const rows = Array.from({ length: factor.rows }, (_, row) => factor.values.slice(row * size, (row + 1) * size));
  for (let sweep = 0, turned = true; turned && sweep < maxSweeps; sweep++) {
    turned = false;
    for (let first = 0; first < rows.length - 1; first++)
      for (let second = first + 1; second < rows.length; second++)
        if (orthogonalise(rows[first]!, rows[second]!)) turned = true;
  }
  const found = rows.map((row) => ({ row, variance: dot(row, row) })).sort((a, b) => b.variance - a.variance);
  return {
    variances: Float64Array.from(found, ({ variance }) => variance),
    directions: found.map(({ row, variance }) => {
      const sum = row.reduce((total, value) => total + value, 0);
      const scale = (sum < 0 ? -1 : 1) / Math.sqrt(variance);
      return row.map((value) => value * scale);
    }),
  };
};
