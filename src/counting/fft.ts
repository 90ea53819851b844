/** A complex plane, row by row. */
export interface ComplexPlane {
  readonly re: Float64Array<ArrayBuffer>;
  readonly im: Float64Array<ArrayBuffer>;
}

interface Plan {
  readonly reversed: Uint32Array<ArrayBuffer>;
  readonly cosine: Float64Array<ArrayBuffer>;
  readonly sine: Float64Array<ArrayBuffer>;
}

const makePlan = (length: number): Plan => {
  const reversed = new Uint32Array(length);
  for (let i = 1; i < length; i++) reversed[i] = (reversed[i >> 1]! >> 1) | ((i & 1) === 1 ? length >> 1 : 0);
  const half = Math.max(1, length >> 1);
  const angle = (_: unknown, i: number): number => (-2 * Math.PI * i) / length;
  const angles = Array.from({ length: half }, angle);
  return {
    reversed,
    cosine: Float64Array.from(angles, Math.cos),
    sine: Float64Array.from(angles, Math.sin),
  };
};

interface Line {
  readonly plane: ComplexPlane;
  readonly start: number;
  readonly stride: number;
}

/** Transforms one line of a plane in place; the scratch holds at least as many numbers as the line. */
const transformLine = ({ plane, start, stride }: Line, plan: Plan, scratch: ComplexPlane): void => {
  const length = plan.reversed.length;
  const { re, im } = scratch;
  for (let i = 0; i < length; i++) {
    const from = start + plan.reversed[i]! * stride;
    re[i] = plane.re[from]!;
    im[i] = plane.im[from]!;
  }
  for (let size = 2; size <= length; size <<= 1) {
    const half = size >> 1;
    const step = length / size;
    for (let block = 0; block < length; block += size) {
      for (let k = 0, twiddle = 0; k < half; k++, twiddle += step) {
        const low = block + k;
        const high = low + half;
        const c = plan.cosine[twiddle]!;
        const s = plan.sine[twiddle]!;
        const oddRe = re[high]! * c - im[high]! * s;
        const oddIm = re[high]! * s + im[high]! * c;
        re[high] = re[low]! - oddRe;
        im[high] = im[low]! - oddIm;
        re[low] = re[low]! + oddRe;
        im[low] = im[low]! + oddIm;
      }
    }
  }
  for (let i = 0; i < length; i++) {
    plane.re[start + i * stride] = re[i]!;
    plane.im[start + i * stride] = im[i]!;
  }
};

const planOf = ((): ((length: number) => Plan) => {
  const plans = new Map<number, Plan>();
  return (length) => {
    const known = plans.get(length);
    if (known !== undefined) return known;
    const plan = makePlan(length);
    plans.set(length, plan);
    return plan;
  };
})();

/** The smallest power of two that is at least `length`. */
export const powerOfTwoFrom = (length: number): number => 2 ** Math.ceil(Math.log2(Math.max(1, length)));

/** Discrete Fourier transform of a plane in place (radix 2; both sides powers of two), without scaling. */
export const forwardFft = (plane: ComplexPlane, width: number, height: number): void => {
  const longest = Math.max(width, height);
  const scratch = { re: new Float64Array(longest), im: new Float64Array(longest) };
  const rows = planOf(width);
  for (let y = 0; y < height; y++) transformLine({ plane, start: y * width, stride: 1 }, rows, scratch);
  const columns = planOf(height);
  for (let x = 0; x < width; x++) transformLine({ plane, start: x, stride: width }, columns, scratch);
};

/** The inverse of `forwardFft`, in place, scaled by 1 / (width * height). */
export const inverseFft = (plane: ComplexPlane, width: number, height: number): void => {
  // Swapping real and imaginary parts turns the forward transform into the inverse one.
  forwardFft({ re: plane.im, im: plane.re }, width, height);
  const scale = 1 / (width * height);
  for (let i = 0; i < plane.re.length; i++) {
    plane.re[i] = plane.re[i]! * scale;
    plane.im[i] = plane.im[i]! * scale;
  }
};
