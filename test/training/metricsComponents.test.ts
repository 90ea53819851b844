import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createRandom } from "../../src/core/index.js";
import { FeatureStatistics, principalComponents } from "../../src/training/metrics/index.js";

const dot = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  Array.from(a).reduce((sum, value, index) => sum + value * b[index]!, 0);

describe("principal components", () => {
  it("of independent features are the features, by variance", () => {
    const { variances, directions } = principalComponents({
      mean: new Float64Array(3),
      covariance: Float64Array.of(1, 0, 0, 0, 9, 0, 0, 0, 4),
    });
    expect(Array.from(variances)).toEqual([9, 4, 1]);
    expect(directions.map((direction) => Array.from(direction))).toEqual([
      [0, 1, 0],
      [0, 0, 1],
      [1, 0, 0],
    ]);
  });

  it("are orthogonal, make up the covariance, and are as many as there are dimensions", () => {
    fc.assert(
      fc.property(
        fc.integer(),
        fc.integer({ min: 2, max: 12 }),
        fc.integer({ min: 2, max: 20 }),
        (seed, size, count) => {
          const random = createRandom(seed);
          const statistics = new FeatureStatistics(size);
          const mix = Array.from({ length: size }, () => Array.from({ length: size }, () => random.normal()));
          for (let index = 0; index < count; index++) {
            const drawn = Array.from({ length: size }, () => random.normal());
            statistics.add(mix.map((row) => dot(row, drawn)));
          }
          const gaussian = statistics.gaussian();
          const { variances, directions } = principalComponents(gaussian);
          expect(directions.length).toBeLessThanOrEqual(Math.min(size, count - 1));
          const scale = variances[0]!;
          directions.forEach((direction, row) => {
            directions.forEach((other, column) => {
              expect(Math.abs(dot(direction, other) - (row === column ? 1 : 0))).toBeLessThan(1e-6);
            });
          });
          gaussian.covariance.forEach((value, at) => {
            const [row, column] = [Math.floor(at / size), at % size];
            const sum = directions.reduce(
              (total, direction, index) => total + variances[index]! * direction[row]! * direction[column]!,
              0,
            );
            expect(Math.abs(sum - value)).toBeLessThan(1e-9 * scale);
          });
        },
      ),
      { numRuns: 60 },
    );
  });
});
