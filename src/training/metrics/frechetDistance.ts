import { CytoError } from "../../core/index.js";
import { choleskyFactor } from "./choleskyFactor.js";
import { timesTransposed } from "./matrix.js";
import { nuclearNorm } from "./nuclearNorm.js";

/** A normal distribution of D features. */
export interface Gaussian {
  /** D values. */
  readonly mean: Float64Array;
  /** D x D values, row by row: symmetric, positive semidefinite, of any rank. */
  readonly covariance: Float64Array;
}

/**
 * Mean and covariance of feature vectors that come one at a time or in parts, without the vectors being kept and without
 * loss of digits where the mean is far from 0: Welford, Technometrics 4:419-420, 1962; parts join as in Chan, Golub and
 * LeVeque, The American Statistician 37:242-247, 1983. Holds D x D doubles.
 */
export class FeatureStatistics {
  readonly #mean: Float64Array;
  /** Sums of products of deviations from the mean; the lower triangle is kept. */
  readonly #scatter: Float64Array;
  readonly #before: Float64Array;
  #count = 0;

  /** @throws CytoError `INTERNAL` where `dimensions`, D, is no whole number >= 1 */
  constructor(readonly dimensions: number) {
    if (!Number.isInteger(dimensions) || dimensions < 1)
      throw new CytoError("INTERNAL", `There are no features of ${dimensions} dimensions`);
    this.#mean = new Float64Array(dimensions);
    this.#before = new Float64Array(dimensions);
    this.#scatter = new Float64Array(dimensions * dimensions);
  }

  /** Vectors that were added. */
  get count(): number {
    return this.#count;
  }

  /**
   * Adds the features of one picture: D values.
   * @throws CytoError `INTERNAL` where they are not D finite values; nothing is added then
   */
  add(features: ArrayLike<number>): void {
    this.#checkDimensions(features.length);
    for (let index = 0; index < features.length; index++)
      if (!Number.isFinite(features[index]!)) throw new CytoError("INTERNAL", `Feature ${index} is ${features[index]}`);
    this.#count++;
    const shift = this.#before;
    for (let index = 0; index < shift.length; index++) {
      shift[index] = features[index]! - this.#mean[index]!;
      this.#mean[index]! += shift[index]! / this.#count;
    }
    this.#addToScatter(shift, (this.#count - 1) / this.#count);
  }

  /**
   * Adds all vectors of `other`, which stays as it is.
   * @throws CytoError `INTERNAL` where its vectors have another number of dimensions
   */
  merge(other: FeatureStatistics): void {
    this.#checkDimensions(other.dimensions);
    if (other.#count === 0) return;
    const count = this.#count + other.#count;
    const shift = other.#mean.map((value, index) => value - this.#mean[index]!);
    for (let index = 0; index < this.#scatter.length; index++) this.#scatter[index]! += other.#scatter[index]!;
    this.#addToScatter(shift, (this.#count / count) * other.#count);
    for (let index = 0; index < shift.length; index++) this.#mean[index]! += (shift[index]! * other.#count) / count;
    this.#count = count;
  }

  /**
   * The normal distribution of the vectors, its covariance the unbiased one (divided by N - 1).
   * @throws CytoError `DATASET_INVALID` for fewer than two vectors
   */
  gaussian(): Gaussian {
    if (this.#count < 2)
      throw new CytoError("DATASET_INVALID", `A covariance needs two pictures at least, not ${this.#count}`, {
        remedy: "Give more pictures.",
      });
    const size = this.dimensions;
    const covariance = new Float64Array(size * size);
    for (let row = 0; row < size; row++)
      for (let column = 0; column <= row; column++) {
        const value = this.#scatter[row * size + column]! / (this.#count - 1);
        covariance[row * size + column] = value;
        covariance[column * size + row] = value;
      }
    return { mean: this.#mean.slice(), covariance };
  }

  #addToScatter(shift: Float64Array, weight: number): void {
    for (let row = 0; row < shift.length; row++) {
      const factor = weight * shift[row]!;
      const at = row * shift.length;
      for (let column = 0; column <= row; column++) this.#scatter[at + column]! += factor * shift[column]!;
    }
  }

  #checkDimensions(dimensions: number): void {
    if (dimensions !== this.dimensions)
      throw new CytoError("INTERNAL", `There are ${dimensions} features, not ${this.dimensions}`);
  }
}

const check = ({ mean, covariance }: Gaussian): void => {
  if (mean.length === 0 || covariance.length !== mean.length ** 2)
    throw new CytoError("INTERNAL", `A mean of ${mean.length} values has a covariance of ${covariance.length}`);
  if (!mean.every(Number.isFinite) || !covariance.every(Number.isFinite))
    throw new CytoError("INTERNAL", "A mean or covariance is not finite");
};

const traceOf = ({ mean, covariance }: Gaussian): number => {
  let sum = 0;
  for (let index = 0; index < covariance.length; index += mean.length + 1) sum += covariance[index]!;
  return sum;
};

/**
 * Frechet distance of two normal distributions, in squared units of the features: ||m_a - m_b||^2 + tr(A + B - 2 (A B)^(1/2))
 * (Dowson and Landau, Journal of Multivariate Analysis 12:450-455, 1982), never negative. Of the features of real and of
 * generated pictures it is the FID of Heusel et al., NeurIPS 2017. Distances compare only where the features come from the
 * same network and the numbers of pictures are alike: fewer pictures make the distance greater.
 *
 * @throws CytoError `INTERNAL` where the dimensions differ or a value is not finite
 */
export const frechetDistance = (a: Gaussian, b: Gaussian): number => {
  check(a);
  check(b);
  const size = a.mean.length;
  if (b.mean.length !== size)
    throw new CytoError("INTERNAL", `${size} features are compared with ${b.mean.length} features`);
  let apart = 0;
  for (let index = 0; index < size; index++) apart += (a.mean[index]! - b.mean[index]!) ** 2;
  // With A = F^T F and B = G^T G, the eigenvalues of A^(1/2) B A^(1/2) are the squared singular values of F G^T: the trace of
  // the root is their sum. No root is taken of a value near 0, which would make rounding of 1e-16 an error of 1e-8.
  const f = choleskyFactor(a.covariance, size);
  const g = choleskyFactor(b.covariance, size);
  const common = nuclearNorm(f.rows >= g.rows ? timesTransposed(f, g) : timesTransposed(g, f));
  return Math.max(0, apart + traceOf(a) + traceOf(b) - 2 * common);
};
