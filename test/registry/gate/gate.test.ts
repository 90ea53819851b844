import { execFileSync } from "node:child_process";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createRandom } from "../../../src/core/index.js";
import {
  cellsNeeded,
  type FieldTally,
  fewCells,
  judgeCandidate,
  nextLevel,
  type PairedUnit,
  pairedInterval,
  permutationTail,
  type SpentLevel,
  studentQuantile,
  studentTail,
} from "../../../src/registry/index.js";
import { realisticTruth, simulateFields, simulateTallies } from "./simulate.js";

const alpha = 0.05 * (1 / 730 + 1 / 32);
const names = { candidate: "unet@1.3.0-lab.1", active: "unet@1.2.0" };
const judge = (
  tallies: Parameters<typeof judgeCandidate>[0]["tallies"],
  rule: { alpha?: number; marginPoints?: number } = {},
) => judgeCandidate({ ...names, tallies, alpha, marginPoints: 3, atMs: 7, ...rule });

const field = (id: string, T: number, M: number, e = 0, name = "erythrocyte"): FieldTally => ({
  id,
  classes: { [name]: { T, M, e } },
});
const onOne = (candidate: FieldTally[], active: FieldTally[]) => ({
  candidate: { validation: candidate, old: [] },
  active: { validation: active, old: [] },
});
const fields = (count: number, make: (index: number) => FieldTally): FieldTally[] =>
  Array.from({ length: count }, (_unused, index) => make(index));

const python = (() => {
  try {
    execFileSync("python3", ["-c", "import scipy"], { timeout: 30_000, stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
})();

describe("Student's t", () => {
  it.each([
    // Tables: Abramowitz and Stegun, table 26.10.
    [0.05, 1, 6.314],
    [0.01, 5, 3.365],
    [0.005, 10, 3.169],
    [0.0005, 30, 3.646],
    [0.025, 120, 1.98],
  ])("exceeds with chance %d and %d degrees of freedom %d", (chance, freedom, value) => {
    expect(studentQuantile(chance, freedom)).toBeCloseTo(value, 2);
    expect(studentTail(value, freedom)).toBeCloseTo(chance, 3);
  });

  it.skipIf(!python)("agrees with scipy far out (needs python3 with scipy)", () => {
    const cases = [1e-2, 1e-4, 1e-6, 1e-8].flatMap((chance) => [2, 19, 59, 400, 5000].map((n) => [chance, n] as const));
    const script = `import json,sys\nfrom scipy.stats import t\nprint(json.dumps([t.isf(a,n) for a,n in json.loads(sys.argv[1])]))`;
    const answers = JSON.parse(
      execFileSync("python3", ["-c", script, JSON.stringify(cases)], { encoding: "utf8", timeout: 60_000 }),
    ) as number[];
    cases.forEach(([chance, n], index) => {
      expect(studentQuantile(chance, n) / answers[index]!).toBeCloseTo(1, 6);
    });
  });
});

describe("the permutation test", () => {
  /** All 2^n exchanges, one by one. */
  const countedOut = (units: readonly PairedUnit[]): number => {
    const observed = units.reduce((sum, { gain }) => sum + gain, 0);
    let reached = 0;
    for (let signs = 0; signs < 2 ** units.length; signs++) {
      const sum = units.reduce((total, { gain }, i) => total + ((signs >> i) & 1 ? -1 : 1) * gain, 0);
      if (sum >= observed) reached++;
    }
    return reached / 2 ** units.length;
  };

  it("is what counting out all exchanges gives", () => {
    const unit = fc.record({ cells: fc.integer({ min: 0, max: 30 }), gain: fc.integer({ min: -6, max: 6 }) });
    fc.assert(
      fc.property(fc.array(unit, { maxLength: 9 }), (units) => {
        expect(permutationTail(units)).toBeCloseTo(countedOut(units), 12);
      }),
    );
  });
});

describe("the interval", () => {
  const units = (gains: readonly number[], cells = 10): PairedUnit[] => gains.map((gain) => ({ cells, gain }));

  it("holds the difference, grows as the level falls, and turns round with the models", () => {
    const gain = fc.integer({ min: -4, max: 4 });
    fc.assert(
      fc.property(fc.array(gain, { minLength: 2, maxLength: 40 }), (gains) => {
        const [wide, narrow] = [pairedInterval(units(gains), 0.0005), pairedInterval(units(gains), 0.05)];
        const turned = pairedInterval(units(gains.map((value) => -value)), 0.05);
        expect(narrow.low).toBeLessThanOrEqual(narrow.difference + 1e-6);
        expect(narrow.high).toBeGreaterThanOrEqual(narrow.difference - 1e-6);
        expect(wide.low).toBeLessThanOrEqual(narrow.low + 1e-6);
        expect(wide.high).toBeGreaterThanOrEqual(narrow.high - 1e-6);
        expect(turned.low).toBeCloseTo(-narrow.high, 4);
      }),
    );
  });

  it("has a width where no error was seen: the rule of three and the like", () => {
    const { difference, low, high } = pairedInterval(units(Array(30).fill(0)), 0.05);
    expect(difference).toBe(0);
    // 300 cells, t(29) at 0.05 is 1.70: a Poisson mean of 2.9 would show an error.
    expect(low).toBeCloseTo((-100 * 1.699 ** 2) / 300, 2);
    expect(high).toBeCloseTo((100 * 1.699 ** 2) / 300, 2);
  });

  it("says nothing of nothing", () => {
    expect(pairedInterval([], 0.05)).toEqual({ difference: 0, low: -100, high: 100 });
    expect(pairedInterval(units([3]), 0.05)).toMatchObject({ low: -100, high: 100 });
  });

  it("misses the truth no more often than its level says, errors clustering in fields", () => {
    const random = createRandom(5);
    const level = 0.05;
    const rounds = 600;
    let [under, over] = [0, 0];
    for (let round = 0; round < rounds; round++) {
      const { candidate, active } = simulateFields(random, realisticTruth(0.01), 60);
      const paired = candidate.map((one, i): PairedUnit => {
        const [a, b] = [one.classes.erythrocyte!, active[i]!.classes.erythrocyte!];
        return { cells: a.T, gain: b.M + b.e - a.M - a.e };
      });
      const { low, high } = pairedInterval(paired, level);
      if (low > -1) under++;
      if (high < -1) over++;
    }
    // Three standard errors of 600 draws at 0.05 are 0.027.
    expect(under / rounds).toBeLessThan(level + 0.027);
    expect(over / rounds).toBeLessThan(level + 0.027);
  });
});

describe("spending of the year's alpha", () => {
  it("never sums up to more than alpha over any 365 days, whenever tests are made", () => {
    const dayMs = 86_400_000;
    const gaps = fc.array(fc.double({ min: 0, max: 90, noNaN: true }), { maxLength: 600 });
    fc.assert(
      fc.property(gaps, fc.double({ min: 0.001, max: 0.5, noNaN: true }), (days, whole) => {
        const spent: SpentLevel[] = [];
        let atMs = 0;
        for (const gap of days) {
          atMs += gap * dayMs;
          spent.push({ atMs, alpha: nextLevel(whole, spent, atMs) });
        }
        for (const { atMs: end } of spent) {
          const year = spent.filter((test) => test.atMs <= end && test.atMs > end - 365 * dayMs);
          expect(year.reduce((sum, test) => sum + test.alpha, 0)).toBeLessThanOrEqual(whole + 1e-12);
        }
      }),
      { numRuns: 30 },
    );
  });

  it("leaves every night of a year something", () => {
    const spent: SpentLevel[] = [];
    for (let night = 0; night < 365; night++) {
      const atMs = night * 86_400_000;
      spent.push({ atMs, alpha: nextLevel(0.05, spent, atMs) });
    }
    expect(spent[0]!.alpha).toBeCloseTo(0.00163, 5);
    expect(Math.min(...spent.map((test) => test.alpha))).toBeGreaterThan(0.05 / 731);
  });
});

describe("the gate", () => {
  const truth = (index: number): FieldTally => field(`f${index}`, 20, 2);

  it("promotes what is clearly better", () => {
    const candidate = fields(80, (index) => field(`f${index}`, 20, 1));
    const report = judge(onOne(candidate, fields(80, truth)));
    expect(report).toMatchObject({ ...names, decision: "promote", alpha, fields: { validation: 80, old: 0 }, atMs: 7 });
    expect(report.pooled).toMatchObject({ difference: 5, cells: 1600 });
    expect(report.pooled.low).toBeGreaterThan(0);
    expect(report.reasons).toHaveLength(1);
  });

  it("refuses what is equal, and what is the same", () => {
    const same = judge(onOne(fields(80, truth), fields(80, truth)));
    expect(same.decision).toBe("refuse");
    expect(same.reasons[0]).toMatch(/not shown to be better/);
    expect(same.pooled.difference).toBe(0);
  });

  it("refuses what is better in all but has lost a class", () => {
    const make = (missed: number, lost: number) =>
      fields(150, (index) => ({
        id: `f${index}`,
        classes: { erythrocyte: { T: 20, M: missed, e: 0 }, platelet: { T: 12, M: lost, e: 0 } },
      }));
    const report = judge(onOne(make(1, 1), make(3, 0)));
    expect(report.pooled.low).toBeGreaterThan(0);
    expect(report.decision).toBe("refuse");
    expect(report.reasons).toEqual([expect.stringMatching(/^platelet on the validation fields may be worse by more/)]);
    expect(report.classes.find(({ cellClass }) => cellClass === "platelet")).toMatchObject({ tested: true });
  });

  it("refuses what is better on the new data and worse on the old", () => {
    const better = onOne(
      fields(80, (index) => field(`f${index}`, 20, 1)),
      fields(80, truth),
    );
    const old = {
      candidate: fields(100, (index) => field(`o${index}`, 20, 3)),
      active: fields(100, (index) => field(`o${index}`, 20, 1)),
    };
    const report = judge({
      candidate: { ...better.candidate, old: old.candidate },
      active: { ...better.active, old: old.active },
    });
    expect(report.decision).toBe("refuse");
    expect(report.old?.pooled.difference).toBe(-10);
    expect(report.reasons.join()).toMatch(/pooled on the old fields may be worse/);
  });

  it("watches classes of few cells: one cell lost is chance, half of them is not", () => {
    const make = (missed: number, basophils: number) =>
      fields(80, (index) => ({
        id: `f${index}`,
        classes: {
          erythrocyte: { T: 20, M: missed, e: 0 },
          ...(index < 19 ? { basophil: { T: 1, M: index < basophils ? 1 : 0, e: 0 } } : {}),
        },
      }));
    const one = judge(onOne(make(1, 1), make(2, 0)));
    expect(one.decision).toBe("promote");
    expect(one.classes.find(({ cellClass }) => cellClass === "basophil")).toMatchObject({ cells: 19, tested: false });
    const half = judge(onOne(make(1, 9), make(2, 0)));
    expect(half.decision).toBe("refuse");
    expect(half.reasons.join()).toMatch(/basophil .* was seen to be worse/);
  });

  it("judges classes of few cells together as well", () => {
    const rare = ["basophil", "eosinophil", "monocyte"];
    const make = (missed: number, lost: number) =>
      fields(80, (index) => ({
        id: `f${index}`,
        classes: {
          erythrocyte: { T: 20, M: missed, e: 0 },
          ...Object.fromEntries(rare.map((name) => [name, { T: 1, M: index < lost ? 1 : 0, e: 0 }])),
        },
      }));
    const report = judge(onOne(make(1, 2), make(3, 0)));
    expect(report.classes.map(({ cellClass }) => cellClass)).toContain(fewCells);
    // Two lost in a class may be chance, six in three are not, but 2.5 points are within the margin.
    expect(report.decision).toBe("promote");
    expect(judge(onOne(make(1, 3), make(3, 0))).reasons.join()).toMatch(/few-cells .* was seen to be worse/);
  });

  it("says when nothing of the year's alpha is left", () => {
    const candidate = fields(80, (index) => field(`f${index}`, 20, 1));
    const report = judge(onOne(candidate, fields(80, truth)), { alpha: 0 });
    expect(report.decision).toBe("refuse");
    expect(report.reasons[0]).toMatch(/used up/);
  });

  it("counts fields of one group as one witness", () => {
    const make = (missed: number) =>
      fields(80, (index) => ({ ...field(`f${index}`, 20, missed), group: `slide ${index % 2}` }));
    expect(judge(onOne(make(1), make(2))).decision).toBe("refuse");
  });

  it("refuses to compare what is not of the same fields and truth", () => {
    const compare = (candidate: FieldTally[], active: FieldTally[]) => () => judge(onOne(candidate, active));
    expect(compare([field("a", 3, 0)], [field("b", 3, 0)])).toThrow(/one side only/);
    expect(compare([field("a", 3, 0)], [field("a", 4, 0)])).toThrow(/3 and 4 true cells/);
    expect(compare([], [field("a", 4, 0)])).toThrow(/0 fields and 1/);
    expect(compare([field("a", 3, -1)], [field("a", 3, 0)])).toThrow(/counts/);
    expect(compare([field("a", 3, 0), field("a", 3, 0)], [field("a", 3, 0), field("a", 3, 0)])).toThrow(/twice/);
  });

  it("needs no fewer cells for a smaller margin or level", () => {
    expect(cellsNeeded(0.001, 3)).toBeGreaterThan(cellsNeeded(0.05, 3));
    expect(cellsNeeded(0.001, 1)).toBeGreaterThan(cellsNeeded(0.001, 3));
    expect(cellsNeeded(0.001, 0)).toBe(Number.POSITIVE_INFINITY);
  });

  it("gives equal reports for equal tallies", () => {
    const tallies = simulateTallies(createRandom(3), realisticTruth(-0.02), { validation: 60, old: 60 });
    expect(judge(tallies)).toEqual(judge(tallies));
  });
});
