/**
 * The discrete Fourier transform of a real plane of `width` x `height`, both powers of two, without scaling. Only the
 * columns 0 to width / 2 are kept, row by row, `columns` to a row: the others are their conjugates.
 */
export interface HalfSpectrum {
  readonly width: number;
  readonly height: number;
  readonly columns: number;
  readonly re: Float64Array<ArrayBuffer>;
  readonly im: Float64Array<ArrayBuffer>;
}

/** What a transform of one length needs, and memory for one line of it. */
interface Line {
  readonly length: number;
  readonly reversed: Uint32Array<ArrayBuffer>;
  readonly cosine: Float64Array<ArrayBuffer>;
  readonly sine: Float64Array<ArrayBuffer>;
  readonly re: Float64Array<ArrayBuffer>;
  readonly im: Float64Array<ArrayBuffer>;
}

const makeLine = (length: number): Line => {
  const reversed = new Uint32Array(length);
  for (let i = 1; i < length; i++) reversed[i] = (reversed[i >> 1]! >> 1) | ((i & 1) === 1 ? length >> 1 : 0);
  const angles = Array.from({ length: Math.max(1, length >> 1) }, (_, i) => (-2 * Math.PI * i) / length);
  return {
    length,
    reversed,
    cosine: Float64Array.from(angles, Math.cos),
    sine: Float64Array.from(angles, Math.sin),
    re: new Float64Array(length),
    im: new Float64Array(length),
  };
};

const lineOf = ((): ((length: number) => Line) => {
  const lines = new Map<number, Line>();
  return (length) => {
    const known = lines.get(length);
    if (known !== undefined) return known;
    const line = makeLine(length);
    lines.set(length, line);
    return line;
  };
})();

/** Neighbours in pairs: the butterflies whose factor is 1. */
const firstButterflies = (re: Float64Array, im: Float64Array): void => {
  for (let low = 0; low + 1 < re.length; low += 2) {
    const oddRe = re[low + 1]!;
    const oddIm = im[low + 1]!;
    re[low + 1] = re[low]! - oddRe;
    im[low + 1] = im[low]! - oddIm;
    re[low] = re[low]! + oddRe;
    im[low] = im[low]! + oddIm;
  }
};

/** Radix 2 (Cooley & Tukey 1965) over a line whose numbers lie in bit-reversed order. */
const transform = ({ length, cosine, sine, re, im }: Line): void => {
  firstButterflies(re, im);
  for (let half = 2, step = length >> 2; half < length; half <<= 1, step >>= 1) {
    for (let k = 0, twiddle = 0; k < half; k++, twiddle += step) {
      const c = cosine[twiddle]!;
      const s = sine[twiddle]!;
      for (let low = k, high = k + half; high < length; low += 2 * half, high += 2 * half) {
        const oddRe = re[high]! * c - im[high]! * s;
        const oddIm = re[high]! * s + im[high]! * c;
        re[high] = re[low]! - oddRe;
        im[high] = im[low]! - oddIm;
        re[low] = re[low]! + oddRe;
        im[low] = im[low]! + oddIm;
      }
    }
  }
};

/** Transforms the columns of a half spectrum in place; swapped real and imaginary parts make it the inverse. */
const transformColumns = (re: Float64Array, im: Float64Array, { height, columns }: HalfSpectrum): void => {
  const line = lineOf(height);
  for (let x = 0; x < columns; x++) {
    for (let y = 0; y < height; y++) {
      const from = line.reversed[y]! * columns + x;
      line.re[y] = re[from]!;
      line.im[y] = im[from]!;
    }
    transform(line);
    for (let y = 0, to = x; y < height; y++, to += columns) {
      re[to] = line.re[y]!;
      im[to] = line.im[y]!;
    }
  }
};

/** The smallest power of two that is at least `length`. */
export const powerOfTwoFrom = (length: number): number => 2 ** Math.ceil(Math.log2(Math.max(1, length)));

/** The transform of a real plane given row by row. Two rows go through one complex transform. */
export const spectrumOf = (values: Float64Array, width: number, height: number): HalfSpectrum => {
  const columns = (width >> 1) + 1;
  const re = new Float64Array(columns * height);
  const im = new Float64Array(columns * height);
  const line = lineOf(width);
  for (let y = 0; y < height; y += 2) {
    const pair = y + 1 < height;
    for (let x = 0; x < width; x++) {
      const from = y * width + line.reversed[x]!;
      line.re[x] = values[from]!;
      line.im[x] = pair ? values[from + width]! : 0;
    }
    transform(line);
    for (let k = 0, to = y * columns; k < columns; k++, to++) {
      const mirrored = (width - k) & (width - 1);
      re[to] = (line.re[k]! + line.re[mirrored]!) / 2;
      im[to] = (line.im[k]! - line.im[mirrored]!) / 2;
      if (!pair) continue;
      re[to + columns] = (line.im[k]! + line.im[mirrored]!) / 2;
      im[to + columns] = (line.re[mirrored]! - line.re[k]!) / 2;
    }
  }
  const spectrum = { width, height, columns, re, im };
  transformColumns(re, im, spectrum);
  return spectrum;
};

/** The real plane, row by row, that a half spectrum is of. The spectrum is used up. */
export const planeOf = (spectrum: HalfSpectrum): Float64Array<ArrayBuffer> => {
  const { width, height, columns, re, im } = spectrum;
  transformColumns(im, re, spectrum);
  const values = new Float64Array(width * height);
  const scale = 1 / (width * height);
  const line = lineOf(width);
  for (let y = 0; y < height; y += 2) {
    const first = y * columns;
    const second = y + 1 < height ? first + columns : undefined;
    for (let x = 0; x < width; x++) {
      const k = line.reversed[x]!;
      const at = k < columns ? k : width - k;
      const sign = k < columns ? 1 : -1;
      const nextRe = second === undefined ? 0 : re[second + at]!;
      const nextIm = second === undefined ? 0 : im[second + at]!;
      // Swapped, so that the forward transform is the inverse one.
      line.im[x] = re[first + at]! - sign * nextIm;
      line.re[x] = sign * im[first + at]! + nextRe;
    }
    transform(line);
    for (let x = 0, to = y * width; x < width; x++, to++) {
      values[to] = line.im[x]! * scale;
      if (second !== undefined) values[to + width] = line.re[x]! * scale;
    }
  }
  return values;
};
