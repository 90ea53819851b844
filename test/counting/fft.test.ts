import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createRandom } from "../../src/core/index.js";
import { type ComplexPlane, forwardFft, inverseFft, powerOfTwoFrom } from "../../src/counting/fft.js";

const sides = fc.constantFrom(1, 2, 4, 8, 16);

const randomPlane = (seed: number, size: number): ComplexPlane => {
  const random = createRandom(seed);
  return {
    re: Float64Array.from({ length: size }, () => random.normal()),
    im: Float64Array.from({ length: size }, () => random.normal()),
  };
};

const copy = ({ re, im }: ComplexPlane): ComplexPlane => ({ re: re.slice(), im: im.slice() });

/** The transform by its definition. */
const slowTransform = ({ re, im }: ComplexPlane, width: number, height: number): ComplexPlane => {
  const out = { re: new Float64Array(re.length), im: new Float64Array(re.length) };
  for (let v = 0; v < height; v++) {
    for (let u = 0; u < width; u++) {
      for (let i = 0; i < re.length; i++) {
        const angle = -2 * Math.PI * ((u * (i % width)) / width + (v * Math.floor(i / width)) / height);
        const at = v * width + u;
        out.re[at] = out.re[at]! + re[i]! * Math.cos(angle) - im[i]! * Math.sin(angle);
        out.im[at] = out.im[at]! + re[i]! * Math.sin(angle) + im[i]! * Math.cos(angle);
      }
    }
  }
  return out;
};

const expectClose = (a: ComplexPlane, b: ComplexPlane): void => {
  for (let i = 0; i < a.re.length; i++) {
    expect(Math.abs(a.re[i]! - b.re[i]!)).toBeLessThan(1e-9);
    expect(Math.abs(a.im[i]! - b.im[i]!)).toBeLessThan(1e-9);
  }
};

describe("fast Fourier transform", () => {
  it("is the transform by its definition", () => {
    fc.assert(
      fc.property(sides, sides, fc.nat(), (width, height, seed) => {
        const plane = randomPlane(seed, width * height);
        const slow = slowTransform(plane, width, height);
        forwardFft(plane, width, height);
        expectClose(plane, slow);
      }),
      { numRuns: 40 },
    );
  });

  it("comes back by the inverse", () => {
    fc.assert(
      fc.property(sides, sides, fc.nat(), (width, height, seed) => {
        const plane = randomPlane(seed, width * height);
        const before = copy(plane);
        forwardFft(plane, width, height);
        inverseFft(plane, width, height);
        expectClose(plane, before);
      }),
      { numRuns: 60 },
    );
  });

  it("finds the next power of two", () => {
    expect([1, 2, 3, 96, 128, 129].map(powerOfTwoFrom)).toEqual([1, 2, 4, 128, 128, 256]);
  });
});
