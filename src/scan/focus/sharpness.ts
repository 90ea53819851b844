import type { Frame } from "../../core/index.js";

/** Pixels a side that are averaged before slopes are taken: noise falls, the outlines of cells stay. */
const block = 2;

/**
 * How sharp a picture is, for comparing pictures of one place at several heights: the mean square of the slopes of luminance between
 * neighbouring blocks, less what the sensor's noise alone makes, over the square of the light. Unlike `FrameQuality.focus` it has no ceiling,
 * and it sees the blur of whole cells far from focus.
 */
export const sharpnessOf = ({ width, height, pixels }: Pick<Frame, "width" | "height" | "pixels">): number => {
  const [columns, rows] = [Math.floor(width / block), Math.floor(height / block)];
  const grey = new Float32Array(columns * rows);
  let total = 0;
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < columns; column++) {
      let sum = 0;
      for (let dy = 0; dy < block; dy++)
        for (let dx = 0; dx < block; dx++) {
          const at = 3 * ((row * block + dy) * width + column * block + dx);
          sum += pixels[at]! + 2 * pixels[at + 1]! + pixels[at + 2]!;
        }
      const value = sum / (4 * block * block);
      grey[row * columns + column] = value;
      total += value;
    }
  const mean = total / (columns * rows);
  let [wide, narrow, count] = [0, 0, 0];
  for (let row = 0; row < rows; row++)
    for (let column = 2; column < columns; column++) {
      const at = row * columns + column;
      const slope = grey[at]! - grey[at - 2]!;
      wide += slope * slope;
      // Second differences of neighbours are mostly noise where the picture is smooth.
      const bend = grey[at]! - 2 * grey[at - 1]! + grey[at - 2]!;
      narrow += bend * bend;
      count++;
    }
  // Of white noise the slope over two blocks has twice its variance, the bend six times.
  const noise = Math.min((2 / 6) * narrow, 0.5 * wide);
  return (wide - noise) / count / (mean * mean + 1);
};
