import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { countError, isSliver, scoreProtocol } from "../../src/training/scoring/index.js";
import { anyResult, boxAt, field, found } from "./scoringFields.js";

const density = { depth: "density" } as const;
const rbc = (x: number, y: number, width = 30, height = width) => ({
  cellClass: "erythrocyte" as const,
  box: boxAt(x, y, width, height),
});

describe("scoreProtocol", () => {
  it("counts missed and falsely found cells and gives P in percent", () => {
    const truth = field([rbc(50, 50), rbc(100, 100), { cellClass: "platelet", box: boxAt(150, 50, 8) }]);
    const results = [
      { truth, found: [found("erythrocyte", boxAt(52, 50, 30)), found("leukocyte", boxAt(100, 100, 30))] },
    ];
    const { pooled, classes } = scoreProtocol(results, "raw", density);
    expect(pooled).toEqual({ T: 3, M: 2, e: 1, P: 0 });
    expect(classes.erythrocyte).toEqual({ T: 2, M: 1, e: 0, P: 50 });
    expect(classes.leukocyte).toEqual({ T: 0, M: 0, e: 1, P: null });
    expect(classes.platelet).toEqual({ T: 1, M: 1, e: 0, P: 0 });
  });

  it("takes a centre outside the true box for no match", () => {
    const results = [{ truth: field([rbc(50, 50)]), found: [found("erythrocyte", boxAt(66, 50, 30))] }];
    expect(scoreProtocol(results, "raw", density).pooled).toMatchObject({ M: 1, e: 1 });
  });

  it("demands a cell that is listed twice once only where it is fair", () => {
    const results = [{ truth: field([rbc(50, 50), rbc(51, 50)]), found: [found("erythrocyte", boxAt(50, 50, 30))] }];
    expect(scoreProtocol(results, "raw", density).pooled).toEqual({ T: 2, M: 1, e: 0, P: 50 });
    expect(scoreProtocol(results, "fair", density).pooled).toEqual({ T: 1, M: 0, e: 0, P: 100 });
  });

  it("neither demands slivers nor holds them against the detector where it is fair", () => {
    const sliver = rbc(4, 100, 8, 30);
    const truth = field([rbc(50, 50), sliver]);
    const good = found("erythrocyte", boxAt(50, 50, 30));
    const missing = scoreProtocol([{ truth, found: [good] }], "fair", density).pooled;
    expect(missing).toEqual({ T: 1, M: 0, e: 0, P: 100 });
    // A wider finding on the sliver matches it; a sliver where none is labelled is excused too.
    const onIt = found("erythrocyte", { left: 0, top: 85, right: 14, bottom: 115 });
    const elsewhere = found("erythrocyte", { left: 150, top: 0, right: 180, bottom: 9 });
    const all = scoreProtocol([{ truth, found: [good, onIt, elsewhere] }], "fair", density).pooled;
    expect(all).toEqual({ T: 1, M: 0, e: 0, P: 100 });
    // One to one: a second finding on the same sliver is false.
    const twice = scoreProtocol([{ truth, found: [good, onIt, onIt] }], "fair", density).pooled;
    expect(twice).toEqual({ T: 1, M: 0, e: 1, P: 0 });
    expect(scoreProtocol([{ truth, found: [good] }], "raw", density).pooled).toEqual({ T: 2, M: 1, e: 0, P: 50 });
  });

  it("compares leukocytes by name at named depth", () => {
    const truth = field([
      { cellClass: "monocyte", box: boxAt(50, 50, 40) },
      { cellClass: "leukocyte", box: boxAt(120, 50, 40) },
    ]);
    const named = [{ truth, found: [found("lymphocyte", boxAt(50, 50, 40)), found("basophil", boxAt(120, 50, 40))] }];
    const { classes, pooled } = scoreProtocol(named, "raw", { depth: "named" });
    expect(pooled).toMatchObject({ T: 2, M: 1, e: 1 });
    expect(classes.monocyte).toMatchObject({ T: 1, M: 1 });
    expect(classes.lymphocyte).toMatchObject({ T: 0, e: 1 });
    expect(scoreProtocol(named, "raw", density).pooled).toMatchObject({ T: 2, M: 0, e: 0, P: 100 });
  });

  it("gives a detector that returns the labels 100 %", () => {
    fc.assert(
      fc.property(anyResult, ({ truth }) => {
        const perfect = truth.cells.map(({ cellClass, box }) => found(cellClass, box));
        for (const protocol of ["raw", "fair"] as const) {
          const { T, M, e } = scoreProtocol([{ truth, found: perfect }], protocol, density).pooled;
          expect(M).toBe(0);
          if (protocol === "raw") expect([T, e]).toEqual([truth.cells.length, 0]);
        }
      }),
    );
  });

  it("keeps its books: matches are as many on both sides, and fair is never harder on a finding", () => {
    fc.assert(
      fc.property(anyResult, (result) => {
        const raw = scoreProtocol([result], "raw", density).pooled;
        expect(raw.T - raw.M).toBe(result.found.length - raw.e);
        const fair = scoreProtocol([result], "fair", density).pooled;
        expect(fair.T).toBeLessThanOrEqual(raw.T);
        expect(fair.M).toBeLessThanOrEqual(fair.T);
      }),
    );
  });
});

describe("isSliver", () => {
  it("looks at the side across the border that the box lies at", () => {
    const truth = field([]);
    expect(isSliver({ left: 2.5, top: 50, right: 14.4, bottom: 90 }, truth)).toBe(true);
    expect(isSliver({ left: 2.6, top: 50, right: 14.4, bottom: 90 }, truth)).toBe(false);
    expect(isSliver({ left: 0, top: 50, right: 12.1, bottom: 54 }, truth)).toBe(false);
    expect(isSliver({ left: 100, top: 190, right: 140, bottom: 200 }, truth)).toBe(true);
    expect(isSliver({ left: 0, top: 50, right: 5, bottom: 54 }, { widthPx: 200, heightPx: 200 })).toBe(false);
  });
});

describe("countError", () => {
  it("is the mean over fields that have the class", () => {
    const results = [
      { truth: field([rbc(50, 50), rbc(100, 100)]), found: [found("erythrocyte", boxAt(50, 50, 30))] },
      {
        truth: field([rbc(50, 50)]),
        found: [found("erythrocyte", boxAt(10, 10, 30)), found("leukocyte", boxAt(9, 9, 9))],
      },
      { truth: field([]), found: [found("erythrocyte", boxAt(50, 50, 30))] },
    ];
    const error = countError(results, ["erythrocyte", "leukocyte"], "density");
    expect(error).toEqual({ erythrocyte: 0.25, leukocyte: null });
  });
});
