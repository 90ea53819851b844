import type { Picture } from "../pictures/index.js";

/** Side of the grey thumbnails by which look-alikes are told, px. */
export const thumbnailSide = 24;
const side = thumbnailSide;

/** Pixels looked at in each pixel of the thumbnail, across and down, at most: the cost of a picture has a bound. */
const samplesAcross = 5;

/** Where the samples of the thumbnail's pixels lie along one axis of `length` px. */
const samplePlaces = (length: number): readonly Int32Array[] =>
  Array.from({ length: side }, (_, index) => {
    const from = (index * length) / side;
    const to = ((index + 1) * length) / side;
    const count = Math.max(1, Math.min(samplesAcross, Math.ceil(to - from)));
    return Int32Array.from({ length: count }, (_, at) =>
      Math.min(length - 1, Math.floor(from + ((at + 0.5) * (to - from)) / count)),
    );
  });

/**
 * A picture's grey thumbnail, 24 x 24, its mean taken off and the contrast spread to -127 … 127: 576 bytes that are the same for a
 * picture at another size or in another format, but for rounding.
 */
export const thumbnailOf = ({ width, height, pixels }: Picture): Int8Array => {
  const columns = samplePlaces(width);
  const rows = samplePlaces(height);
  const grey = new Float32Array(side * side);
  rows.forEach((ys, row) => {
    columns.forEach((xs, column) => {
      let sum = 0;
      for (const y of ys)
        for (const x of xs) {
          const at = 3 * (y * width + x);
          sum += 0.299 * pixels[at]! + 0.587 * pixels[at + 1]! + 0.114 * pixels[at + 2]!;
        }
      grey[row * side + column] = sum / (ys.length * xs.length);
    });
  });
  const mean = grey.reduce((sum, value) => sum + value, 0) / grey.length;
  const most = grey.reduce((widest, value) => Math.max(widest, Math.abs(value - mean)), 0);
  return Int8Array.from(grey, (value) => (most === 0 ? 0 : Math.round((127 * (value - mean)) / most)));
};

/** A thumbnail as a vector of mean 0 and length 1; all 0 for a picture of one colour. */
export const normaliseThumbnail = (thumbnail: Int8Array): Float32Array => {
  const { length } = thumbnail;
  let sum = 0;
  let squares = 0;
  for (let index = 0; index < length; index++) {
    sum += thumbnail[index]!;
    squares += thumbnail[index]! ** 2;
  }
  const mean = sum / length;
  const norm = Math.sqrt(Math.max(0, squares - sum * mean));
  const normalised = new Float32Array(length);
  if (norm > 0) for (let index = 0; index < length; index++) normalised[index] = (thumbnail[index]! - mean) / norm;
  return normalised;
};

/** A square thumbnail turned: bit 0 flips across, bit 1 flips down, bit 2 transposes after that. */
export const turnThumbnail = (thumbnail: Float32Array, orientation: number): Float32Array =>
  thumbnail.map((_, index) => {
    const [outX, outY] = [index % side, Math.floor(index / side)];
    const [x, y] = (orientation & 4) === 0 ? [outX, outY] : [outY, outX];
    const sourceX = (orientation & 1) === 0 ? x : side - 1 - x;
    const sourceY = (orientation & 2) === 0 ? y : side - 1 - y;
    return thumbnail[sourceY * side + sourceX]!;
  });

/** A thumbnail in all eight orientations. */
export const orientationsOf = (thumbnail: Float32Array): readonly Float32Array[] =>
  Array.from({ length: 8 }, (_, orientation) => turnThumbnail(thumbnail, orientation));

/** Greatest correlation of a normalised thumbnail with another in its orientations. */
export const likeness = (orientations: readonly Float32Array[], other: Float32Array): number => {
  let best = -1;
  for (const turned of orientations) {
    let sum = 0;
    for (let index = 0; index < other.length; index++) sum += turned[index]! * other[index]!;
    best = Math.max(best, sum);
  }
  return best;
};

/** Numbers of a signature. */
export const signatureLength = 48;
const coarse = 8;
const half = coarse / 2;

/** Sums over squares of 3 x 3, scaled so that lengths never grow. */
const coarsen = (thumbnail: Float32Array): Float32Array => {
  const step = side / coarse;
  const out = new Float32Array(coarse * coarse);
  for (let y = 0; y < side; y++)
    for (let x = 0; x < side; x++)
      out[Math.floor(y / step) * coarse + Math.floor(x / step)]! += thumbnail[y * side + x]! / step;
  return out;
};

/** The part of an 8 x 8 picture that is even or odd across and down, 4 x 4. */
const parity = (picture: Float32Array, across: 1 | -1, down: 1 | -1): Float32Array =>
  Float32Array.from({ length: half * half }, (_, index) => {
    const [x, y] = [index % half, Math.floor(index / half)];
    const [farX, farY] = [coarse - 1 - x, coarse - 1 - y];
    const value = (atX: number, atY: number): number => picture[atY * coarse + atX]!;
    return (value(x, y) + across * value(farX, y) + down * value(x, farY) + across * down * value(farX, farY)) / 2;
  });

/** Parts of a 4 x 4 square that stay, and that change sign, when it is transposed: ten and six numbers. */
const transposeParts = (square: Float32Array, sign: 1 | -1): number[] => {
  const parts: number[] = [];
  for (let y = 0; y < half; y++)
    for (let x = sign === 1 ? y : y + 1; x < half; x++) {
      const [a, b] = [square[y * half + x]!, square[x * half + y]!];
      parts.push(x === y ? a : (a + sign * b) / Math.SQRT2);
    }
  return parts;
};

/**
 * 48 numbers that are the same in all eight orientations. Two thumbnails are at least as far apart as their signatures in every
 * orientation (each number is an orthogonal projection, or the length of one): what is farther here is no look-alike.
 */
export const signatureOf = (thumbnail: Float32Array): Float32Array => {
  const picture = coarsen(thumbnail);
  const even = parity(picture, 1, 1);
  const odd = parity(picture, -1, -1);
  const across = parity(picture, -1, 1);
  const down = parity(picture, 1, -1);
  const signature = [...transposeParts(even, 1)];
  // These change their sign, all of a kind together, with the orientation.
  for (const parts of [transposeParts(even, -1), transposeParts(odd, 1), transposeParts(odd, -1)])
    signature.push(...parts.map(Math.abs));
  // These change places with each other, and their signs.
  for (let y = 0; y < half; y++)
    for (let x = 0; x < half; x++) signature.push(Math.hypot(across[y * half + x]!, down[x * half + y]!));
  return Float32Array.from(signature);
};
