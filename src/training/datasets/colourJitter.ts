import type { Random } from "../../core/index.js";

/** How much colours are varied; each is the half-width of a uniform range unless said otherwise. 0 leaves them alone. */
export interface ColourJitter {
  /** Of the factor 1 on the distance from the pivot (0.6 of full scale). */
  readonly contrast: number;
  /** Of what is added, in parts of full scale. */
  readonly brightness: number;
  /** Of the factor 1 on each channel. */
  readonly gain: number;
  /** Of the logarithm of each channel's exponent, half of it common to all channels. */
  readonly gamma: number;
  /** Of the turn about the grey axis, degrees: blue-violet stains to pink ones and back. */
  readonly hueDegrees: number;
  /** Of the logarithm of the factor on the distance from grey. */
  readonly saturation: number;
}

const pivot = 0.6;
/** Steps of the tone curve per 8-bit step. */
const curveSteps = 4;
const curveLength = 255 * curveSteps + 1;

/** A drawn change of colours: a matrix, then a tone curve per channel. */
export class ColourChange {
  /** Row by row, 3 x 3. */
  readonly matrix = new Float32Array(9);
  /** Three curves, each from 0 to 255 in quarter steps, giving 0 to 255. */
  readonly curves = new Float32Array(3 * curveLength);

  /** Draws a new change; a fixed number of random numbers is used. */
  draw(random: Random, jitter: ColourJitter): void {
    const uniform = (halfWidth: number): number => (2 * random.next() - 1) * halfWidth;
    this.#turn((uniform(jitter.hueDegrees) * Math.PI) / 180, Math.exp(uniform(jitter.saturation)));
    const contrast = 1 + uniform(jitter.contrast);
    const shift = pivot + uniform(jitter.brightness) - pivot * contrast;
    const commonGamma = uniform(jitter.gamma / 2);
    for (let channel = 0; channel < 3; channel++) {
      const gain = 1 + uniform(jitter.gain);
      const gamma = Math.exp(commonGamma + uniform(jitter.gamma / 2));
      const start = channel * curveLength;
      for (let step = 0; step < curveLength; step++) {
        const value = contrast * gain * (step / (curveLength - 1)) ** gamma + shift;
        this.curves[start + step] = 255 * Math.min(Math.max(value, 0), 1);
      }
    }
  }

  /** Rotation by `angle` about the grey axis and stretch by `saturation` away from it (Rodrigues' formula). */
  #turn(angle: number, saturation: number): void {
    const along = saturation * Math.cos(angle);
    const across = (saturation * Math.sin(angle)) / Math.sqrt(3);
    const rest = (1 - along) / 3;
    const [same, next, last] = [rest + along, rest - across, rest + across];
    this.matrix.set([same, next, last, last, same, next, next, last, same]);
  }

  /**
   * Changes `count` pixels: floats RGB (0 to 255) from `source`, bytes to `target` from `to` on with `step` bytes a pixel.
   * Noise is `noise[(noiseAt + i) mod length] * noiseScale`, added last.
   */
  apply(row: ColourRow): void {
    const { source, from, target, to, step, count, noise, noiseScale } = row;
    const { matrix, curves } = this;
    const mask = noise.length - 1;
    const [m0, m1, m2, m3, m4, m5, m6, m7, m8] = matrix;
    let noiseAt = row.noiseAt;
    for (let pixel = 0, at = from, out = to; pixel < count; pixel++, at += 3, out += step) {
      const red = source[at]!;
      const green = source[at + 1]!;
      const blue = source[at + 2]!;
      const r = m0! * red + m1! * green + m2! * blue;
      const g = m3! * red + m4! * green + m5! * blue;
      const b = m6! * red + m7! * green + m8! * blue;
      target[out] = byteOf(curves[stepOf(r)]! + noise[noiseAt++ & mask]! * noiseScale);
      target[out + 1] = byteOf(curves[curveLength + stepOf(g)]! + noise[noiseAt++ & mask]! * noiseScale);
      target[out + 2] = byteOf(curves[2 * curveLength + stepOf(b)]! + noise[noiseAt++ & mask]! * noiseScale);
    }
  }
}

export interface ColourRow {
  readonly source: Float32Array;
  readonly from: number;
  readonly target: Uint8Array;
  readonly to: number;
  readonly step: number;
  readonly count: number;
  /** Standard normal deviates; the length is a power of two. */
  readonly noise: Float32Array;
  readonly noiseAt: number;
  /** Standard deviation of the noise, 8-bit steps. */
  readonly noiseScale: number;
}

const stepOf = (value: number): number =>
  value <= 0 ? 0 : value >= 255 ? curveLength - 1 : (value * curveSteps + 0.5) | 0;

const byteOf = (value: number): number => (value <= 0 ? 0 : value >= 255 ? 255 : (value + 0.5) | 0);
