import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Bitmap, closeBitmap, fillHoles, largestPart, openBitmap } from "../../src/training/masks/bitmap.js";
import { otsuThreshold } from "../../src/training/masks/otsu.js";
import { wholeBox } from "../../src/training/masks/segment.js";

describe("bitmaps", () => {
  const bitmapArbitrary = fc
    .record({ width: fc.integer({ min: 1, max: 14 }), height: fc.integer({ min: 1, max: 14 }) })
    .chain(({ width, height }) =>
      fc
        .uint8Array({ minLength: width * height, maxLength: width * height, max: 1 })
        .map((bits): Bitmap => ({ width, height, bits })),
    );
  const within = (a: Bitmap, b: Bitmap): boolean => a.bits.every((bit, at) => bit <= b.bits[at]!);

  it("opening takes away, closing and filling add, and each done twice is done once", () => {
    fc.assert(
      fc.property(bitmapArbitrary, fc.double({ min: 1, max: 3, noNaN: true }), (bitmap, radius) => {
        const [opened, closed, filled] = [openBitmap(bitmap, radius), closeBitmap(bitmap, radius), fillHoles(bitmap)];
        expect(within(opened, bitmap) && within(bitmap, closed) && within(bitmap, filled)).toBe(true);
        expect(openBitmap(opened, radius)).toEqual(opened);
        expect(closeBitmap(closed, radius)).toEqual(closed);
        expect(fillHoles(filled)).toEqual(filled);
        expect(within(largestPart(bitmap), bitmap)).toBe(true);
      }),
    );
  });

  it("fills the hole of a ring, and that of a cut ring where its side is a wall", () => {
    const rows = ["1110", "0010", "1110"].map((row) => [...row].map(Number));
    const cut: Bitmap = { width: 4, height: 3, bits: Uint8Array.from(rows.flat()) };
    expect(fillHoles(cut)).toEqual(cut);
    const walls = { left: true, top: false, right: false, bottom: false };
    expect(Array.from(fillHoles(cut, walls).bits)).toEqual([1, 1, 1, 0, 1, 1, 1, 0, 1, 1, 1, 0]);
  });

  it("Otsu's threshold parts two heaps of levels", () => {
    fc.assert(
      fc.property(fc.integer({ min: 5, max: 110 }), fc.integer({ min: 140, max: 250 }), (dark, light) => {
        const histogram = new Uint32Array(256);
        for (const [level, count] of [
          [dark, 40],
          [dark - 4, 10],
          [light, 70],
          [light + 3, 5],
        ] as const)
          histogram[level] = count;
        expect(otsuThreshold(histogram)).toBeGreaterThan(dark);
        expect(otsuThreshold(histogram)).toBeLessThanOrEqual(light);
      }),
    );
    expect(otsuThreshold(new Uint32Array(256).fill(3, 9, 10))).toBe(0);
  });

  it("knows the whole circle by the part that a border leaves of it", () => {
    fc.assert(
      fc.property(fc.double({ min: -0.9, max: 0.9, noNaN: true }), fc.integer({ min: 0, max: 3 }), (at, side) => {
        const [size, radius] = [200, 20];
        const chord = at < 0 ? Math.sqrt(1 - at * at) * radius : radius;
        const [near, low, high] = [radius * (1 + at), 100 - chord, 100 + chord];
        const box = [
          { left: 0, right: near, top: low, bottom: high },
          { left: size - near, right: size, top: low, bottom: high },
          { top: 0, bottom: near, left: low, right: high },
          { top: size - near, bottom: size, left: low, right: high },
        ][side]!;
        const whole = wholeBox(box, { width: size, height: size }, 1);
        expect(whole.right - whole.left).toBeCloseTo(2 * radius, 6);
        expect(whole.bottom - whole.top).toBeCloseTo(2 * radius, 6);
        const middle = side < 2 ? (whole.left + whole.right) / 2 : (whole.top + whole.bottom) / 2;
        expect(side % 2 === 0 ? middle : size - middle).toBeCloseTo(radius * at, 6);
      }),
    );
  });
});
