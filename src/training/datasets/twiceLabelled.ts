import type { Box } from "../../core/index.js";
import { decodePicture } from "../../pictures/index.js";
import type { LabelledField } from "./dataset.js";
import { mapBounded } from "./files.js";
import { resamplePicture } from "./resample.js";

/** Two fields that show the same picture. */
export interface TwiceLabelled {
  readonly a: LabelledField;
  readonly b: LabelledField;
  /** How `a` is turned to become `b`: bit 0 flips across, bit 1 flips down, bit 2 transposes after that. */
  readonly orientation: number;
  /** Of the grey thumbnails. */
  readonly correlation: number;
}

const side = 24;
const sameAbove = 0.97;

/** A thumbnail as a vector of mean 0 and length 1. */
const normalise = (grey: Float32Array): Float32Array => {
  const mean = grey.reduce((sum, value) => sum + value, 0) / grey.length;
  const centred = grey.map((value) => value - mean);
  const length = Math.sqrt(centred.reduce((sum, value) => sum + value * value, 0)) || 1;
  return centred.map((value) => value / length);
};

const thumbnailOf = async ({ picturePath }: LabelledField): Promise<Float32Array> => {
  const picture = await decodePicture(picturePath);
  const { pixels } = resamplePicture(picture, { left: 0, top: 0, ...picture }, { width: side, height: side });
  const luma = (at: number): number => 0.299 * pixels[at]! + 0.587 * pixels[at + 1]! + 0.114 * pixels[at + 2]!;
  return normalise(Float32Array.from({ length: side * side }, (_, index) => luma(3 * index)));
};

const turned = (thumbnail: Float32Array, orientation: number): Float32Array =>
  thumbnail.map((_, index) => {
    const [outX, outY] = [index % side, Math.floor(index / side)];
    const [x, y] = (orientation & 4) === 0 ? [outX, outY] : [outY, outX];
    const sourceX = (orientation & 1) === 0 ? x : side - 1 - x;
    const sourceY = (orientation & 2) === 0 ? y : side - 1 - y;
    return thumbnail[sourceY * side + sourceX]!;
  });

const correlate = (a: Float32Array, b: Float32Array): number => {
  let sum = 0;
  for (let index = 0; index < a.length; index++) sum += a[index]! * b[index]!;
  return sum;
};

/**
 * Pairs of fields that show the same picture at different sizes, mirrored and turned ones too: their 24 x 24 grey
 * thumbnails correlate over 0.97 in one of eight orientations. Each field is in one pair at most, the most alike first.
 * The sizes must differ because that is how a picture labelled twice is told from neighbouring or repeated fields.
 * @throws CytoError IMAGE_UNREADABLE
 */
export const findTwiceLabelled = async (fields: readonly LabelledField[]): Promise<readonly TwiceLabelled[]> => {
  const thumbnails = await mapBounded(fields, 4, thumbnailOf);
  const alike: TwiceLabelled[] = [];
  fields.forEach((a, first) => {
    const views = Array.from({ length: 8 }, (_, orientation) => turned(thumbnails[first]!, orientation));
    for (let second = first + 1; second < fields.length; second++) {
      const b = fields[second]!;
      if (a.widthPx === b.widthPx && a.heightPx === b.heightPx) continue;
      views.forEach((view, orientation) => {
        const correlation = correlate(view, thumbnails[second]!);
        if (correlation > sameAbove) alike.push({ a, b, orientation, correlation });
      });
    }
  });
  alike.sort((one, other) => other.correlation - one.correlation);
  const used = new Set<LabelledField>();
  return alike.filter(({ a, b }) => {
    if (used.has(a) || used.has(b)) return false;
    used.add(a).add(b);
    return true;
  });
};

/** A box of the picture of `a` where it lies in the picture of `b`. */
export const turnBox = (box: Box, { a, b, orientation }: Pick<TwiceLabelled, "a" | "b" | "orientation">): Box => {
  const mirror = (low: number, high: number, flip: boolean): readonly [number, number] =>
    flip ? [1 - high, 1 - low] : [low, high];
  const across = mirror(box.left / a.widthPx, box.right / a.widthPx, (orientation & 1) !== 0);
  const down = mirror(box.top / a.heightPx, box.bottom / a.heightPx, (orientation & 2) !== 0);
  const [x, y] = (orientation & 4) === 0 ? [across, down] : [down, across];
  return { left: x[0] * b.widthPx, right: x[1] * b.widthPx, top: y[0] * b.heightPx, bottom: y[1] * b.heightPx };
};

/** The orientation that undoes another. */
export const inverseOrientation = (orientation: number): number => {
  if ((orientation & 4) === 0) return orientation;
  return 4 | ((orientation & 1) << 1) | ((orientation & 2) >> 1);
};
