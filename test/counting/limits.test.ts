import { spawnSync } from "node:child_process";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createRandom } from "../../src/core/index.js";
import { garwoodLimits, ratioLimits, wilsonLimits } from "../../src/counting/index.js";
import { python, requirePython } from "../requirements.js";

describe("Wilson's limits", () => {
  it("are those that Newcombe (1998, Statistics in Medicine 17:857, table I) prints", () => {
    const printed: [number, number, number, number][] = [
      [81, 263, 0.2553, 0.3662],
      [15, 148, 0.0624, 0.1605],
      [0, 20, 0, 0.1611],
      [1, 29, 0.0061, 0.1718],
    ];
    for (const [successes, total, low, high] of printed) {
      const limits = wilsonLimits(successes, total);
      expect(limits.low).toBeCloseTo(low, 4);
      expect(limits.high).toBeCloseTo(high, 4);
      expect(limits).toMatchObject({ level: 0.95, method: "wilson" });
    }
  });

  it("hold the share, lie in [0, 1], mirror, and narrow with more cells", () => {
    fc.assert(
      fc.property(fc.nat(5000), fc.nat(5000), fc.constantFrom(0.8, 0.95, 0.99), (successes, failures, level) => {
        const total = successes + failures;
        const { low, high } = wilsonLimits(successes, total, level);
        expect(low).toBeGreaterThanOrEqual(0);
        expect(high).toBeLessThanOrEqual(1);
        if (total === 0) return;
        expect(low).toBeLessThanOrEqual(successes / total);
        expect(high).toBeGreaterThanOrEqual(successes / total);
        expect(wilsonLimits(failures, total, level).low).toBeCloseTo(1 - high!, 12);
        const wider = wilsonLimits(4 * successes, 4 * total, level);
        expect(wider.high! - wider.low).toBeLessThan(high! - low);
      }),
    );
  });

  it("says nothing when nothing was looked at", () => {
    expect(wilsonLimits(0, 0)).toMatchObject({ low: 0, high: 1 });
  });
});

describe("Garwood's limits", () => {
  it("are the tabulated ones", () => {
    // Garwood 1936, table; also Ulm 1990.
    const printed: [number, number, number][] = [
      [0, 0, 3.689],
      [1, 0.025, 5.572],
      [5, 1.623, 11.668],
      [10, 4.795, 18.39],
      [20, 12.217, 30.888],
      [50, 37.111, 65.919],
      [100, 81.364, 121.627],
    ];
    for (const [count, low, high] of printed) {
      const limits = garwoodLimits(count);
      expect(limits.low).toBeCloseTo(low, 3);
      expect(limits.high).toBeCloseTo(high, 3);
    }
  });

  it("cover the true mean at least as often as they say", () => {
    const random = createRandom(11);
    const poisson = (mean: number): number => {
      let events = -1;
      for (let sum = 0; sum < mean; events++) sum -= Math.log(1 - random.next());
      return events;
    };
    const memo = new Map<number, ReturnType<typeof garwoodLimits>>();
    for (const mean of [0.7, 3, 12.5, 60]) {
      let covered = 0;
      for (let n = 0; n < 4000; n++) {
        const count = poisson(mean);
        const limits = memo.get(count) ?? garwoodLimits(count);
        memo.set(count, limits);
        if (limits.low <= mean && mean <= limits.high!) covered += 1;
      }
      expect(covered / 4000).toBeGreaterThan(0.945);
    }
  });

  it("rise with the count and hold it", () => {
    fc.assert(
      fc.property(fc.nat(200_000), fc.constantFrom(0.9, 0.95, 0.999), (count, level) => {
        const here = garwoodLimits(count, level);
        const next = garwoodLimits(count + 1, level);
        expect(here.low).toBeLessThanOrEqual(count);
        expect(here.high!).toBeGreaterThan(count);
        expect(next.low).toBeGreaterThan(here.low);
        expect(next.high!).toBeGreaterThan(here.high!);
      }),
      { numRuns: 60 },
    );
  });
});

describe("limits of a ratio", () => {
  it("turn round with the ratio and are open where the denominator may be nothing", () => {
    const there = ratioLimits(300, 20);
    const back = ratioLimits(20, 300);
    expect(back.low).toBeCloseTo(1 / there.high!, 10);
    expect(back.high).toBeCloseTo(1 / there.low, 10);
    expect(ratioLimits(5, 0)).toMatchObject({ high: null, method: "conditional-wilson" });
    expect(ratioLimits(0, 5).low).toBe(0);
  });
});

describe.skipIf(!requirePython("scipy"))("SciPy as the oracle (needs Python's scipy)", () => {
  it("agrees on Wilson and Garwood", () => {
    const script = `
import json, sys
from scipy.stats import binomtest, chi2
out = []
for k, n, level in json.load(sys.stdin):
    w = binomtest(k, n).proportion_ci(level, "wilson")
    a = 1 - level
    out.append([float(w.low), float(w.high), float(chi2.ppf(a / 2, 2 * k) / 2) if k else 0.0, float(chi2.ppf(1 - a / 2, 2 * k + 2) / 2)])
print(json.dumps(out))`;
    const random = createRandom(5);
    const cases = Array.from({ length: 300 }, (_, index) => {
      const total = 1 + random.int(10 ** (1 + random.int(5)));
      return [random.int(total + 1), total, [0.9, 0.95, 0.99][index % 3]!] as const;
    });
    const run = spawnSync(python, ["-c", script], { input: JSON.stringify(cases), encoding: "utf8" });
    expect(run.stderr).toBe("");
    (JSON.parse(run.stdout) as number[][]).forEach(([wilsonLow, wilsonHigh, poissonLow, poissonHigh], index) => {
      const [k, n, level] = cases[index]!;
      const wilson = wilsonLimits(k, n, level);
      const garwood = garwoodLimits(k, level);
      expect(wilson.low).toBeCloseTo(wilsonLow!, 10);
      expect(wilson.high).toBeCloseTo(wilsonHigh!, 10);
      expect(Math.abs(garwood.low - poissonLow!)).toBeLessThanOrEqual(1e-8 * (1 + k));
      expect(Math.abs(garwood.high! - poissonHigh!)).toBeLessThanOrEqual(1e-8 * (1 + k));
    });
  });
});
