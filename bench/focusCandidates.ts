import type { Picture } from "../src/pictures/index.js";
import { sharpnessOf } from "../src/scan/focus/index.js";

/** Measures of focus that are compared with the one in use; as Pertuz et al., Pattern Recognition 46:1415, 2013, have them. */
export type FocusMeasure = (picture: Picture) => number;

interface Grey {
  readonly columns: number;
  readonly rows: number;
  readonly values: Float32Array;
  readonly mean: number;
}

/** Luminance, averaged over blocks of so many pixels a side. */
const greyOf = ({ width, height, pixels }: Picture, block = 1): Grey => {
  const [columns, rows] = [Math.floor(width / block), Math.floor(height / block)];
  const values = new Float32Array(columns * rows);
  let total = 0;
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < columns; column++) {
      let sum = 0;
      for (let sample = 0; sample < block * block; sample++) {
        const [x, y] = [column * block + (sample % block), row * block + Math.floor(sample / block)];
        const at = 3 * (y * width + x);
        sum += pixels[at]! + 2 * pixels[at + 1]! + pixels[at + 2]!;
      }
      const value = sum / (4 * block * block);
      values[row * columns + column] = value;
      total += value;
    }
  return { columns, rows, values, mean: total / values.length };
};

/** Mean of a value over the pixels that have neighbours so far off on all sides. */
const meanInside = ({ columns, rows }: Grey, border: number, value: (at: number) => number): number => {
  let sum = 0;
  for (let row = border; row < rows - border; row++)
    for (let column = border; column < columns - border; column++) sum += value(row * columns + column);
  return sum / ((rows - 2 * border) * (columns - 2 * border));
};

const varianceOfLaplacian: FocusMeasure = (picture) => {
  const grey = greyOf(picture);
  const { values, columns: c } = grey;
  const bend = (at: number): number =>
    4 * values[at]! - values[at - 1]! - values[at + 1]! - values[at - c]! - values[at + c]!;
  const mean = meanInside(grey, 1, bend);
  return meanInside(grey, 1, (at) => (bend(at) - mean) ** 2) / grey.mean ** 2;
};

/** Brenner et al., J Histochem Cytochem 24:100, 1976. */
const brenner: FocusMeasure = (picture) => {
  const grey = greyOf(picture);
  return meanInside(grey, 2, (at) => (grey.values[at + 2]! - grey.values[at]!) ** 2) / grey.mean ** 2;
};

const tenengrad: FocusMeasure = (picture) => {
  const grey = greyOf(picture);
  const { values: v, columns: c } = grey;
  const across = (at: number, step: number, side: number): number =>
    v[at + step - side]! +
    2 * v[at + step]! +
    v[at + step + side]! -
    v[at - step - side]! -
    2 * v[at - step]! -
    v[at - step + side]!;
  return meanInside(grey, 1, (at) => across(at, 1, c) ** 2 + across(at, c, 1) ** 2) / grey.mean ** 2;
};

/** Groen, Young & Ligthart, Cytometry 6:81, 1985. */
const normalisedVariance: FocusMeasure = (picture) => {
  const grey = greyOf(picture);
  return meanInside(grey, 0, (at) => (grey.values[at]! - grey.mean) ** 2) / grey.mean ** 2;
};

/** Brenner's over blocks of two pixels: the measure in use, without what it takes off for noise. */
const brennerOfBlocks: FocusMeasure = (picture) => {
  const grey = greyOf(picture, 2);
  return meanInside(grey, 2, (at) => (grey.values[at + 2]! - grey.values[at]!) ** 2) / grey.mean ** 2;
};

export const focusMeasures: Readonly<Record<string, FocusMeasure>> = {
  inUse: sharpnessOf,
  brennerOfBlocks,
  brenner,
  tenengrad,
  varianceOfLaplacian,
  normalisedVariance,
};
