import type { Matrix } from "./matrix.js";

const indexOfGreatest = (values: Float64Array): number => {
  let best = 0;
  for (let index = 1; index < values.length; index++) if (values[index]! > values[best]!) best = index;
  return best;
};

/**
 * F with F^T F = S, for a positive semidefinite S of `size` x `size` values: one row for each dimension that S really has.
 * Cholesky's method with diagonal pivoting, which stops where what is left of S is rounding, as LAPACK's dpstrf does
 * (Higham, Accuracy and Stability of Numerical Algorithms, 2nd edition, section 10.3).
 */
export const choleskyFactor = (symmetric: Float64Array, size: number): Matrix => {
  const values = new Float64Array(size * size);
  const left = Float64Array.from({ length: size }, (_, index) => symmetric[index * (size + 1)]!);
  const least = size * Number.EPSILON * Math.max(...left);
  let rank = 0;
  for (; rank < size; rank++) {
    const pivot = indexOfGreatest(left);
    if (!(left[pivot]! > least)) break;
    const row = values.subarray(rank * size, (rank + 1) * size);
    row.set(symmetric.subarray(pivot * size, (pivot + 1) * size));
    for (let earlier = 0; earlier < rank; earlier++) {
      const from = earlier * size;
      const factor = values[from + pivot]!;
      for (let index = 0; index < size; index++) row[index]! -= factor * values[from + index]!;
    }
    const scale = 1 / Math.sqrt(left[pivot]!);
    for (let index = 0; index < size; index++) {
      row[index]! *= scale;
      left[index]! -= row[index]! * row[index]!;
    }
    // Rounding must not let a pivot come twice.
    left[pivot] = Number.NEGATIVE_INFINITY;
  }
  return { rows: rank, columns: size, values: values.subarray(0, rank * size) };
};
