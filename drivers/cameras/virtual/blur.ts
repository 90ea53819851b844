/** Gaussian blur of interleaved RGB in 16 bits. Rows are `3 * width` samples. */
export interface BlurPlane {
  readonly width: number;
  readonly height: number;
}

/** Above this a Gaussian is made of three boxes, whose cost does not grow with its width. */
const largestKernelSigmaPx = 2.2;

/** Below this the blur is nothing. */
const smallestSigmaPx = 0.2;

/** How many pixels around a place its blurred value depends on. */
export const blurReachPx = (sigmaPx: number): number => {
  if (sigmaPx < smallestSigmaPx) return 0;
  if (sigmaPx <= largestKernelSigmaPx) return Math.ceil(2.8 * sigmaPx);
  return boxRadii(sigmaPx).reduce((sum, radius) => sum + radius, 0);
};

/** Radii of three boxes that one after the other have, as nearly as whole radii can, the variance of the Gaussian. */
const boxRadii = (sigmaPx: number): readonly number[] => {
  // A box of radius r has the variance r (r + 1) / 3.
  const variance = (radius: number): number => (radius * (radius + 1)) / 3;
  const smaller = Math.max(1, Math.floor((Math.sqrt(4 * sigmaPx * sigmaPx + 1) - 1) / 2));
  const short = sigmaPx * sigmaPx - 3 * variance(smaller);
  const larger = Math.max(0, Math.min(3, Math.round(short / (variance(smaller + 1) - variance(smaller)))));
  return [0, 1, 2].map((k) => (k < larger ? smaller + 1 : smaller));
};

const kernelBits = 15;

/** Half of the kernel in whole numbers that sum up, both sides, to 2^15: products with 15-bit samples fit 31 bits. */
const kernelOf = (sigmaPx: number): Int32Array => {
  const reach = blurReachPx(sigmaPx);
  const weights = Array.from({ length: reach + 1 }, (_, k) => Math.exp((-k * k) / (2 * sigmaPx * sigmaPx)));
  const sum = weights.reduce((total, weight, k) => total + (k === 0 ? weight : 2 * weight), 0);
  const kernel = Int32Array.from(weights, (weight) => Math.round((weight / sum) * (1 << kernelBits)));
  // Rounding must not make the picture brighter or darker: the middle takes the rest.
  kernel[0] = (1 << kernelBits) - 2 * kernel.subarray(1).reduce((total, weight) => total + weight, 0);
  return kernel;
};

type Samples = Uint16Array<ArrayBuffer>;

interface Pass {
  readonly from: Samples;
  readonly to: Samples;
  /** Samples from one pixel to the next along the direction of the blur. */
  readonly stride: number;
  /** First and one past the last sample with all neighbours there. */
  readonly start: number;
  readonly end: number;
}

const half = 1 << (kernelBits - 1);

/** A kernel of up to seven samples, written out: by far the most frequent blur, and three times as fast so. */
const shortKernelPass = (pass: Pass, kernel: Int32Array): void => {
  const { from, to, stride, start, end } = pass;
  const w0 = kernel[0]!;
  const w1 = kernel[1]!;
  const w2 = kernel[2] ?? 0;
  const w3 = kernel[3] ?? 0;
  const stride2 = kernel.length > 2 ? 2 * stride : 0;
  const stride3 = kernel.length > 3 ? 3 * stride : 0;
  for (let i = start; i < end; i++) {
    const sum =
      w0 * from[i]! +
      w1 * (from[i - stride]! + from[i + stride]!) +
      w2 * (from[i - stride2]! + from[i + stride2]!) +
      w3 * (from[i - stride3]! + from[i + stride3]!);
    to[i] = (sum + half) >> kernelBits;
  }
};

/** The symmetrical kernel over a run of samples; those at the edge of the plane mix with the next row and are not used. */
const kernelPass = (pass: Pass, kernel: Int32Array): void => {
  if (kernel.length <= 4) {
    shortKernelPass(pass, kernel);
    return;
  }
  const { from, to, stride, start, end } = pass;
  const reach = kernel.length - 1;
  const middle = kernel[0]!;
  for (let i = start; i < end; i++) {
    let sum = middle * from[i]! + half;
    for (let k = 1, away = stride; k <= reach; k++, away += stride) {
      sum += kernel[k]! * (from[i - away]! + from[i + away]!);
    }
    to[i] = sum >> kernelBits;
  }
};

/** A running mean of `2 * radius + 1` samples along lines `stride` apart, edges repeated. */
const boxLine = (
  from: Samples,
  to: Samples,
  line: { first: number; stride: number; count: number; radius: number },
) => {
  const { first, stride, count, radius } = line;
  const scale = 1 / (2 * radius + 1);
  const at = (k: number): number => from[first + stride * (k < 0 ? 0 : k < count ? k : count - 1)]!;
  let sum = 0;
  for (let k = -radius; k <= radius; k++) sum += at(k);
  for (let k = 0; k < count; k++) {
    to[first + stride * k] = sum * scale + 0.5;
    sum += at(k + radius + 1) - at(k - radius);
  }
};

const boxBlur = (plane: BlurPlane, samples: Samples, spare: Samples, radii: readonly number[]): void => {
  const row = 3 * plane.width;
  for (const radius of radii) {
    for (let y = 0; y < plane.height; y++) {
      for (let c = 0; c < 3; c++) {
        boxLine(samples, spare, { first: y * row + c, stride: 3, count: plane.width, radius });
      }
    }
    for (let i = 0; i < row; i++) boxLine(spare, samples, { first: i, stride: row, count: plane.height, radius });
  }
};

/**
 * Blurs `samples` in place; `spare` is at least as long. Valid are the samples at least `blurReachPx(sigmaPx)` pixels from the
 * edges of the plane; the others hold unspecified values.
 */
export const blur = (plane: BlurPlane, buffers: { samples: Samples; spare: Samples }, sigmaPx: number): void => {
  if (sigmaPx < smallestSigmaPx) return;
  const { samples, spare } = buffers;
  if (sigmaPx > largestKernelSigmaPx) {
    boxBlur(plane, samples, spare, boxRadii(sigmaPx));
    return;
  }
  const kernel = kernelOf(sigmaPx);
  const reach = kernel.length - 1;
  const row = 3 * plane.width;
  const total = row * plane.height;
  kernelPass({ from: samples, to: spare, stride: 3, start: 3 * reach, end: total - 3 * reach }, kernel);
  kernelPass({ from: spare, to: samples, stride: row, start: row * reach, end: total - row * reach }, kernel);
};
