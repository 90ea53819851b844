import { spawnSync } from "node:child_process";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  chiSquareQuantile,
  gammaP,
  gammaQ,
  inverseGammaP,
  logGamma,
  twoSidedNormalQuantile,
} from "../../src/counting/gamma.js";
import { python, requirePython } from "../requirements.js";

describe("gamma functions", () => {
  it("knows ln Gamma of whole and half numbers", () => {
    let factorial = 0;
    for (let n = 1; n < 60; n++) {
      expect(Math.abs(logGamma(n) - factorial)).toBeLessThan(1e-12 * Math.max(1, factorial));
      factorial += Math.log(n);
    }
    expect(logGamma(0.5)).toBeCloseTo(Math.log(Math.sqrt(Math.PI)), 13);
    expect(logGamma(1.5)).toBeCloseTo(Math.log(Math.sqrt(Math.PI) / 2), 13);
  });

  it("agrees with tabulated chi-square quantiles", () => {
    // Pearson & Hartley, Biometrika Tables for Statisticians, table 8.
    expect(chiSquareQuantile(0.95, 1)).toBeCloseTo(3.84146, 5);
    expect(chiSquareQuantile(0.975, 2)).toBeCloseTo(7.37776, 5);
    expect(chiSquareQuantile(0.025, 10)).toBeCloseTo(3.24697, 5);
    expect(chiSquareQuantile(0.975, 20)).toBeCloseTo(34.1696, 4);
    expect(chiSquareQuantile(0.005, 30)).toBeCloseTo(13.7867, 4);
    expect(chiSquareQuantile(0.995, 100)).toBeCloseTo(140.169, 3);
    expect(twoSidedNormalQuantile(0.95)).toBeCloseTo(1.959963985, 8);
    expect(twoSidedNormalQuantile(0.99)).toBeCloseTo(2.575829304, 8);
  });

  it("P and Q are complementary, P rises with x, and the inverse inverts", () => {
    const shapes = fc.double({ min: 0.1, max: 1e5, noNaN: true });
    const shares = fc.double({ min: 1e-4, max: 1 - 1e-4, noNaN: true });
    fc.assert(
      fc.property(shapes, shares, (shape, p) => {
        const x = inverseGammaP(shape, p);
        expect(gammaP(shape, x)).toBeCloseTo(p, 8);
        expect(gammaP(shape, x) + gammaQ(shape, x)).toBeCloseTo(1, 12);
        expect(gammaP(shape, x * 1.01)).toBeGreaterThanOrEqual(gammaP(shape, x));
      }),
      { numRuns: 300 },
    );
  });

  it.skipIf(!requirePython("scipy"))("agrees with SciPy (needs Python's scipy)", () => {
    const shapes = [0.5, 1, 1.5, 2, 7, 33, 100.5, 1234, 56_789, 1_000_001];
    const shares = [0.0005, 0.005, 0.025, 0.3, 0.5, 0.7, 0.975, 0.995, 0.9995];
    const script = `
import json, sys
from scipy.special import gammaincinv
shapes, shares = json.load(sys.stdin)
print(json.dumps([[float(gammaincinv(a, p)) for p in shares] for a in shapes]))`;
    const run = spawnSync(python, ["-c", script], { input: JSON.stringify([shapes, shares]), encoding: "utf8" });
    expect(run.stderr).toBe("");
    const expected = JSON.parse(run.stdout) as number[][];
    shapes.forEach((shape, row) => {
      shares.forEach((p, column) => {
        const want = expected[row]![column]!;
        expect(Math.abs(inverseGammaP(shape, p) - want)).toBeLessThan(1e-8 * want);
      });
    });
  });
});
