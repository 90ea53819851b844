import { spawnSync } from "node:child_process";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { cellClasses, createRandom, differentialFive } from "../../src/core/index.js";
import { countsOf, emptyTally } from "../../src/counting/index.js";
import {
  concentrationFor,
  differentialLimits,
  evaluateStop,
  isNarrow,
  logEvidence,
  sequenceLimits,
} from "../../src/scan/stopping/index.js";
import { python, requirePython } from "../requirements.js";

const counted = fc
  .tuple(fc.integer({ min: 0, max: 5000 }), fc.double({ min: 0, max: 1, noNaN: true }))
  .map(([n, share]) => ({ n, k: Math.round(n * share) }));
const alpha = fc.constantFrom(0.001, 0.01, 0.05, 0.2);
const halfWidth = fc.double({ min: 0.005, max: 0.3, noNaN: true });

describe("limits of a proportion at every look", () => {
  it("lie around what was seen, and are the border of what the evidence refutes", () => {
    fc.assert(
      fc.property(counted, alpha, halfWidth, ({ k, n }, level, half) => {
        const settings = { alpha: level, concentration: concentrationFor(half, level) };
        const { low, high } = sequenceLimits(k, n, settings);
        if (n === 0) {
          expect({ low, high }).toEqual({ low: 0, high: 1 });
          return;
        }
        expect(low).toBeLessThanOrEqual(k / n);
        expect(high).toBeGreaterThanOrEqual(k / n);
        const refuted = (p: number): boolean => logEvidence(k, n, p, settings.concentration) >= -Math.log(level);
        // All along the scale, not at the border alone: what is left is one interval.
        for (let step = 1; step < 200; step++) {
          const p = step / 200;
          if (p < low - 1e-9 || p > high + 1e-9) expect(refuted(p)).toBe(true);
          if (p > low + 1e-9 && p < high - 1e-9) expect(refuted(p)).toBe(false);
        }
      }),
      { numRuns: 200 },
    );
  });

  it("are mirrored with what is counted, and wider the surer they are to be", () => {
    fc.assert(
      fc.property(counted, halfWidth, ({ k, n }, half) => {
        const concentration = concentrationFor(half, 0.01);
        const limits = sequenceLimits(k, n, { alpha: 0.01, concentration });
        const mirrored = sequenceLimits(n - k, n, { alpha: 0.01, concentration });
        expect(mirrored.low).toBeCloseTo(1 - limits.high, 7);
        expect(mirrored.high).toBeCloseTo(1 - limits.low, 7);
        const surer = sequenceLimits(k, n, { alpha: 0.001, concentration });
        expect(surer.low).toBeLessThanOrEqual(limits.low + 1e-9);
        expect(surer.high).toBeGreaterThanOrEqual(limits.high - 1e-9);
      }),
    );
  });

  it("are narrow when the quick look says so", () => {
    fc.assert(
      fc.property(counted, halfWidth, fc.double({ min: 0.01, max: 0.6, noNaN: true }), ({ k, n }, half, asked) => {
        const settings = { alpha: 0.01, concentration: concentrationFor(half, 0.01) };
        const { low, high } = sequenceLimits(k, n, settings);
        const widest = n === 0 ? 1 : Math.max(k / n - low, high - k / n);
        fc.pre(Math.abs(widest - asked) > 1e-6);
        expect(isNarrow(k, n, asked, settings)).toBe(widest < asked);
      }),
    );
  });

  it("are never refuted by more than alpha of the counts, looked at after each cell", () => {
    // The martingale's mean under p is 1 at every n: the sum over all counts of its value times their chance.
    for (const p of [0.003, 0.05, 0.3, 0.6]) {
      for (const n of [1, 7, 60]) {
        let mean = 0;
        let logChance = n * Math.log1p(-p);
        for (let k = 0; k <= n; k++) {
          mean += Math.exp(logChance + logEvidence(k, n, p, 40));
          logChance += Math.log((n - k) / (k + 1)) + Math.log(p) - Math.log1p(-p);
        }
        expect(mean).toBeCloseTo(1, 9);
      }
    }
  });

  it("reach a half width of 5 percent with about the cells that the theory says", () => {
    const settings = { alpha: 0.01, concentration: concentrationFor(0.05, 0.01) };
    let n = 10;
    while (!isNarrow(Math.round(n / 2), n, 0.05, settings)) n += 2;
    // z^2 = 12.8 for five classes at 95 % together, and 1 / (4 h^2) of it.
    expect(n).toBeGreaterThan(1150);
    expect(n).toBeLessThan(1400);
  });

  it.skipIf(!requirePython("scipy"))("agree with SciPy's beta-binomial distribution (needs Python's scipy)", () => {
    const cases = [
      [0, 20, 0.1, 5],
      [3, 20, 0.4, 5],
      [200, 900, 0.25, 60],
      [899, 900, 0.98, 12.5],
    ];
    const program = `
import json, sys
from scipy.stats import betabinom, binom
print(json.dumps([float(betabinom.logpmf(k, n, c * p, c * (1 - p)) - binom.logpmf(k, n, p)) for k, n, p, c in json.load(sys.stdin)]))`;
    const run = spawnSync(python, ["-c", program], { input: JSON.stringify(cases), encoding: "utf8" });
    const expected = JSON.parse(run.stdout) as number[];
    for (const [index, [k, n, p, concentration]] of cases.entries())
      expect(logEvidence(k!, n!, p!, concentration!)).toBeCloseTo(expected[index]!, 7);
  });
});

describe("limits of the differential", () => {
  const shares = [0.6, 0.03, 0.01, 0.28, 0.08];

  it("hold together at every look in at least as many scans as they say", () => {
    const random = createRandom(5);
    const rule = { halfWidthPercent: 10, level: 0.9 };
    const scans = 150;
    let failed = 0;
    for (let scan = 0; scan < scans; scan++) {
      const counts = shares.map(() => 0);
      for (let cell = 1, fails = false; cell <= 300 && !fails; cell++) {
        let at = random.next();
        const index = shares.findIndex((share) => {
          at -= share;
          return at < 0;
        });
        counts[Math.max(index, 0)]!++;
        if (cell % 3 !== 0) continue;
        const classes = differentialFive.map((cellClass, at) => ({ cellClass, count: counts[at]!, percent: null }));
        const limits = differentialLimits(rule, { classes, total: cell });
        fails = limits.classes.some(({ low, high }, at) => 100 * shares[at]! < low || 100 * shares[at]! > high);
        if (fails) failed++;
      }
    }
    expect(failed / scans).toBeLessThanOrEqual(0.1);
  });
});

const tallyOf = (given: Partial<Record<(typeof cellClasses)[number], number>>, areaMm2 = 0) =>
  countsOf({ ...emptyTally, classes: cellClasses.map((name) => given[name] ?? 0), knownUm2: areaMm2 * 1e6 }, 0.95);

describe("the rules", () => {
  const counts = tallyOf({ neutrophil: 60, lymphocyte: 30, leukocyte: 5, erythroblast: 7, erythrocyte: 9000 }, 1.5);

  it("tell how far each is, in their own units", () => {
    const rules = { leukocytes: 100, fields: 50, areaMm2: 2, minutes: 10 };
    expect(evaluateStop(rules, { fieldsDone: 20, activeMs: 90_000, counts })).toEqual({
      progress: [
        { rule: "leukocytes", value: 95, goal: 100, met: false },
        { rule: "fields", value: 20, goal: 50, met: false },
        { rule: "areaMm2", value: 1.5, goal: 2, met: false },
        { rule: "minutes", value: 1.5, goal: 10, met: false },
      ],
    });
  });

  it.each([
    ["leukocytes", { leukocytes: 95 }, "95 leukocytes are counted"],
    ["fields", { fields: 20 }, "20 fields are counted"],
    ["areaMm2", { areaMm2: 1.5 }, "1.5 mm2 are counted"],
    ["minutes", { minutes: 1.5 }, "it ran for 1.5 minutes"],
  ])("are met at their goal: %s", (_, rules, sentence) => {
    expect(evaluateStop(rules, { fieldsDone: 20, activeMs: 90_000, counts }).endedBy).toBe(sentence);
  });

  it("of limits is met where every class is as narrow as asked, and reports them", () => {
    const soFar = { fieldsDone: 20, activeMs: 0, counts };
    const narrow = evaluateStop({ limits: { halfWidthPercent: 3, level: 0.95 } }, soFar);
    expect(narrow.progress[0]).toMatchObject({ rule: "limits", goal: 3, met: false });
    const wide = evaluateStop({ limits: { halfWidthPercent: 25, level: 0.95 } }, soFar);
    expect(wide.endedBy).toBe("the confidence limits of every class lie within 25 percent");
    expect(wide.limits?.classes.map(({ cellClass }) => cellClass)).toEqual(differentialFive);
    expect(wide.limits?.halfWidthPercent).toBe(wide.progress[0]?.value);
    for (const { percent, low, high } of wide.limits!.classes) {
      expect(percent! - low).toBeLessThanOrEqual(25);
      expect(high - percent!).toBeLessThanOrEqual(25);
    }
  });

  it("know of no width before any cell", () => {
    const { progress, endedBy, limits } = evaluateStop(
      { limits: { halfWidthPercent: 50, level: 0.95 }, leukocytes: 1 },
      { fieldsDone: 0, activeMs: 0 },
    );
    expect(progress).toEqual([
      { rule: "leukocytes", value: 0, goal: 1, met: false },
      { rule: "limits", value: null, goal: 50, met: false },
    ]);
    expect(endedBy).toBeUndefined();
    expect(limits).toMatchObject({ total: 0, halfWidthPercent: null });
  });
});
