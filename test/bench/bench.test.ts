import { existsSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { worstAgainstYolo, yoloV11n } from "../../bench/accuracy.js";
import { columns, type Figure, figureTable, verdictOf } from "../../bench/figures.js";
import { flopOf } from "../../bench/flop.js";
import { arrivalsPerSecond } from "../../bench/pipeline.js";
import { quickReport } from "../../bench/quick.js";
import { median, quantile, slopeErrorOf, slopeOf } from "../../bench/statistics.js";
import { yoloSized } from "../../bench/yoloSized.js";
import { createRandom, projectRoot } from "../../src/core/index.js";

const figure = (part: Partial<Figure>): Figure => ({ name: "x", value: 1, how: "as it is", ...part });

describe("statistics", () => {
  it("finds the slope of any straight line, and quantiles within the values", () => {
    const number = fc.double({ min: -1000, max: 1000, noNaN: true });
    fc.assert(
      fc.property(number, number, fc.integer({ min: 2, max: 30 }), (slope, offset, count) => {
        const points = Array.from({ length: count }, (_, x) => [x, offset + slope * x] as const);
        expect(slopeOf(points)).toBeCloseTo(slope, 6);
        const values = points.map(([, y]) => y);
        expect(quantile(values, 0)).toBeCloseTo(Math.min(...values));
        expect(quantile(values, 1)).toBeCloseTo(Math.max(...values));
      }),
    );
    expect(median([3, 1, 2, 10])).toBe(2.5);
  });

  it("knows how sure a slope is: the interval holds the true one in about 19 of 20 cases, also where errors hang together", () => {
    const random = createRandom(7);
    for (const memory of [0, 0.8]) {
      let held = 0;
      for (let trial = 0; trial < 400; trial++) {
        let error = 0;
        const points = Array.from({ length: 120 }, (_, x) => {
          error = memory * error + random.normal();
          return [x, 3 + 0.05 * x + error] as const;
        });
        if (Math.abs(slopeOf(points) - 0.05) <= slopeErrorOf(points)) held++;
      }
      expect(held / 400).toBeGreaterThan(0.85);
      expect(held / 400).toBeLessThan(0.99);
    }
    expect(slopeErrorOf([[0, 1]])).toBeNaN();
  });
});

describe("figures", () => {
  it("say whether their goal is reached", () => {
    expect(verdictOf(figure({ atLeast: 1 }))).toBe("reached");
    expect(verdictOf(figure({ atMost: 0.9 }))).toBe("missed");
    expect(verdictOf(figure({ value: undefined, atLeast: 1 }))).toBe("absent");
    expect(verdictOf(figure({ value: Number.NaN, atLeast: 1 }))).toBe("absent");
    expect(verdictOf(figure({}))).toBe("measured");
  });

  it("are printed in aligned columns, each way of measuring once", () => {
    expect(
      columns([
        ["a", "bb"],
        ["ccc", "d"],
      ]),
    ).toEqual(["a    bb", "ccc   d"]);
    const lines = figureTable([figure({ name: "one" }), figure({ name: "two", atLeast: 2, unit: "ms" })]);
    expect(lines.at(-1)).toBe("one, two: as it is");
    expect(lines.find((line) => line.startsWith("two"))).toMatch(/1\.00 ms\s+>= 2\s+missed$/);
  });
});

describe("the rate at which a client gets fields", () => {
  it("counts the messages that newer ones replaced, and leaves out the first", () => {
    const arrivals = [0, 1, 2, 3, 4, 6, 8].map((sequence) => ({
      ...{ sequence, frame: sequence, capturedAtMs: 0 },
      receivedAtMs: sequence < 4 ? sequence : 10 * sequence,
    }));
    expect(arrivalsPerSecond(arrivals)).toBeCloseTo(100);
    expect(arrivalsPerSecond(arrivals.slice(0, 5))).toBeNaN();
  });
});

describe("the networks that are compared", () => {
  it("has a YOLOv8n-sized graph of 8.7 GFLOP", () => {
    expect(flopOf(yoloSized()) / 1e9).toBeCloseTo(8.7, 0);
  });

  it("takes the class that is furthest below YOLOv11n", () => {
    const equal = Object.fromEntries(Object.entries(yoloV11n).map(([name, value]) => [name, 100 * value]));
    expect(worstAgainstYolo(equal)).toBeCloseTo(0);
    expect(worstAgainstYolo({ ...equal, monocyte: 90 })).toBeCloseTo(-0.037);
    expect(worstAgainstYolo({})).toBeLessThan(-0.9);
  });
});

const shipped = ["unet", "cells"].every((name) => existsSync(join(projectRoot(), "models", name)));

describe.skipIf(!shipped)(`the quick report${shipped ? "" : " (needs models/unet and models/cells)"}`, () => {
  it("has the five figures, and how each was measured", { timeout: 240_000 }, async () => {
    const report = await quickReport({ quick: true, models: {} }, { rounds: 1, phaseMs: 200, trainingRounds: 1 });
    const printed = JSON.parse(JSON.stringify(report)) as typeof report;
    for (const name of [
      "pipelineRatio",
      "latencyRatio",
      "clusteringShare",
      "loopLagP99Ms",
      "trainingPeakShare",
    ] as const) {
      // What they are is no matter of a test; null is a figure that could not be had on a machine as busy as this one.
      expect(printed[name] === null || Number.isFinite(printed[name]), name).toBe(true);
      expect(printed.how[name], name).toMatch(/ over |p99/);
    }
    expect(printed.models).toMatch(/^unet .+ and cells /);
    expect(printed.machine.cores).toBeGreaterThan(0);
  });
});
