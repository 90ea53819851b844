import { z } from "zod";
import { CytoError, type Frame } from "../../core/index.js";
import type { FrameSource } from "../ports.js";

const columns = 24;
const rows = 18;

/** How the light lies on the field and how it is coloured: gains that make an empty field even and white. */
export const lightSchema = z.strictObject({
  fieldWidthPx: z.int().positive(),
  fieldHeightPx: z.int().positive(),
  columns: z.int().min(2),
  rows: z.int().min(2),
  /** Red, green and blue by place, row by row. */
  gains: z.array(z.number().min(0.2).max(5)),
  /** Dimmest over brightest place of the background of measured pictures, the least of the channels: before, and after the gains. */
  evennessBefore: z.number(),
  evenness: z.number(),
});
export type LightCorrection = z.output<typeof lightSchema>;

/** Of a place's pixels, so many per cent are darker than what is taken as its background. */
const backgroundQuantile = 0.7;
const darkestUsable = 30;
const brightestUsable = 253;

type Picture = Pick<Frame, "width" | "height" | "pixels">;

const quantileOf = (histogram: Uint32Array, share: number): number => {
  const total = histogram.reduce((sum, count) => sum + count, 0);
  let seen = 0;
  for (let level = 0; level < 256; level++) {
    seen += histogram[level]!;
    if (seen > share * total) return level;
  }
  return 255;
};

/** Background by place and channel. */
const backgroundOf = ({ width, height, pixels }: Picture): Float64Array => {
  const levels = new Float64Array(3 * columns * rows);
  const histograms = [0, 1, 2].map(() => new Uint32Array(256));
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < columns; column++) {
      for (const histogram of histograms) histogram.fill(0);
      const [top, bottom] = [Math.floor((row * height) / rows), Math.floor(((row + 1) * height) / rows)];
      const [left, right] = [Math.floor((column * width) / columns), Math.floor(((column + 1) * width) / columns)];
      for (let y = top; y < bottom; y++)
        for (let at = 3 * (y * width + left); at < 3 * (y * width + right); at += 3)
          for (let channel = 0; channel < 3; channel++) histograms[channel]![pixels[at + channel]!]!++;
      histograms.forEach((histogram, channel) => {
        levels[3 * (row * columns + column) + channel] = quantileOf(histogram, backgroundQuantile);
      });
    }
  return levels;
};

const medianOf = (values: readonly number[]): number => {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[sorted.length >> 1]!;
};

/** Terms of the surface that the light is taken as: a polynomial of second order in the place, -1 to 1. */
const termsAt = (column: number, row: number): readonly number[] => {
  const [u, v] = [(2 * (column + 0.5)) / columns - 1, (2 * (row + 0.5)) / rows - 1];
  return [1, u, v, u * u, u * v, v * v];
};

/** Solves a small symmetric system by elimination with pivots. */
const solve = (matrix: number[][], right: number[]): number[] => {
  const size = right.length;
  const rowsOf = matrix.map((row, index) => [...row, right[index]!]);
  for (let pivot = 0; pivot < size; pivot++) {
    const best = rowsOf
      .slice(pivot)
      .reduce(
        (found, row, at) => (Math.abs(row[pivot]!) > Math.abs(rowsOf[found]![pivot]!) ? pivot + at : found),
        pivot,
      );
    [rowsOf[pivot], rowsOf[best]] = [rowsOf[best]!, rowsOf[pivot]!];
    for (let below = pivot + 1; below < size; below++) {
      const factor = rowsOf[below]![pivot]! / rowsOf[pivot]![pivot]!;
      for (let at = pivot; at <= size; at++) rowsOf[below]![at]! -= factor * rowsOf[pivot]![at]!;
    }
  }
  const found = new Array<number>(size).fill(0);
  for (let at = size - 1; at >= 0; at--) {
    const rest = rowsOf[at]!.slice(at + 1, size).reduce((sum, value, ahead) => sum + value * found[at + 1 + ahead]!, 0);
    found[at] = (rowsOf[at]![size]! - rest) / rowsOf[at]![at]!;
  }
  return found;
};

/** The surface through the places' levels; what lies far off it, as under a cell or a speck, weighs less and less. */
const smooth = (levels: readonly number[]): number[] => {
  const terms = levels.map((_, place) => termsAt(place % columns, Math.floor(place / columns)));
  let weights = levels.map(() => 1);
  let surface = levels.map(() => 0);
  for (let round = 0; round < 8; round++) {
    const matrix = terms[0]!.map((_, p) =>
      terms[0]!.map((__, q) => terms.reduce((sum, term, at) => sum + weights[at]! * term[p]! * term[q]!, 0)),
    );
    const right = terms[0]!.map((_, p) =>
      terms.reduce((sum, term, at) => sum + weights[at]! * term[p]! * levels[at]!, 0),
    );
    const factors = solve(matrix, right);
    surface = terms.map((term) => term.reduce((sum, value, at) => sum + value * factors[at]!, 0));
    const residuals = levels.map((level, at) => Math.abs(level - surface[at]!));
    const scale = Math.max(1.4826 * medianOf(residuals), 0.5);
    weights = residuals.map((residual) => 1 / (1 + (residual / (2 * scale)) ** 2));
  }
  return surface;
};

/** Places of the dimmest and brightest share are left out: a leukocyte or a speck of dirt is no unevenness of the light. */
const leftOut = 0.03;

/** Dimmest over brightest place of measured backgrounds, the least of the channels. */
const evennessOf = (backgrounds: readonly Float64Array[]): number => {
  const channels = [0, 1, 2].map((channel) =>
    Array.from({ length: columns * rows }, (_, place) =>
      medianOf(backgrounds.map((levels) => levels[3 * place + channel]!)),
    ).sort((p, q) => p - q),
  );
  const skipped = Math.floor(leftOut * columns * rows);
  return Math.min(...channels.map((levels) => levels[skipped]! / levels[levels.length - 1 - skipped]!));
};

/** The backgrounds of pictures to which the gains have been applied. */
const correctedBackgrounds = (light: LightCorrection, pictures: readonly Picture[]): readonly Float64Array[] => {
  const corrector = new LightCorrector(light);
  return pictures.map(({ width, height, pixels }) => {
    const picture = { width, height, pixels: pixels.slice() };
    corrector.apply(picture);
    return backgroundOf(picture);
  });
};

/**
 * The gains from pictures of an empty place. A few cells or specks do no harm.
 * @throws CytoError CALIBRATION_FAILED where the pictures are too dark or clipped, or of different sizes
 */
export const lightOf = (pictures: readonly Picture[]): LightCorrection => {
  const [first] = pictures;
  if (first === undefined) throw new CytoError("CALIBRATION_FAILED", "there is no picture");
  if (pictures.some(({ width, height }) => width !== first.width || height !== first.height))
    throw new CytoError("CALIBRATION_FAILED", "the pictures differ in size");
  const backgrounds = pictures.map(backgroundOf);
  const surfaces = [0, 1, 2].map((channel) =>
    smooth(
      Array.from({ length: columns * rows }, (_, place) =>
        medianOf(backgrounds.map((levels) => levels[3 * place + channel]!)),
      ),
    ),
  );
  const levels = surfaces.flat();
  if (Math.min(...levels) < darkestUsable)
    throw new CytoError("CALIBRATION_FAILED", "the field is too dark: open the light or the exposure");
  if (Math.max(...surfaces.map(medianOf)) > brightestUsable)
    throw new CytoError("CALIBRATION_FAILED", "the field is clipped: lower the light or the exposure");
  // All channels everywhere to the brightest place of the middle one: even and white, and no darker than it was.
  const target = medianOf(surfaces.map((surface) => Math.max(...surface)));
  const gains = Array.from({ length: 3 * columns * rows }, (_, at) => target / surfaces[at % 3]![Math.floor(at / 3)]!);
  const light: LightCorrection = {
    fieldWidthPx: first.width,
    fieldHeightPx: first.height,
    columns,
    rows,
    gains: gains.map((gain) => Number(Math.min(Math.max(gain, 0.2), 5).toFixed(4))),
    evennessBefore: evennessOf(backgrounds),
    evenness: 1,
  };
  // What the gains make of pictures, measured on these, and not what the surface promises.
  return { ...light, evenness: evennessOf(correctedBackgrounds(light, pictures)) };
};

const picturesTaken = 5;

/** @throws CytoError CALIBRATION_FAILED, and the camera's codes */
export const measureLight = async (frames: FrameSource, signal?: AbortSignal): Promise<LightCorrection> => {
  const pictures: Frame[] = [];
  for (let count = 0; count < picturesTaken; count++) pictures.push(await frames.take(signal));
  return lightOf(pictures);
};

const gainBits = 12;

/** Applies the gains to frames of one size, in place. Holds the gains of every pixel: six bytes each. */
export class LightCorrector {
  readonly #light: LightCorrection;
  readonly #gains: Uint16Array;

  constructor(light: LightCorrection) {
    this.#light = light;
    this.#gains = spreadGains(light);
  }

  /** False, and nothing is done, for a frame of another size. */
  apply({ width, height, pixels }: Picture): boolean {
    if (width !== this.#light.fieldWidthPx || height !== this.#light.fieldHeightPx) return false;
    const gains = this.#gains;
    const half = 1 << (gainBits - 1);
    for (let at = 0; at < pixels.length; at++) {
      const value = (pixels[at]! * gains[at]! + half) >> gainBits;
      pixels[at] = Math.min(value, 255);
    }
    return true;
  }
}

/** The gains between the places, bilinearly, as fixed-point numbers. */
const spreadGains = ({
  fieldWidthPx,
  fieldHeightPx,
  columns: across,
  rows: down,
  gains,
}: LightCorrection): Uint16Array => {
  const spread = new Uint16Array(3 * fieldWidthPx * fieldHeightPx);
  const placed = (at: number, length: number, count: number): readonly [number, number] => {
    const place = Math.min(Math.max(((at + 0.5) * count) / length - 0.5, 0), count - 1);
    const below = Math.min(Math.floor(place), count - 2);
    return [below, place - below];
  };
  const horizontal = Array.from({ length: fieldWidthPx }, (_, x) => placed(x, fieldWidthPx, across));
  for (let y = 0; y < fieldHeightPx; y++) {
    const [top, v] = placed(y, fieldHeightPx, down);
    for (let x = 0; x < fieldWidthPx; x++) {
      const [left, u] = horizontal[x]!;
      for (let channel = 0; channel < 3; channel++) {
        const gain = (row: number, column: number): number => gains[3 * (row * across + column) + channel]!;
        const above = (1 - u) * gain(top, left) + u * gain(top, left + 1);
        const under = (1 - u) * gain(top + 1, left) + u * gain(top + 1, left + 1);
        spread[3 * (y * fieldWidthPx + x) + channel] = Math.round(((1 - v) * above + v * under) * (1 << gainBits));
      }
    }
  }
  return spread;
};
