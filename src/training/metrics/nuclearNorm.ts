import { CytoError } from "../../core/index.js";
import type { Matrix } from "./matrix.js";

/** A vector in a matrix, and the vectors parallel to it. */
interface Line {
  readonly at: number;
  /** Values of the vector, and the step from one to the next. */
  readonly length: number;
  readonly step: number;
  /** Parallel vectors after it, and the step from one to the next. */
  readonly others: number;
  readonly across: number;
}

/**
 * Reflects a line onto its first axis, and its parallels with it (Householder). Returns what it became there; its own
 * values are spent.
 */
const reflect = (values: Float64Array, { at, length, step, others, across }: Line): number => {
  const end = at + length * step;
  let squares = 0;
  for (let index = at; index < end; index += step) squares += values[index]! * values[index]!;
  const first = values[at]!;
  // The sign that adds rather than cancels.
  const reflected = first > 0 ? -Math.sqrt(squares) : Math.sqrt(squares);
  const halfNorm = squares - first * reflected;
  if (halfNorm === 0) return 0;
  values[at] = first - reflected;
  for (let other = 1; other <= others; other++) {
    const shift = other * across;
    let dot = 0;
    for (let index = at; index < end; index += step) dot += values[index]! * values[index + shift]!;
    const factor = dot / halfNorm;
    for (let index = at; index < end; index += step) values[index + shift]! -= factor * values[index]!;
  }
  return reflected;
};

/**
 * The bidiagonal matrix with the same singular values (Golub and Kahan, SIAM Journal on Numerical Analysis 2:205-224,
 * 1965), as its diagonal and superdiagonal in turn: d1, f1, d2, f2 ... dn. Rows >= columns; `values` are spent.
 */
const bidiagonalise = ({ rows, columns, values }: Matrix): Float64Array => {
  const bands = new Float64Array(2 * columns);
  for (let pivot = 0; pivot < columns; pivot++) {
    const at = pivot * (columns + 1);
    const right = columns - 1 - pivot;
    bands[2 * pivot] = reflect(values, { at, length: rows - pivot, step: columns, others: right, across: 1 });
    const below = rows - 1 - pivot;
    if (right > 0)
      bands[2 * pivot + 1] = reflect(values, { at: at + 1, length: right, step: 1, others: below, across: columns });
  }
  return bands;
};

/** One implicit QL sweep over the rows `begin` ... `end` of a symmetric tridiagonal matrix. */
const sweep = (diagonal: Float64Array, off: Float64Array, begin: number, end: number): void => {
  const slope = (diagonal[begin + 1]! - diagonal[begin]!) / (2 * off[begin]!);
  const root = Math.hypot(slope, 1);
  let g = diagonal[end]! - diagonal[begin]! + off[begin]! / (slope + (slope < 0 ? -root : root));
  let sine = 1;
  let cosine = 1;
  let p = 0;
  for (let row = end - 1; row >= begin; row--) {
    const f = sine * off[row]!;
    const b = cosine * off[row]!;
    const length = Math.hypot(f, g);
    off[row + 1] = length;
    if (length === 0) {
      diagonal[row + 1]! -= p;
      off[end] = 0;
      return;
    }
    sine = f / length;
    cosine = g / length;
    g = diagonal[row + 1]! - p;
    const r = (diagonal[row]! - g) * sine + 2 * cosine * b;
    p = sine * r;
    diagonal[row + 1] = g + p;
    g = cosine * r - b;
  }
  diagonal[begin]! -= p;
  off[begin] = g;
  off[end] = 0;
};

const maxSweeps = 60;

/**
 * Eigenvalues of the symmetric tridiagonal matrix with a diagonal of zeros and `off` (its last value unused) beside it, by
 * implicit QL (Bowdler, Martin, Reinsch and Wilkinson, Numerische Mathematik 11:293-306, 1968), each to the rounding of
 * the greatest.
 */
const eigenvaluesOf = (off: Float64Array): Float64Array => {
  const diagonal = new Float64Array(off.length);
  const negligible = Number.EPSILON * off.reduce((greatest, value) => Math.max(greatest, Math.abs(value)), 0);
  for (let begin = 0; begin < off.length; begin++) {
    for (let sweeps = 0; ; sweeps++) {
      let end = begin;
      while (end < off.length - 1 && Math.abs(off[end]!) > negligible) end++;
      if (end === begin) break;
      if (sweeps === maxSweeps) throw new CytoError("INTERNAL", "The eigenvalues of a matrix do not converge");
      sweep(diagonal, off, begin, end);
    }
  }
  return diagonal;
};

/**
 * Sum of the singular values of a matrix of rows >= columns, whose values are spent. The symmetric matrix with the
 * bidiagonal one above its diagonal and the transpose below has the singular values, once with each sign, for eigenvalues;
 * its rows in another order make it tridiagonal. So nothing is squared, and small values keep their digits.
 */
export const nuclearNorm = (matrix: Matrix): number => {
  let sum = 0;
  for (const value of eigenvaluesOf(bidiagonalise(matrix))) sum += Math.abs(value);
  return sum / 2;
};
