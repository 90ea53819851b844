import { createRandom } from "../src/core/index.js";
import type { Picture } from "../src/pictures/index.js";

const toLinear = Float32Array.from({ length: 256 }, (_, level) => {
  const value = level / 255;
  return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
});
const lightSteps = 1 << 14;
const toLevel = Float32Array.from({ length: lightSteps + 1 }, (_, step) => {
  const light = step / lightSteps;
  return 255 * (light <= 0.0031308 ? 12.92 * light : 1.055 * light ** (1 / 2.4) - 0.055);
});

/** Shares of a disc's light by pixel, each pixel sampled 8 x 8 times; its middle is that of the middle pixel. */
const discOf = (radiusPx: number): { readonly side: number; readonly shares: Float32Array } => {
  const reach = Math.ceil(radiusPx + 0.5);
  const side = 2 * reach + 1;
  const shares = new Float32Array(side * side);
  const samples = 8;
  let total = 0;
  for (let at = 0; at < side * side; at++) {
    const [column, row] = [(at % side) - reach, Math.floor(at / side) - reach];
    for (let sample = 0; sample < samples * samples; sample++) {
      const x = column + ((sample % samples) + 0.5) / samples - 0.5;
      const y = row + (Math.floor(sample / samples) + 0.5) / samples - 0.5;
      if (x * x + y * y > radiusPx * radiusPx) continue;
      shares[at]!++;
      total++;
    }
  }
  return { side, shares: shares.map((share) => share / total) };
};

/** Light out of focus, geometrically: every point becomes a disc of `radiusPx`. Linear light; the border is repeated outwards. */
export const defocused = ({ width, height, pixels }: Picture, radiusPx: number): Float32Array => {
  const light = new Float32Array(pixels.length);
  for (let at = 0; at < light.length; at++) light[at] = toLinear[pixels[at]!]!;
  if (radiusPx < 0.3) return light;
  const { side, shares } = discOf(radiusPx);
  const reach = side >> 1;
  const blurred = new Float32Array(light.length);
  const within = (value: number, length: number): number => Math.min(Math.max(value, 0), length - 1);
  for (let row = 0; row < height; row++)
    for (let tap = 0; tap < shares.length; tap++) {
      const share = shares[tap]!;
      if (share === 0) continue;
      const from = 3 * width * within(row + Math.floor(tap / side) - reach, height);
      const shift = (tap % side) - reach;
      for (let column = 0; column < width; column++) {
        const [to, at] = [3 * (row * width + column), from + 3 * within(column + shift, width)];
        blurred[to]! += share * light[at]!;
        blurred[to + 1]! += share * light[at + 1]!;
        blurred[to + 2]! += share * light[at + 2]!;
      }
    }
  return blurred;
};

export interface Exposure {
  /** Factor of the light. */
  readonly gain: number;
  /** Deviation of the camera's noise, levels. */
  readonly noiseLevels: number;
  readonly seed: number;
}

const random = createRandom(0x6e6f6973);
/** Drawn once; pictures read them from places of their own. */
const deviates = Float32Array.from({ length: 1 << 17 }, () => random.normal());

/** A camera's picture of light. */
export const exposed = (light: Float32Array, { gain, noiseLevels, seed }: Exposure): Uint8Array<ArrayBuffer> => {
  const { length } = deviates;
  // Odd steps meet all deviates before they come again.
  const own = createRandom(seed);
  const [from, step] = [own.int(length), 2 * own.int(length / 2) + 1];
  const pixels = new Uint8Array(light.length);
  for (let at = 0; at < pixels.length; at++) {
    const level = toLevel[Math.round(lightSteps * Math.min(1, gain * light[at]!))]!;
    const noise = noiseLevels * deviates[(from + at * step) % length]!;
    pixels[at] = Math.min(255, Math.max(0, Math.round(level + noise)));
  }
  return pixels;
};
