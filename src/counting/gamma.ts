/**
 * The gamma function's relatives that exact Poisson limits need: log-gamma (Stirling's series), the regularised
 * incomplete gamma functions (power series and Legendre's continued fraction) and their inverse (guarded Newton).
 * Relative accuracy is better than 1e-9 up to shape parameters of 1e7.
 */

/** ln(Gamma(x)) for x > 0: Stirling's series where it converges fast, the recurrence below that. */
export const logGamma = (x: number): number => {
  let shifted = x;
  let product = 1;
  while (shifted < 12) {
    product *= shifted;
    shifted += 1;
  }
  const inverse = 1 / shifted;
  const square = inverse * inverse;
  // Bernoulli numbers B(2n) / (2n (2n - 1)), n = 1 to 7.
  const series =
    inverse *
    (1 / 12 -
      square *
        (1 / 360 -
          square * (1 / 1260 - square * (1 / 1680 - square * (1 / 1188 - square * (691 / 360360 - square / 156))))));
  return (shifted - 0.5) * Math.log(shifted) - shifted + 0.5 * Math.log(2 * Math.PI) + series - Math.log(product);
};

/** x^a e^-x / Gamma(a), through logarithms. */
const prefix = (shape: number, x: number): number => Math.exp(shape * Math.log(x) - x - logGamma(shape));

const lowerSeries = (shape: number, x: number): number => {
  let term = 1 / shape;
  let sum = term;
  for (let n = 1; term > sum * 1e-17; n++) {
    term *= x / (shape + n);
    sum += term;
  }
  return sum * prefix(shape, x);
};

/** Lentz's evaluation of the continued fraction of Gamma(a, x). */
const upperFraction = (shape: number, x: number): number => {
  const tiny = 1e-300;
  let b = x + 1 - shape;
  let c = 1 / tiny;
  let d = 1 / b;
  let value = d;
  for (let n = 1; n < 1_000_000; n++) {
    const a = -n * (n - shape);
    b += 2;
    d = a * d + b;
    d = 1 / (Math.abs(d) < tiny ? tiny : d);
    c = b + a / c;
    if (Math.abs(c) < tiny) c = tiny;
    const step = d * c;
    value *= step;
    if (Math.abs(step - 1) < 1e-16) break;
  }
  return value * prefix(shape, x);
};

/** P(a, x), the regularised lower incomplete gamma function, for a > 0 and x >= 0. */
export const gammaP = (shape: number, x: number): number => {
  if (x <= 0) return 0;
  return x < shape + 1 ? lowerSeries(shape, x) : 1 - upperFraction(shape, x);
};

/** Q(a, x) = 1 - P(a, x), accurate in the upper tail. */
export const gammaQ = (shape: number, x: number): number => {
  if (x <= 0) return 1;
  return x < shape + 1 ? 1 - lowerSeries(shape, x) : upperFraction(shape, x);
};

/** The x with P(a, x) = p, for a > 0 and 0 <= p < 1. */
export const inverseGammaP = (shape: number, p: number): number => {
  if (p <= 0) return 0;
  if (p >= 1) return Number.POSITIVE_INFINITY;
  const upperTail = p > 0.5;
  const excess = (x: number): number => (upperTail ? 1 - p - gammaQ(shape, x) : gammaP(shape, x) - p);
  let low = 0;
  let high = shape + 4 * Math.sqrt(shape) + 4;
  while (excess(high) < 0) {
    low = high;
    high *= 2;
  }
  // Near zero P(a, x) is x^a / Gamma(a + 1): a start that Newton's step alone would take long to find.
  const nearZero = Math.exp((Math.log(p) + logGamma(shape + 1)) / shape);
  let x = shape < 1 && nearZero < 0.1 && nearZero > low ? nearZero : Math.min(Math.max(shape, low), high);
  for (let n = 0; n < 200; n++) {
    const error = excess(x);
    if (error > 0) high = x;
    else low = x;
    const slope = prefix(shape, x) / x;
    const newton = x - error / slope;
    const next = newton > low && newton < high ? newton : (low + high) / 2;
    const moved = Math.abs(next - x);
    x = next;
    if (moved <= 1e-14 * x || high - low <= 1e-15 * high) break;
  }
  return x;
};

/** Quantile of the chi-square distribution with `degrees` > 0 degrees of freedom. */
export const chiSquareQuantile = (p: number, degrees: number): number => 2 * inverseGammaP(degrees / 2, p);

/** The z with P(|Z| <= z) = level for a standard normal Z: z squared is chi-square with one degree of freedom. */
export const twoSidedNormalQuantile = (level: number): number => Math.sqrt(chiSquareQuantile(level, 1));
