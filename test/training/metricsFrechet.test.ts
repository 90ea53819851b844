import { spawnSync } from "node:child_process";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createRandom, type Random } from "../../src/core/index.js";
import { FeatureStatistics, frechetDistance, type Gaussian } from "../../src/training/metrics/index.js";
import { python, requirePython } from "../requirements.js";

type Features = readonly Float32Array[];

const statisticsOf = (features: Features): FeatureStatistics => {
  const statistics = new FeatureStatistics(features[0]!.length);
  for (const one of features) statistics.add(one);
  return statistics;
};
const gaussianOf = (features: Features): Gaussian => statisticsOf(features).gaussian();

/** Features as a network's: each depends on its neighbours and has a scale of its own, so none is independent. */
const draw = (random: Random, count: number, dimensions: number, shape: { shift?: number; scale?: number } = {}) =>
  Array.from({ length: count }, () => {
    let before = random.normal();
    return Float32Array.from({ length: dimensions }, (_, index) => {
      before = 0.6 * before + 0.8 * random.normal();
      return (shape.shift ?? 0) + (shape.scale ?? 1) * (0.2 + (index % 7)) * before;
    });
  });

/** Features drawn at random with more or fewer vectors than dimensions, two sets of them. */
const sets = fc
  .record({ dimensions: fc.integer({ min: 1, max: 12 }), count: fc.integer({ min: 2, max: 30 }), seed: fc.nat(1e6) })
  .map(({ dimensions, count, seed }) => {
    const random = createRandom(seed);
    return {
      dimensions,
      random,
      a: draw(random, count, dimensions),
      b: draw(random, 2 + random.int(30), dimensions, { shift: random.normal(), scale: 0.5 + random.next() }),
    };
  });

const traceOf = ({ mean, covariance }: Gaussian): number =>
  mean.reduce((sum, _, index) => sum + covariance[index * (mean.length + 1)]!, 0);

const matrix = (...values: number[]) => Float64Array.from(values);

describe("statistics of features", () => {
  it("are the mean and the unbiased covariance", () => {
    const { mean, covariance } = gaussianOf(
      [
        [1, 2],
        [3, 6],
        [5, 1],
      ].map((one) => Float32Array.from(one)),
    );
    expect([...mean]).toEqual([3, 3]);
    expect([...covariance]).toEqual([4, -1, -1, 7]);
  });

  it("are the same from parts in any order", () => {
    fc.assert(
      fc.property(sets, fc.nat(30), ({ a, b, dimensions }, cut) => {
        const whole = statisticsOf([...a, ...b]);
        const parts = new FeatureStatistics(dimensions);
        for (const part of [b, a.slice(cut), [], a.slice(0, cut)]) {
          const statistics = new FeatureStatistics(dimensions);
          for (const one of part) statistics.add(one);
          parts.merge(statistics);
        }
        expect(parts.count).toBe(whole.count);
        const [expected, found] = [whole.gaussian(), parts.gaussian()];
        const scale = 1e-12 * (1 + traceOf(expected));
        expected.mean.forEach((value, index) => {
          expect(Math.abs(found.mean[index]! - value)).toBeLessThan(scale);
        });
        expected.covariance.forEach((value, index) => {
          expect(Math.abs(found.covariance[index]! - value)).toBeLessThan(scale);
        });
      }),
    );
  });

  it("keep the variance of features far from 0", () => {
    const statistics = new FeatureStatistics(1);
    for (let index = 0; index < 1000; index++) statistics.add([1e9 + (index % 2)]);
    expect(statistics.gaussian().covariance[0]!).toBeCloseTo(250 / 999, 6);
  });

  it("leave what they are merged from, and what was taken from them, as it is", () => {
    const [a, b] = [statisticsOf(draw(createRandom(1), 5, 3)), statisticsOf(draw(createRandom(2), 6, 3))];
    const [ofA, ofB] = [a.gaussian(), b.gaussian()];
    const kept = structuredClone(ofA);
    a.merge(b);
    expect(b.gaussian()).toEqual(ofB);
    expect(ofA).toEqual(kept);
    expect(a.count).toBe(11);
  });

  it("refuse other dimensions and what is not finite, and then hold what they held", () => {
    const statistics = statisticsOf(draw(createRandom(1), 5, 3));
    const before = statistics.gaussian();
    const internal = expect.objectContaining({ code: "INTERNAL" });
    expect(() => statistics.add([1, 2])).toThrow(internal);
    expect(() => statistics.add([1, Number.NaN, 3])).toThrow(internal);
    expect(() => statistics.merge(new FeatureStatistics(2))).toThrow(internal);
    expect(() => new FeatureStatistics(0)).toThrow(internal);
    expect(statistics.gaussian()).toEqual(before);
    expect(statistics.count).toBe(5);
  });

  it("have no covariance of one vector", () => {
    const statistics = statisticsOf(draw(createRandom(1), 1, 3));
    expect(() => statistics.gaussian()).toThrow(expect.objectContaining({ code: "DATASET_INVALID" }));
  });
});

describe("the Frechet distance", () => {
  it("is what it is by hand", () => {
    const unit: Gaussian = { mean: matrix(0, 0), covariance: matrix(1, 0, 0, 1) };
    expect(frechetDistance(unit, { ...unit, mean: matrix(3, 4) })).toBeCloseTo(25, 12);
    // (1 - 2)^2 + (1 - 3)^2: deviations differ along the axes.
    expect(frechetDistance(unit, { ...unit, covariance: matrix(4, 0, 0, 9) })).toBeCloseTo(5, 12);
    // Flat along different axes: nothing in common.
    const flat = (covariance: Float64Array): Gaussian => ({ mean: matrix(0, 0), covariance });
    expect(frechetDistance(flat(matrix(4, 0, 0, 0)), flat(matrix(0, 0, 0, 9)))).toBeCloseTo(13, 12);
    // Of a matrix of trace 3 and determinant 1 the root has the trace (3 + 2)^(1/2).
    expect(frechetDistance(flat(matrix(2, 1, 1, 1)), unit)).toBeCloseTo(5 - 2 * Math.sqrt(5), 12);
    const points = flat(matrix(0, 0, 0, 0));
    expect(frechetDistance(points, { ...points, mean: matrix(1, 1) })).toBeCloseTo(2, 12);
    expect(frechetDistance(points, unit)).toBeCloseTo(2, 12);
  });

  it("is not negative, symmetric, and 0 from a set to itself, of any rank", () => {
    fc.assert(
      fc.property(sets, ({ a, b }) => {
        const [ofA, ofB] = [gaussianOf(a), gaussianOf(b)];
        const rounding = 1e-10 * (traceOf(ofA) + traceOf(ofB));
        const distance = frechetDistance(ofA, ofB);
        expect(distance).toBeGreaterThanOrEqual(0);
        expect(Math.abs(frechetDistance(ofB, ofA) - distance)).toBeLessThan(rounding);
        expect(frechetDistance(ofA, ofA)).toBeLessThan(rounding);
      }),
    );
  });

  it("does not change when features are shifted, turned or put in another order, and grows with their square", () => {
    fc.assert(
      fc.property(sets, ({ a, b, dimensions, random }) => {
        const distance = frechetDistance(gaussianOf(a), gaussianOf(b));
        const both = (change: (one: Float64Array) => Float64Array): number => {
          const [ofA, ofB] = [a, b].map((features) => {
            const statistics = new FeatureStatistics(dimensions);
            for (const one of features) statistics.add(change(Float64Array.from(one)));
            return statistics.gaussian();
          });
          return frechetDistance(ofA!, ofB!);
        };
        const rounding = 1e-8 * (1 + distance + traceOf(gaussianOf(a)));
        const axis = Float64Array.from({ length: dimensions }, () => random.normal());
        const square = axis.reduce((sum, value) => sum + value * value, 0);
        const mirrored = both((one) => {
          const along = one.reduce((sum, value, index) => sum + value * axis[index]!, 0) / square;
          return one.map((value, index) => value - 2 * along * axis[index]!);
        });
        expect(Math.abs(mirrored - distance)).toBeLessThan(rounding);
        expect(Math.abs(both((one) => one.map((value) => value + 7)) - distance)).toBeLessThan(rounding);
        expect(Math.abs(both((one) => one.toReversed()) - distance)).toBeLessThan(rounding);
        expect(Math.abs(both((one) => one.map((value) => 3 * value)) - 9 * distance)).toBeLessThan(9 * rounding);
      }),
    );
  });

  it("sees a difference that is small beside the features' spread", () => {
    const features = draw(createRandom(6), 20, 40);
    const shifted = features.map((one) => one.map((value, index) => value + (index === 3 ? 2 ** -10 : 0)));
    expect(frechetDistance(gaussianOf(features), gaussianOf(shifted))).toBeCloseTo(2 ** -20, 8);
  });

  it("refuses other dimensions, and what is not a covariance", () => {
    const internal = expect.objectContaining({ code: "INTERNAL" });
    const two: Gaussian = { mean: matrix(0, 0), covariance: matrix(1, 0, 0, 1) };
    const one: Gaussian = { mean: matrix(0), covariance: matrix(1) };
    expect(() => frechetDistance(two, one)).toThrow(internal);
    expect(() => frechetDistance(two, { ...two, covariance: matrix(1, 0, 1) })).toThrow(internal);
    expect(() => frechetDistance(two, { ...two, covariance: matrix(1, Number.NaN, 0, 1) })).toThrow(internal);
  });
});

describe.skipIf(!requirePython("numpy", "scipy"))("SciPy as the oracle (needs Python's numpy and scipy)", () => {
  const script = `
import json, sys
import numpy as np
from scipy.linalg import sqrtm
out = []
for d, a, b in json.load(sys.stdin):
    a, b = (np.array(f, np.float64).reshape(-1, d) for f in (a, b))
    A, B = (np.atleast_2d(np.cov(f, rowvar=False)) for f in (a, b))
    square = float(np.sum((a.mean(0) - b.mean(0)) ** 2)) + np.trace(A) + np.trace(B)
    root = np.sqrt(np.maximum(np.linalg.eigvals(A @ B).real, 0)).sum()
    full = min(len(a), len(b)) > d
    out.append([float(square - 2 * root), float(square - 2 * np.trace(sqrtm(A @ B)).real) if full else None])
print(json.dumps(out))`;
  const distances = (cases: readonly (readonly [Features, Features])[]) => {
    const flat = (features: Features) => features.flatMap((one) => [...one]);
    const input = JSON.stringify(cases.map(([a, b]) => [a[0]!.length, flat(a), flat(b)]));
    const run = spawnSync(python, ["-c", script], { input, encoding: "utf8", maxBuffer: 2 ** 24 });
    expect(run.stderr).toBe("");
    return JSON.parse(run.stdout) as [byEigenvalues: number, bySqrtm: number | null][];
  };

  it("agrees on the same features, also with fewer pictures than features", () => {
    const random = createRandom(21);
    const pair = (dimensions: number, ...counts: [number, number]) =>
      [draw(random, counts[0], dimensions), draw(random, counts[1], dimensions, { shift: 0.3, scale: 1.4 })] as const;
    const cases = [
      pair(1, 30, 40),
      pair(8, 100, 60),
      pair(64, 500, 400),
      pair(256, 600, 700),
      pair(64, 20, 300),
      pair(64, 300, 20),
      pair(128, 40, 50),
    ];
    distances(cases).forEach(([byEigenvalues, bySqrtm], index) => {
      const [a, b] = cases[index]!;
      const distance = frechetDistance(gaussianOf(a), gaussianOf(b));
      expect(Math.abs(distance - byEigenvalues)).toBeLessThan(1e-5 * byEigenvalues);
      if (bySqrtm !== null) expect(Math.abs(distance - bySqrtm)).toBeLessThan(1e-6 * bySqrtm);
    });
  });
});
