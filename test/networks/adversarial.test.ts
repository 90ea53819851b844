import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { createRandom } from "../../src/core/index.js";
import type { ParameterState, Player, TrainingProblem, TrainingRun } from "../../src/engine/index.js";
import { type Graph, Graph as NewGraph, type Operators, type Value } from "../../src/engine/onnx/index.js";
import { type ConvSpec, ParameterSet, TrainingLayers } from "../../src/networks/index.js";
import { embedded, native } from "../engine/engines.js";
import { plainAdam } from "../engine/regression.js";

const adam = { ...plainAdam, beta1: 0.5, clipNorm: 5 };
const dims = [2, 3, 16, 16] as const;
const conv = (name: string, channels: number, kernel: number, rest: Partial<ConvSpec> = {}): ConvSpec => ({
  name,
  channels,
  kernel,
  norm: "batch",
  activation: "leakyRelu",
  ...rest,
});

/** Down by a strided convolution, up by a transposed one: masks [N,3,H,W] -> pictures in [-1,1]. */
const paint = (layers: TrainingLayers, parameters: ParameterSet, mask: Value): Value => {
  const { ops } = layers;
  const down = layers.conv(mask, conv("down", 6, 4, { stride: 2, pads: 1, norm: "none" }));
  const middle = layers.conv(down, conv("middle", 6, 3));
  const weights = parameters.parameter("up.weight", [6, 4, 4, 4], { kind: "fanIn", fanIn: 24, gain: 2 }, true);
  const bias = parameters.parameter("up.bias", [4], { kind: "constant", value: 0 }, false);
  const up = ops.relu(ops.convTranspose(middle, weights, { stride: 2, pads: 1, bias }));
  return layers.conv(ops.concat([up, mask], 1), conv("out", 3, 3, { norm: "none", activation: "tanh" }));
};

/** Kernels of 3, 5 and 7 side by side, two pooling grids, a linear layer: the probability of being real [N,1]. */
const judge = (layers: TrainingLayers, picture: Value, mask: Value): Value => {
  const { ops } = layers;
  const pair = ops.concat([picture, mask], 1);
  const scales = [3, 5, 7].map((kernel) => layers.conv(pair, conv(`scale${kernel}`, 4, kernel, { stride: 2 })));
  const joined = ops.concat(scales, 1);
  const grids = [8, 4].map((size) => ops.averagePool(joined, { kernel: size, stride: size }));
  const flat = ops.concat(
    grids.map((grid) => ops.reshape(grid, [2, -1])),
    1,
  );
  return layers.linear(flat, { name: "real", features: 1, activation: "sigmoid" });
};

const meanLog = (ops: Operators, probability: Value): Value =>
  ops.reduceMean(ops.log(ops.shift(probability, 1e-6)), [0, 1], false);

const declare = (name: string) => {
  const graph: Graph = new NewGraph(name);
  const [painter, critic] = [new ParameterSet(graph, "painter"), new ParameterSet(graph, "critic")];
  const [paints, judges] = [new TrainingLayers(graph, painter), new TrainingLayers(graph, critic)];
  const { ops } = paints;
  const mask = graph.input("mask", "float32", dims);
  const real = graph.input("real", "float32", dims);
  const painted = paint(paints, painter, mask);
  const onReal = judge(judges, real, mask);
  const onPainted = judge(judges, painted, mask);
  const unmasked = ops.sub(graph.scalar(1), onPainted);
  const judging = ops.neg(ops.add(meanLog(ops, onReal), meanLog(ops, unmasked)));
  const likeness = ops.reduceMean(ops.abs(ops.sub(painted, real)), [0, 1, 2, 3], false);
  const painting = ops.sub(ops.scale(likeness, 10), meanLog(ops, onPainted));
  const problem = (players: readonly Player[]): TrainingProblem => ({
    name,
    graph,
    parameterSets: [painter, critic],
    players,
    losses: { judging, painting, likeness },
    observations: { painted, onReal },
  });
  return {
    painter,
    critic,
    problem,
    judge: { parameters: critic, loss: judging, optimiser: adam },
    paint: { parameters: painter, loss: painting, optimiser: adam },
  };
};

const judgingOnly = declare("judge");
const paintingOnly = declare("paint");
const both = declare("both");
const problems = [
  judgingOnly.problem([judgingOnly.judge]),
  paintingOnly.problem([paintingOnly.paint]),
  both.problem([both.judge, both.paint]),
];
const random = createRandom(41);
const initial = { painter: both.painter.initialise(random), critic: both.critic.initialise(random) };
const size = dims.reduce((product, dim) => product * dim, 1);
const noise = () => Float32Array.from({ length: size }, () => Math.tanh(random.normal()));
const feeds = {
  mask: { type: "float32", shape: dims, data: noise() },
  real: { type: "float32", shape: dims, data: noise() },
} as const;

const bits = (state: ParameterState): string =>
  [state.parameters, state.firstMoment, state.secondMoment, state.average, state.statistics]
    .map(({ buffer, byteOffset, byteLength }) => Buffer.from(buffer, byteOffset, byteLength).toString("base64"))
    .join(" ");

describe.each([embedded, native])("two networks against each other, by $title", ({ engine, present }) => {
  describe.skipIf(!present)("in turn and at once", () => {
    let run: TrainingRun;
    beforeAll(async () => {
      run = await engine.load(problems, initial);
    });
    afterAll(() => run[Symbol.asyncDispose]());
    beforeEach(() => run.writeState(initial));

    const step = (problem: string, learningRate = 0.005) =>
      run.step({ problem, feeds, learningRate, averageDecay: 0.5 });
    const steps = async (problem: string, count: number) => {
      const losses: Readonly<Record<string, number>>[] = [];
      for (let taken = 0; taken < count; taken += 1) losses.push((await step(problem)).losses);
      return losses;
    };

    it("leaves the painter as it is, bit for bit, while the critic learns", async () => {
      const losses = await steps("judge", 12);
      expect(losses.at(-1)!.judging).toBeLessThan(0.7 * losses[0]!.judging!);
      const { painter, critic } = await run.readState();
      expect(bits(painter!)).toBe(bits(initial.painter));
      expect([painter!.steps, critic!.steps]).toEqual([0, 12]);
      expect(bits(critic!)).not.toBe(bits(initial.critic));
    });

    it("leaves the critic as it is, bit for bit, while the painter learns", async () => {
      const losses = await steps("paint", 15);
      expect(losses.at(-1)!.painting).toBeLessThan(0.9 * losses[0]!.painting!);
      const { painter, critic } = await run.readState();
      expect(bits(critic!)).toBe(bits(initial.critic));
      expect([painter!.steps, critic!.steps]).toEqual([15, 0]);
    });

    it("shares what each learns with the other, step about, all of it finite", async () => {
      const start = (await step("both", 0)).losses;
      await run.writeState(initial);
      for (let round = 0; round < 12; round += 1) {
        await step("judge");
        const { losses, observations, gradientNorms } = await step("paint");
        const numbers = [...Object.values(losses), ...Object.values(gradientNorms), ...observations.painted!];
        expect(numbers.every(Number.isFinite)).toBe(true);
        expect(observations.painted!.every((value) => Math.abs(value) <= 1)).toBe(true);
      }
      const { painter, critic } = await run.readState();
      expect([painter!.steps, critic!.steps]).toEqual([12, 12]);
      for (const state of [painter!, critic!]) {
        expect([...state.parameters, ...state.average, ...state.statistics].every(Number.isFinite)).toBe(true);
      }
      expect((await step("both", 0)).losses.likeness).toBeLessThan(start.likeness!);
    });

    it("gives both in one step the gradients that each has alone", async () => {
      const together = await step("both");
      const state = await run.readState();
      await run.writeState(initial);
      const judged = await step("judge");
      const afterJudging = (await run.readState()).critic!;
      await run.writeState(initial);
      const painted = await step("paint");
      const afterPainting = (await run.readState()).painter!;
      expect(together.losses).toEqual(judged.losses);
      expect(Object.keys(together.gradientNorms).sort()).toEqual(["critic", "painter"]);
      expect(together.gradientNorms.critic).toBeCloseTo(judged.gradientNorms.critic!, 4);
      expect(together.gradientNorms.painter).toBeCloseTo(painted.gradientNorms.painter!, 4);
      const apart = (a: ParameterState, b: ParameterState) =>
        a.firstMoment.reduce((most, value, index) => Math.max(most, Math.abs(value - b.firstMoment[index]!)), 0);
      expect(apart(state.critic!, afterJudging)).toBeLessThan(1e-5);
      expect(apart(state.painter!, afterPainting)).toBeLessThan(1e-5);
    });
  });
});
