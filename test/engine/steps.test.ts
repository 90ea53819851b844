import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createRandom } from "../../src/core/index.js";
import type { AdamOptions, TrainingRun } from "../../src/engine/index.js";
import { engines } from "./engines.js";
import { relativeError } from "./onnx/runGraph.js";
import {
  adamStep,
  features,
  plainAdam,
  type Regression,
  regression,
  regressionFeeds,
  samples,
  startAdam64,
} from "./regression.js";

const optimisers: Readonly<Record<string, AdamOptions>> = {
  adam: plainAdam,
  adamW: { ...plainAdam, weightDecay: 0.3 },
  clipped: { ...plainAdam, beta1: 0.5, beta2: 0.9, weightDecay: 0.1, clipNorm: 0.25 },
  unclipped: { ...plainAdam, clipNorm: 1e6, epsilon: 0.1 },
};

describe.each(engines)("the step of $title", ({ engine, present }) => {
  describe.skipIf(!present)("one player", () => {
    const problems = Object.entries(optimisers).map(([name, optimiser]) => regression(name, optimiser));
    const initial = problems[0]!.parameters.initialise(createRandom(3));
    let run: TrainingRun;
    beforeAll(async () => {
      run = await engine.load(
        problems.map(({ problem }) => problem),
        { line: initial },
      );
    });
    afterAll(() => run[Symbol.asyncDispose]());

    it.each(Object.keys(optimisers))("moves as computed in float64, over eight steps: %s", async (name) => {
      const { problem, parameters } = problems.find((entry) => entry.problem.name === name)! as Regression;
      const optimiser = optimisers[name]!;
      await run.writeState({ line: initial });
      const reference = startAdam64(initial.parameters);
      const statistics = Float64Array.from(initial.statistics);
      const random = createRandom(5);
      for (let step = 0; step < 8; step += 1) {
        const x = Float32Array.from({ length: samples * features }, () => random.normal());
        const y = Float32Array.from({ length: samples }, () => random.normal());
        const rates = { learningRate: 0.05 / (step + 1), averageDecay: step / 10 };
        const [weight, bias] = [reference.parameters.slice(0, features), reference.parameters[features]!];
        const errors = Array.from(y, (truth, row) =>
          weight.reduce((sum, w, column) => sum + w * x[row * features + column]!, bias - truth),
        );
        const by = (column: number) =>
          errors.reduce((sum, error, row) => sum + (2 / samples) * error * x[row * features + column]!, 0);
        const gradient = [by(0), by(1), by(2), errors.reduce((sum, error) => sum + (2 / samples) * error, 0)];
        const loss = errors.reduce((sum, error) => sum + error * error, 0) / samples;
        const norm = adamStep(reference, gradient, optimiser, { ...rates, entries: parameters.entries });
        for (let column = 0; column < features; column += 1) {
          const mean = [0, 1, 2, 3].reduce((sum, row) => sum + x[row * features + column]! / samples, 0);
          statistics[column] = rates.averageDecay * statistics[column]! + (1 - rates.averageDecay) * mean;
        }
        const result = await run.step({ problem: problem.name, feeds: regressionFeeds(x, y), ...rates });
        expect(result.losses.loss).toBeCloseTo(loss, 4);
        expect(relativeError([result.gradientNorms.line!], [norm])).toBeLessThan(1e-5);
        expect(relativeError(result.observations.error!, errors)).toBeLessThan(1e-5);
      }
      const found = (await run.readState()).line!;
      expect(found.steps).toBe(8);
      for (const key of ["parameters", "firstMoment", "secondMoment", "average"] as const) {
        expect(relativeError(found[key], reference[key]), key).toBeLessThan(2e-5);
      }
      expect(relativeError(found.statistics, statistics)).toBeLessThan(1e-5);
    });

    it("lets only weights decay", async () => {
      await run.writeState({ line: initial });
      // Nothing to learn: x is 0 and y the bias.
      const feeds = regressionFeeds(new Float32Array(samples * features), new Float32Array(samples).fill(0.5));
      await run.step({ problem: "adamW", feeds, learningRate: 0.1, averageDecay: 0 });
      const { parameters } = (await run.readState()).line!;
      const expected = [...initial.parameters.slice(0, features)].map((weight) => weight * (1 - 0.1 * 0.3));
      expect(relativeError(parameters.slice(0, features), expected)).toBeLessThan(1e-6);
      expect(parameters[features]).toBe(0.5);
    });
  });

  describe.skipIf(!present)("two players at rates of their own", () => {
    it("each moves at its part of the step's learning rate", async () => {
      const optimiser = optimisers.adamW!;
      const whole = regression("whole", optimiser, "whole");
      const part = regression("part", optimiser, "part");
      const { players } = part.problem;
      const slowed = { ...part.problem, players: players.map((player) => ({ ...player, ratePart: 0.25 })) };
      const initial = whole.parameters.initialise(createRandom(9));
      await using run = await engine.load([whole.problem, slowed], {
        whole: initial,
        part: initial,
      });
      const random = createRandom(10);
      const x = Float32Array.from({ length: samples * features }, () => random.normal());
      const feeds = regressionFeeds(x, new Float32Array(samples));
      for (let step = 0; step < 3; step += 1) {
        await run.step({ problem: "whole", feeds, learningRate: 0.05, averageDecay: 0.5 });
        await run.step({ problem: "part", feeds, learningRate: 0.2, averageDecay: 0.5 });
      }
      const states = await run.readState();
      expect(relativeError(states.part!.parameters, states.whole!.parameters)).toBeLessThan(1e-6);
      expect(relativeError(states.whole!.parameters, initial.parameters)).toBeGreaterThan(0.05);
    });
  });
});
