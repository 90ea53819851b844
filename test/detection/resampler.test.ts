import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { CropPreparer, FieldPreparer, type RgbSource } from "../../src/detection/index.js";

const picture = (width: number, height: number, seed: number): RgbSource => {
  const pixels = new Uint8Array(width * height * 3);
  let state = seed >>> 0;
  for (let i = 0; i < pixels.length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    pixels[i] = state >>> 24;
  }
  return { width, height, pixels };
};

const clamp = (value: number, most: number): number => Math.min(most, Math.max(0, value));

/** Weight of source pixel `k` in the interval from `a` to `b`, pixels beyond the ends standing for the end ones. */
const areaWeights = (a: number, b: number, length: number): Map<number, number> => {
  const weights = new Map<number, number>();
  for (let k = Math.floor(a); k < b; k++) {
    const share = Math.min(b, k + 1) - Math.max(a, k);
    const index = clamp(k, length - 1);
    weights.set(index, (weights.get(index) ?? 0) + share / (b - a));
  }
  return weights;
};

const linearWeights = (centre: number, length: number): Map<number, number> => {
  const before = Math.floor(centre - 0.5);
  const share = centre - 0.5 - before;
  const weights = new Map<number, number>([[clamp(before, length - 1), 1 - share]]);
  const after = clamp(before + 1, length - 1);
  weights.set(after, (weights.get(after) ?? 0) + share);
  return weights;
};

const oracle = (source: RgbSource, x: number, y: number, scale: number): number[] => {
  const weights = (at: number, length: number) =>
    scale >= 1 ? areaWeights(at, at + scale, length) : linearWeights(at + scale / 2, length);
  const sum = [0, 0, 0];
  for (const [row, rowWeight] of weights(y, source.height))
    for (const [column, columnWeight] of weights(x, source.width))
      for (let c = 0; c < 3; c++)
        sum[c] = sum[c]! + rowWeight * columnWeight * source.pixels[(row * source.width + column) * 3 + c]!;
  return sum;
};

const pictures = fc
  .tuple(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 40 }), fc.nat())
  .map(([width, height, seed]) => picture(width, height, seed));
const scales = fc.double({ min: 0.2, max: 12, noNaN: true });

const expectNear = (bytes: Uint8Array, exact: readonly number[], tolerance: number): void => {
  exact.forEach((value, i) => {
    if (Math.abs(bytes[i]! - value) > tolerance) throw new Error(`${[...bytes]} instead of ${exact}`);
  });
};

describe("FieldPreparer", () => {
  it("agrees with the exact filter within two levels, alpha marks the picture, padding is black", () => {
    const preparer = new FieldPreparer();
    fc.assert(
      fc.property(pictures, scales, (source, scale) => {
        const field = preparer.prepare(source, scale);
        expect(field.paddedWidth % 16).toBe(0);
        expect(field.paddedHeight % 16).toBe(0);
        for (let y = 0; y < field.paddedHeight; y++)
          for (let x = 0; x < field.paddedWidth; x++) {
            const inside = x < field.width && y < field.height;
            const exact = inside ? [...oracle(source, x * scale, y * scale, scale), 255] : [0, 0, 0, 0];
            const at = (y * field.paddedWidth + x) * 4;
            expectNear(field.bytes.subarray(at, at + 4), exact, inside ? 2 : 0);
          }
      }),
      { numRuns: 60 },
    );
  });

  it("leaves a picture at the network's scale as it is", () => {
    const source = picture(32, 16, 7);
    const field = new FieldPreparer().prepare(source, 1);
    for (let i = 0; i < 32 * 16; i++)
      expect([...field.bytes.subarray(i * 4, i * 4 + 4)]).toEqual([...source.pixels.subarray(i * 3, i * 3 + 3), 255]);
  });

  it("keeps flat colour flat at any scale and shows nothing of an earlier field", () => {
    const preparer = new FieldPreparer();
    preparer.prepare(picture(300, 200, 1), 1);
    fc.assert(
      fc.property(scales, fc.nat(255), fc.integer({ min: 1, max: 90 }), (scale, level, width) => {
        const source = { width, height: 30, pixels: new Uint8Array(width * 30 * 3).fill(level) };
        const field = preparer.prepare(source, scale);
        for (let i = 0; i < field.bytes.length; i += 4) {
          const expected = field.bytes[i + 3] === 255 ? level : 0;
          if (field.bytes[i] !== expected || field.bytes[i + 2] !== expected) return false;
        }
        return true;
      }),
    );
  });

  it("gives the same result for rows of whole words and for others", () => {
    const wide = picture(44, 30, 3);
    const narrow = { width: 43, height: 30, pixels: new Uint8Array(43 * 30 * 3) };
    for (let y = 0; y < 30; y++) narrow.pixels.set(wide.pixels.subarray(y * 132, y * 132 + 129), y * 129);
    const part = { originX: 3.3, originY: 2, width: 30, height: 20 };
    const fromWords = new FieldPreparer().prepare(wide, 1.7, part).bytes.slice();
    expect(new FieldPreparer().prepare(narrow, 1.7, part).bytes).toEqual(fromWords);
  });
});

describe("CropPreparer", () => {
  it("cuts squares with replicated edges within two levels of the exact filter", () => {
    const cropper = new CropPreparer();
    const centre = fc.record({
      x: fc.double({ min: -10, max: 50, noNaN: true }),
      y: fc.double({ min: -10, max: 50, noNaN: true }),
    });
    const requests = fc.tuple(
      pictures,
      fc.array(centre, { maxLength: 3 }),
      fc.double({ min: 4, max: 60, noNaN: true }),
    );
    fc.assert(
      fc.property(requests, ([source, centres, side]) => {
        const crops = cropper.cut(source, { centres, side, cropPx: 8 });
        expect(crops.length).toBe(centres.length * 8 * 8 * 3);
        const scale = side / 8;
        centres.forEach(({ x, y }, index) => {
          for (let row = 0; row < 8; row++)
            for (let column = 0; column < 8; column++) {
              const exact = oracle(source, x - side / 2 + column * scale, y - side / 2 + row * scale, scale);
              for (let c = 0; c < 3; c++) {
                const got = crops[((index * 8 + row) * 8 + column) * 3 + c]!;
                if (Math.abs(got - exact[c]!) > 2) throw new Error(`${got} instead of ${exact[c]}`);
              }
            }
        });
      }),
      { numRuns: 60 },
    );
  });
});
