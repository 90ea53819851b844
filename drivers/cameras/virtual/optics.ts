import { createRandom } from "../../../src/core/index.js";
import { stepsPerLevel } from "./lightPainter.js";
import type { OpticsOptions } from "./manifest.js";

/** Blur of the objective at best focus, um (standard deviation of its point spread, at a numerical aperture of 1.3 under oil). */
const sharpestSigmaUm = 0.075;
/** Growth of the blur with the distance from focus, um per um; a cone of light half closed by the condenser. */
const sigmaPerDefocus = 0.35;
/** Blur never grows beyond this, um; from there on a field is a mere tint. */
const bluntestSigmaUm = 6;

/** Standard deviation of the blur at a distance from the plane of best focus, um. */
export const blurSigmaUm = (defocusUm: number): number =>
  Math.min(bluntestSigmaUm, Math.hypot(sharpestSigmaUm, sigmaPerDefocus * defocusUm));

/** Reading of a row of painted light: where it starts and how far rows are apart, in samples. */
export interface LightView {
  readonly light: Uint16Array<ArrayBuffer>;
  readonly firstSample: number;
  readonly samplesPerRow: number;
}

const deviates = 1 << 16;
const gainBits = 15;
const noiseBits = 12;
const levelBits = Math.log2(stepsPerLevel);

/**
 * Deviates of a normal distribution with deviation 64, drawn once: the rows of a frame read them from places of their own.
 * The first `width * 3` are repeated at the end, so that a row can start anywhere.
 */
const noiseTable = (samplesPerRow: number): Int16Array => {
  const random = createRandom(0x6e6f6973);
  const table = new Int16Array(deviates + samplesPerRow);
  for (let k = 0; k < deviates; k++) table[k] = Math.max(-255, Math.min(255, Math.round(64 * random.normal())));
  table.copyWithin(deviates, 0, samplesPerRow);
  return table;
};

/**
 * Factor from the table to steps by level of light, fixed point: the photons' share of the variance grows with the light,
 * the amplifier's is the same everywhere; `noiseLevels` is the deviation of both together at 230 levels, half of its
 * variance each.
 */
const noiseByLevel = (noiseLevels: number): Int32Array =>
  Int32Array.from({ length: 257 }, (_, level) => {
    const variance = noiseLevels * noiseLevels * (0.5 + (0.5 * level) / 230);
    return Math.round((Math.sqrt(variance) * stepsPerLevel * (1 << noiseBits)) / 64);
  });

/** Loss of light towards the corners, by pixel, fixed point. */
const gainByPixel = (width: number, height: number, vignetting: number): Uint16Array => {
  const gain = new Uint16Array(width * height);
  const middleX = (width - 1) / 2;
  const middleY = (height - 1) / 2;
  const corner2 = middleX * middleX + middleY * middleY;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const away2 = ((x - middleX) ** 2 + (y - middleY) ** 2) / corner2;
      gain[y * width + x] = Math.round((1 - vignetting * away2) * (1 << gainBits));
    }
  }
  return gain;
};

/** Lamp, field lens and sensor: makes 8-bit sRGB of the light that the objective collects. */
export class Sensor {
  readonly #width: number;
  readonly #height: number;
  readonly #gain: Uint16Array;
  readonly #noise: Int16Array;
  readonly #noiseByLevel: Int32Array;

  constructor(options: Pick<OpticsOptions, "fieldWidthPx" | "fieldHeightPx" | "vignetting" | "noiseLevels">) {
    this.#width = options.fieldWidthPx;
    this.#height = options.fieldHeightPx;
    this.#noise = noiseTable(3 * this.#width);
    this.#noiseByLevel = noiseByLevel(options.noiseLevels);
    this.#gain = gainByPixel(this.#width, this.#height, options.vignetting);
  }

  /** One exposure; equal views and seeds give equal bytes. Returns a new array, `width * height * 3`. */
  expose(view: LightView, noiseSeed: number): Uint8Array<ArrayBuffer> {
    const clamped = new Uint8ClampedArray(3 * this.#width * this.#height);
    const random = createRandom(noiseSeed);
    for (let y = 0; y < this.#height; y++) this.#exposeRow(view, { clamped, y, noiseAt: random.int(deviates) });
    return new Uint8Array(clamped.buffer);
  }

  #exposeRow(view: LightView, row: { clamped: Uint8ClampedArray; y: number; noiseAt: number }): void {
    const { light } = view;
    const { clamped } = row;
    const width = this.#width;
    const gain = this.#gain;
    const noise = this.#noise;
    const deviation = this.#noiseByLevel;
    const half = stepsPerLevel / 2;
    let from = view.firstSample + row.y * view.samplesPerRow;
    let into = 3 * row.y * width;
    let at = row.noiseAt;
    for (let pixel = row.y * width; pixel < (row.y + 1) * width; pixel++) {
      const lit = gain[pixel]!;
      for (let c = 0; c < 3; c++) {
        const steps = (light[from++]! * lit) >> gainBits;
        const noisy = steps + ((noise[at++]! * deviation[steps >> levelBits]!) >> noiseBits);
        clamped[into++] = (noisy + half) >> levelBits;
      }
    }
  }
}
