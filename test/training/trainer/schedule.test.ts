import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { averageDecayAt, donePart, learningRateAt, type Schedule } from "../../../src/training/trainer/index.js";

const schedule: Schedule = { learningRate: 0.01, warmupSteps: 10, finalPart: 0.1, averageDecay: 0.99 };

describe("the schedule", () => {
  it("counts what is done by steps or by time", () => {
    expect(donePart({ steps: 40 }, 10, 9e9)).toBe(0.25);
    expect(donePart({ minutes: 2 }, 999, 30_000)).toBe(0.25);
    expect(donePart({ steps: 0 }, 0, 0)).toBe(1);
    expect(donePart({ minutes: 0 }, 0, 0)).toBe(1);
  });

  it("warms up from a part of the rate, falls by half a cosine and ends at the last part", () => {
    expect(learningRateAt(schedule, 0, 0)).toBeCloseTo(0.001, 12);
    expect(learningRateAt(schedule, 9, 0)).toBeCloseTo(0.01, 12);
    expect(learningRateAt(schedule, 500, 0.5)).toBeCloseTo(0.01 * (0.1 + 0.9 * 0.5), 12);
    expect(learningRateAt(schedule, 1000, 1)).toBeCloseTo(0.001, 12);
    expect(learningRateAt(schedule, 1000, 1.5)).toBeCloseTo(0.001, 12);
    expect(learningRateAt({ ...schedule, warmupSteps: 0 }, 0, 0)).toBe(0.01);
  });

  it("never rises once it is warm, and stays within its bounds", () => {
    const part = fc.double({ min: 0, max: 1, noNaN: true });
    fc.assert(
      fc.property(part, part, fc.integer({ min: 10, max: 100_000 }), (a, b, steps) => {
        const [early, late] = [
          learningRateAt(schedule, steps, Math.min(a, b)),
          learningRateAt(schedule, steps, Math.max(a, b)),
        ];
        expect(late).toBeLessThanOrEqual(early);
        expect(early).toBeLessThanOrEqual(schedule.learningRate);
        expect(late).toBeGreaterThanOrEqual(schedule.learningRate * schedule.finalPart * (1 - 1e-12));
      }),
    );
  });

  it("lets the average follow closely at first", () => {
    expect(averageDecayAt(schedule, 0)).toBe(0.1);
    expect(averageDecayAt(schedule, 90)).toBeCloseTo(0.91, 12);
    expect(averageDecayAt(schedule, 1e6)).toBe(0.99);
  });
});
