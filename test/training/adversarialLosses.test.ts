import { describe, expect, it } from "vitest";
import { createRandom } from "../../src/core/index.js";
import { Graph, gradients, Operators, type Value } from "../../src/engine/onnx/index.js";
import {
  absoluteLoss,
  discriminatorLoss,
  generatorLoss,
  minimaxGeneratorLoss,
} from "../../src/training/losses/adversarial.js";
import { openGraph, tensor } from "../engine/onnx/runGraph.js";
import { gradientGap } from "./directions.js";

const shape = [2, 1, 1, 2] as const;
type Declared = (ops: Operators, first: Value, second: Value) => Value;

/** The loss over `first` and `second` with its gradient by `first`. */
const opened = (declare: Declared) => {
  const graph = new Graph("loss");
  const [first, second] = [graph.input("first", "float32", shape), graph.input("second", "float32", shape)];
  const loss = declare(new Operators(graph), first, second);
  graph.output("loss", loss);
  graph.output("gradient", gradients(graph, loss, [first])[0]!);
  return openGraph(graph);
};

const run = async (declare: Declared, first: readonly number[], second: readonly number[] = [0, 0, 0, 0]) => {
  await using graph = await opened(declare);
  const outputs = await graph.run({ first: tensor(shape, first), second: tensor(shape, second) });
  return { loss: outputs.loss!.data[0]!, gradient: [...outputs.gradient!.data] };
};

const critic: Declared = (ops, real, painted) => discriminatorLoss(ops, { real, painted });
const smoothed: Declared = (ops, real, painted) => discriminatorLoss(ops, { real, painted }, 0.9);
const painter: Declared = (ops, painted) => generatorLoss(ops, painted);
const minimax: Declared = (ops, painted) => minimaxGeneratorLoss(ops, painted);
const absolute: Declared = (ops, painted, real) => absoluteLoss(ops, painted, real);

const [real, painted] = [
  [0.5, -1, 2, 0],
  [-2, 1, 0.25, -0.5],
];
const d = (logit: number) => 1 / (1 + Math.exp(-logit));
const mean = (values: readonly number[], of: (value: number) => number) =>
  values.reduce((sum, value) => sum + of(value), 0) / values.length;
const onReal = mean(real, (x) => -Math.log(d(x)));
const onPainted = mean(painted, (x) => -Math.log(1 - d(x)));

describe("L_CGAN", () => {
  it("is -E[log D] - E[log(1 - D)] for the discriminator", async () => {
    expect((await run(critic, real, painted)).loss).toBeCloseTo(onReal + onPainted, 5);
    expect((await run(critic, [0, 0, 0, 0])).loss).toBeCloseTo(2 * Math.log(2), 6);
  });

  it("asks for a smoothed label on real pictures only", async () => {
    const expected = 0.9 * onReal + 0.1 * mean(real, (x) => -Math.log(1 - d(x))) + onPainted;
    expect((await run(smoothed, real, painted)).loss).toBeCloseTo(expected, 5);
    // Least where D is 0.9: no slope there.
    const best = Math.log(9);
    for (const slope of (await run(smoothed, [best, best, best, best])).gradient) expect(slope).toBeCloseTo(0, 6);
  });

  it("is -E[log D] or E[log(1 - D)] for the generator", async () => {
    expect((await run(painter, painted)).loss).toBeCloseTo(
      mean(painted, (x) => -Math.log(d(x))),
      5,
    );
    expect((await run(minimax, painted)).loss).toBeCloseTo(-onPainted, 5);
  });

  it("is finite with its gradients for any logits, and keeps the generator's slope where D is sure", async () => {
    const sure = [-300, -80, 80, 300];
    for (const declare of [critic, smoothed, painter, minimax]) {
      const { loss, gradient } = await run(declare, sure, sure);
      expect([loss, ...gradient].every(Number.isFinite)).toBe(true);
    }
    expect((await run(painter, [-300, -300, -300, -300])).gradient[0]).toBeCloseTo(-1 / 4, 6);
    expect((await run(minimax, [-300, -300, -300, -300])).gradient[0]).toBeCloseTo(0, 6);
  });
});

describe("L_L1", () => {
  it("is the mean of the absolute differences, its slope their sign", async () => {
    const { loss, gradient } = await run(absolute, [0.5, 0.25, 1, 0], [0.25, 0.5, 1, 1]);
    expect(loss).toBeCloseTo((0.25 + 0.25 + 0 + 1) / 4, 6);
    expect(gradient).toEqual([0.25, -0.25, 0, -0.25]);
  });
});

it.each(Object.entries({ critic, smoothed, painter, minimax, absolute }))(
  "%s has the gradient of finite differences",
  async (_, declare) => {
    await using graph = await opened(declare);
    const feeds = { first: tensor(shape, real), second: tensor(shape, painted) };
    expect(await gradientGap(graph, feeds, "first", { random: createRandom(3), step: 0.01 })).toBeLessThan(1e-3);
  },
);
