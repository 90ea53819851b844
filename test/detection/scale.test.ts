import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { splitAxis } from "../../src/detection/field/tiles.js";
import { verdictOf } from "../../src/detection/runtime/cellNamer.js";
import type { RedCells } from "../../src/detection/scale/redCells.js";
import { median } from "../../src/detection/scale/redCells.js";
import { searchRedCells } from "../../src/detection/scale/search.js";
import { ScaleTracker } from "../../src/detection/scale/tracker.js";

const nothing: RedCells = { count: 0, allCount: 0, diameterPx: Number.NaN, evidence: 0 };

/** A detector that sees red cells of `truePx` within a factor two of what it was told, measuring them a little off. */
const lookAt =
  (truePx: number, bias: number) =>
  async (assumedPx: number): Promise<RedCells> => {
    const error = Math.log(truePx / assumedPx);
    if (Math.abs(error) > Math.log(2)) return nothing;
    const evidence = 0.3 * Math.exp(-3 * error * error);
    return { count: 20, allCount: 24, diameterPx: truePx * Math.exp(-bias * error), evidence };
  };

describe("searchRedCells", () => {
  it("comes within 5 % of any size in use, though each look leans to its assumption", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.double({ min: 14, max: 320, noNaN: true }),
        fc.double({ min: 0, max: 0.3, noNaN: true }),
        async (truePx, bias) => {
          const found = await searchRedCells(lookAt(truePx, bias), { width: 640, height: 480 });
          expect(Math.abs(Math.log((found?.diameterPx ?? 0) / truePx))).toBeLessThan(0.05);
        },
      ),
    );
  });

  it("says so where there are no red cells", async () => {
    const blind = async (): Promise<RedCells> => nothing;
    expect(await searchRedCells(blind, { width: 640, height: 480 })).toBeUndefined();
  });
});

describe("ScaleTracker", () => {
  const seen = (diameterPx: number, count = 20) => ({ diameterPx, count, searched: false });

  it("assumes the median of what was seen, unmoved by single frames of odd cells", () => {
    const tracker = new ScaleTracker();
    expect(tracker.assume("a")).toEqual({ redCellPx: undefined, maySearch: true });
    for (const diameter of [80, 81, 79, 88, 80]) tracker.observe("a", seen(diameter));
    expect(tracker.assume("a").redCellPx).toBe(80);
    expect(tracker.assume("b").redCellPx).toBeUndefined();
  });

  it("starts anew where the objective changed, and ignores frames of few cells", () => {
    const tracker = new ScaleTracker();
    for (let i = 0; i < 40; i++) tracker.observe("a", seen(80));
    tracker.observe("a", seen(400, 2));
    tracker.observe("a", seen(Number.NaN, 0));
    expect(tracker.assume("a").redCellPx).toBe(80);
    tracker.observe("a", seen(40));
    expect(tracker.assume("a").redCellPx).toBe(40);
  });

  it("lets all scales be searched when red cells are gone at once, then only now and then", () => {
    const tracker = new ScaleTracker();
    tracker.observe("a", seen(80));
    expect(tracker.assume("a").maySearch).toBe(true);
    tracker.observe("a", { ...seen(Number.NaN, 0), searched: true });
    const allowed = Array.from({ length: 40 }, () => {
      const { maySearch } = tracker.assume("a");
      tracker.observe("a", { ...seen(Number.NaN, 0), searched: maySearch });
      return maySearch;
    });
    expect(allowed.filter(Boolean)).toHaveLength(1);
  });

  it("remembers a bounded number of sources", () => {
    const tracker = new ScaleTracker();
    for (let i = 0; i < 65; i++) tracker.observe(`source ${i}`, seen(80));
    expect(tracker.assume("source 0").redCellPx).toBeUndefined();
    expect(tracker.assume("source 64").redCellPx).toBe(80);
  });
});

describe("median", () => {
  it("has as many values below as above", () => {
    fc.assert(
      fc.property(fc.array(fc.integer(), { minLength: 1 }), (values) => {
        const middle = median(values);
        const below = values.filter((value) => value < middle).length;
        const above = values.filter((value) => value > middle).length;
        expect(Math.max(below, above)).toBeLessThanOrEqual(values.length / 2);
      }),
    );
    expect(median([])).toBeNaN();
  });
});

describe("splitAxis", () => {
  it("keeps every pixel once, in stretches of one length with a margin around what is kept", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 400 }), fc.integer({ min: 10, max: 60 }), (sixteenths, most) => {
        const length = sixteenths * 16;
        const stretches = splitAxis(length, most * 16);
        let next = 0;
        for (const { start, length: size, keepFrom, keepTo } of stretches) {
          expect([keepFrom, start % 16, size % 16]).toEqual([next, 0, 0]);
          expect(keepTo).toBeGreaterThan(keepFrom);
          expect(size).toBeLessThanOrEqual(Math.max(most * 16, Math.min(length, most * 16)));
          expect(start + size).toBeLessThanOrEqual(length);
          if (keepFrom > 0) expect(keepFrom - start).toBeGreaterThanOrEqual(64);
          if (keepTo < length) expect(start + size - keepTo).toBeGreaterThanOrEqual(64);
          next = keepTo;
        }
        expect(next).toBe(length);
      }),
    );
  });
});

describe("verdictOf", () => {
  it("gives probabilities, and a class only where it is sure enough, whatever the logits", () => {
    const logits = fc.array(fc.double(), { minLength: 7, maxLength: 7 });
    fc.assert(
      fc.property(logits, fc.double({ min: 0.1, max: 5, noNaN: true }), (values, temperature) => {
        const { cellClass, leukocyteProbabilities } = verdictOf(values, { temperature, unsureBelow: 0.6 });
        const probabilities = Object.values(leukocyteProbabilities);
        expect(probabilities.reduce((sum, value) => sum + value, 0)).toBeCloseTo(1, 9);
        expect(cellClass === "leukocyte").toBe(Math.max(...probabilities) < 0.6);
      }),
    );
  });
});
