import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createRandom } from "../../src/core/index.js";

const take = (count: number, draw: () => number): number[] => Array.from({ length: count }, draw);

describe("createRandom", () => {
  it("follows the reference implementation of xoshiro128** 1.1", () => {
    const random = createRandom(0);
    random.restore({ words: [1, 2, 3, 4], spareNormal: null });
    // The first outputs of Blackman and Vigna's C code for the state {1, 2, 3, 4}.
    const words = take(4, () => random.next() * 2 ** 32);
    expect(words).toEqual([11520, 0, 5927040, 70819200]);
  });

  it("gives equal sequences for equal seeds and others for others", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 32 - 1 }), (seed) => {
        const a = take(8, createRandom(seed).next.bind(createRandom(seed)));
        const first = createRandom(seed);
        const second = createRandom(seed);
        expect(take(8, () => first.next())).toEqual(take(8, () => second.next()));
        const other = createRandom(seed + 1);
        expect(take(8, () => other.next())).not.toEqual(a);
      }),
    );
  });

  it("goes on from a stored state, through JSON, in the middle of a pair of normal deviates", () => {
    fc.assert(
      fc.property(fc.integer(), fc.nat({ max: 20 }), (seed, skipped) => {
        const random = createRandom(seed);
        take(skipped, () => random.normal());
        const state = JSON.parse(JSON.stringify(random.state()));
        const expected = take(6, () => random.normal());
        const again = createRandom(0);
        again.restore(state);
        expect(take(6, () => again.normal())).toEqual(expected);
      }),
    );
  });

  it("keeps within bounds", () => {
    fc.assert(
      fc.property(fc.integer(), fc.integer({ min: 1, max: 2 ** 32 }), (seed, n) => {
        const random = createRandom(seed);
        for (const value of take(20, () => random.int(n))) {
          expect(Number.isInteger(value) && value >= 0 && value < n).toBe(true);
        }
        for (const value of take(20, () => random.next())) expect(value >= 0 && value < 1).toBe(true);
      }),
    );
    for (const n of [0, -1, 1.5, 2 ** 32 + 1, Number.NaN]) expect(() => createRandom(1).int(n)).toThrow(RangeError);
  });

  it("has the moments of its distributions", () => {
    const random = createRandom(42);
    const count = 100_000;
    const normals = take(count, () => random.normal());
    const mean = normals.reduce((sum, x) => sum + x, 0) / count;
    const variance = normals.reduce((sum, x) => sum + (x - mean) ** 2, 0) / count;
    // Four standard errors: 1 / sqrt(n) of the mean, sqrt(2 / n) of the variance.
    expect(Math.abs(mean)).toBeLessThan(4 / Math.sqrt(count));
    expect(Math.abs(variance - 1)).toBeLessThan(4 * Math.sqrt(2 / count));
    const dice = new Array<number>(6).fill(0);
    for (let i = 0; i < count; i++) dice[random.int(6)]!++;
    const chiSquare = dice.reduce((sum, n) => sum + (n - count / 6) ** 2 / (count / 6), 0);
    expect(chiSquare).toBeLessThan(25.7); // 5 degrees of freedom, p = 1e-4
  });

  it("forks streams that neither advance it nor equal each other", () => {
    const random = createRandom(7);
    const before = random.state();
    const streams = [0, 1, 2, 3].map((stream) => {
      const fork = random.fork(stream);
      return take(4, () => fork.next()).join();
    });
    expect(random.state()).toEqual(before);
    expect(new Set(streams).size).toBe(streams.length);
    expect(() => random.restore({ words: [0, 0, 0, 0], spareNormal: null })).toThrow(RangeError);
  });
});
