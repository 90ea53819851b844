import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createRandom } from "../../src/core/index.js";
import { planeOf, powerOfTwoFrom, spectrumOf } from "../../src/counting/fft.js";

const sides = fc.constantFrom(1, 2, 4, 8, 16);

const randomPlane = (seed: number, size: number): Float64Array => {
  const random = createRandom(seed);
  return Float64Array.from({ length: size }, () => random.normal());
};

/** One number of the transform, by its definition. */
const slowTransform = (plane: Float64Array, width: number, height: number, [u, v]: readonly [number, number]) => {
  let re = 0;
  let im = 0;
  for (let i = 0; i < plane.length; i++) {
    const angle = -2 * Math.PI * ((u * (i % width)) / width + (v * Math.floor(i / width)) / height);
    re += plane[i]! * Math.cos(angle);
    im += plane[i]! * Math.sin(angle);
  }
  return { re, im };
};

describe("fast Fourier transform", () => {
  it("is the transform by its definition, half of it", () => {
    fc.assert(
      fc.property(sides, sides, fc.nat(), (width, height, seed) => {
        const plane = randomPlane(seed, width * height);
        const { columns, re, im } = spectrumOf(plane, width, height);
        expect([columns, re.length, im.length]).toEqual([
          Math.floor(width / 2) + 1,
          columns * height,
          columns * height,
        ]);
        for (let v = 0; v < height; v++) {
          for (let u = 0; u < columns; u++) {
            const slow = slowTransform(plane, width, height, [u, v]);
            expect(Math.abs(re[v * columns + u]! - slow.re)).toBeLessThan(1e-9);
            expect(Math.abs(im[v * columns + u]! - slow.im)).toBeLessThan(1e-9);
          }
        }
      }),
      { numRuns: 40 },
    );
  });

  it("comes back by the inverse", () => {
    fc.assert(
      fc.property(sides, sides, fc.nat(), (width, height, seed) => {
        const plane = randomPlane(seed, width * height);
        const back = planeOf(spectrumOf(plane, width, height));
        for (let i = 0; i < plane.length; i++) expect(Math.abs(back[i]! - plane[i]!)).toBeLessThan(1e-9);
      }),
      { numRuns: 60 },
    );
  });

  it("finds the next power of two", () => {
    expect([1, 2, 3, 96, 128, 129].map(powerOfTwoFrom)).toEqual([1, 2, 4, 128, 128, 256]);
  });
});
