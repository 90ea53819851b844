import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Graph, gradients, Operators } from "../../src/engine/onnx/index.js";
import { crossEntropy } from "../../src/training/losses/classification.js";
import { type DetectionLossOptions, detectionLoss } from "../../src/training/losses/detection.js";
import { type OpenGraph, openGraph, relativeError, tensor } from "../engine/onnx/runGraph.js";

const side = 2;
const plane = side * side;
const classes = 3;
const options: DetectionLossOptions = {
  classWeights: [1, 2, 4],
  extentWeight: 0.5,
  overlapWeight: 0.25,
  leastSidePx: 6,
};

/** One picture of 2x2 map pixels, three classes. */
interface Sample {
  readonly logits: readonly number[];
  readonly found: readonly number[];
  readonly density: readonly number[];
  readonly extent: readonly number[];
  readonly weight: readonly number[];
  readonly valid: readonly number[];
}

const dims = {
  logits: [1, classes, side, side],
  found: [1, 4 * classes, side, side],
  density: [1, classes, side, side],
  extent: [1, classes, 4, side, side],
  weight: [1, classes, side, side],
  valid: [1, classes, side, side],
} as const;

const fill = (length: number, value: number) => new Array<number>(length).fill(value);
const blank: Sample = {
  logits: fill(12, -20),
  found: fill(48, 10),
  density: fill(12, 0),
  extent: fill(48, 0),
  weight: fill(12, 0),
  valid: fill(12, 1),
};
const put = (values: readonly number[], at: number, value: number) => values.with(at, value);

/** The four sides of class 0 at pixel 0. */
const sides = (values: readonly number[], four: readonly number[]): number[] =>
  values.map((value, index) => (index < 4 * plane && index % plane === 0 ? four[index / plane]! : value));

const detectionGraph = (): Graph => {
  const graph = new Graph("detection-loss");
  const ops = new Operators(graph);
  const input = (name: keyof typeof dims) => graph.input(name, "float32", dims[name]);
  const logits = input("logits");
  const found = input("found");
  const loss = detectionLoss(
    ops,
    { logits, extent: found },
    { density: input("density"), extent: input("extent"), extentWeight: input("weight"), valid: input("valid") },
    options,
  );
  const [byLogits, byFound] = gradients(graph, loss.total, [logits, found]);
  graph.output("total", loss.total);
  graph.output("density.loss", loss.density);
  graph.output("extent.loss", loss.extent);
  graph.output("overlap.loss", loss.overlap);
  graph.output("byLogits", byLogits!);
  graph.output("byFound", byFound!);
  return graph;
};

describe("the detector's loss", () => {
  let opened: OpenGraph;
  beforeAll(async () => {
    opened = await openGraph(detectionGraph());
  });
  afterAll(() => opened[Symbol.asyncDispose]());

  const lossOf = async (sample: Sample) => {
    const feeds = Object.fromEntries(
      Object.entries(dims).map(([name, shape]) => [name, tensor(shape, sample[name as keyof Sample])]),
    );
    const outputs = await opened.run(feeds);
    return {
      total: outputs.total!.data[0]!,
      density: outputs["density.loss"]!.data[0]!,
      extent: outputs["extent.loss"]!.data[0]!,
      overlap: outputs["overlap.loss"]!.data[0]!,
      byLogits: outputs.byLogits!.data,
      byFound: outputs.byFound!.data,
    };
  };

  it("is (1 - p)^2 (-log p) at a peak, by class weight and per peak", async () => {
    const p = 1 / (1 + Math.exp(-0.5));
    for (const [index, weight] of options.classWeights.entries()) {
      const at = index * plane + 1;
      const sample = { ...blank, logits: put(blank.logits, at, 0.5), density: put(blank.density, at, 1) };
      expect((await lossOf(sample)).density).toBeCloseTo(weight * (1 - p) ** 2 * -Math.log(p), 5);
    }
    const two = {
      ...blank,
      logits: put(put(blank.logits, 0, 0.5), 3, 0.5),
      density: put(put(blank.density, 0, 1), 3, 1),
    };
    expect((await lossOf(two)).density).toBeCloseTo((1 - p) ** 2 * -Math.log(p), 5);
  });

  it("is (1 - y)^4 p^2 (-log(1 - p)) beside peaks", async () => {
    const p = 1 / (1 + Math.exp(1));
    const sample = { ...blank, logits: put(blank.logits, 2, -1), density: put(blank.density, 2, 0.6) };
    expect((await lossOf(sample)).density).toBeCloseTo(0.4 ** 4 * p ** 2 * -Math.log(1 - p), 7);
  });

  it("does not ask for a density where it is not known", async () => {
    const sample = { ...blank, logits: put(blank.logits, 5, 9), valid: put(blank.valid, 5, 0) };
    const loss = await lossOf(sample);
    expect(loss.density).toBeCloseTo(0, 6);
    expect(loss.byLogits[5]).toBe(0);
  });

  it("is the extents' error relative to the box along each axis", async () => {
    const truth = { extent: sides(blank.extent, [4, 6, 8, 10]), weight: put(blank.weight, 0, 0.5) };
    const sample = { ...blank, ...truth, found: sides(blank.found, [5, 6, 5, 13]) };
    const across = (1 + 3) / (4 + 8);
    const down = (0 + 3) / (6 + 10);
    const loss = await lossOf(sample);
    expect(loss.extent).toBeCloseTo((0.5 * (across + down)) / 2, 6);
    expect(loss.total).toBeCloseTo(loss.density + 0.5 * loss.extent + 0.25 * loss.overlap, 6);
  });

  it("is what the boxes lack in overlap: 1 - IoU, by class weight", async () => {
    const truth = { extent: sides(blank.extent, [4, 6, 8, 10]), weight: put(blank.weight, 0, 0.5) };
    const intersection = (4 + 5) * (6 + 10);
    const union = (5 + 5) * (6 + 13) + (4 + 8) * (6 + 10) - intersection;
    const loss = await lossOf({ ...blank, ...truth, found: sides(blank.found, [5, 6, 5, 13]) });
    expect(loss.overlap).toBeCloseTo(0.5 * (1 - intersection / union), 6);
    const apart = await lossOf({ ...blank, ...truth, found: sides(blank.found, [0, 0, 0, 0]) });
    expect(apart.overlap).toBeCloseTo(0.5, 6);
  });

  it("divides a tiny box's error by the least side", async () => {
    const truth = { extent: sides(blank.extent, [1, 1, 1, 1]), weight: put(blank.weight, 0, 1) };
    const loss = await lossOf({ ...blank, ...truth, found: sides(blank.found, [2, 1, 1, 1]) });
    expect(loss.extent).toBeCloseTo(1 / 6 / 2, 6);
  });

  it("is nothing, with no gradient, for what is found perfectly", async () => {
    const truth = { extent: sides(blank.extent, [8, 8, 8, 8]), weight: put(blank.weight, 0, 1) };
    const sample = {
      ...blank,
      ...truth,
      density: put(blank.density, 0, 1),
      logits: put(blank.logits, 0, 20),
      found: sides(blank.found, [8, 8, 8, 8]),
    };
    const loss = await lossOf(sample);
    expect(loss.total).toBeGreaterThanOrEqual(0);
    expect(loss.total).toBeLessThan(1e-6);
    expect(Math.max(...loss.byLogits.map(Math.abs), ...loss.byFound.map(Math.abs))).toBeLessThan(1e-6);
  });

  it("is never negative, and finite with its gradients, whatever the logits and targets", async () => {
    const many = (least: number, most: number, length: number) =>
      fc.array(fc.double({ min: least, max: most, noNaN: true }), { minLength: length, maxLength: length });
    const sample = fc.record({
      logits: many(-200, 200, 12),
      found: many(0, 300, 48),
      density: fc.array(fc.oneof(fc.constant(1), fc.double({ min: 0, max: 1, noNaN: true })), {
        minLength: 12,
        maxLength: 12,
      }),
      extent: many(0, 100, 48),
      weight: many(0, 1, 12),
      valid: fc.array(fc.constantFrom(0, 1), { minLength: 12, maxLength: 12 }),
    });
    await fc.assert(
      fc.asyncProperty(sample, async (drawn) => {
        const loss = await lossOf(drawn);
        for (const part of [loss.density, loss.extent]) expect(part >= 0 && part < 1e6).toBe(true);
        // 1 - IoU is rounded: the least bit below nothing where the boxes are the same.
        expect(loss.overlap).toBeGreaterThan(-1e-5);
        expect(loss.total > -1e-5 && loss.total < 1e6).toBe(true);
        expect([...loss.byLogits, ...loss.byFound].every(Number.isFinite)).toBe(true);
      }),
    );
  });
});

describe("cross-entropy", () => {
  const [samples, kinds] = [2, 3];
  let opened: OpenGraph;
  beforeAll(async () => {
    const graph = new Graph("cross-entropy");
    const logits = graph.input("logits", "float32", [samples, kinds]);
    const labels = graph.input("labels", "float32", [samples, kinds]);
    const loss = crossEntropy(new Operators(graph), logits, labels);
    const [gradient] = gradients(graph, loss, [logits]);
    graph.output("loss", loss);
    graph.output("gradient", gradient!);
    opened = await openGraph(graph);
  });
  afterAll(() => opened[Symbol.asyncDispose]());

  const run = async (logits: readonly number[], labels: readonly number[]) => {
    const shape = [samples, kinds];
    const outputs = await opened.run({ logits: tensor(shape, logits), labels: tensor(shape, labels) });
    return { loss: outputs.loss!.data[0]!, gradient: outputs.gradient!.data };
  };

  it("is the mean of -log of the label's probability", async () => {
    const uniform = await run([0, 0, 0, 0, 0, 0], [1, 0, 0, 0, 1, 0]);
    expect(uniform.loss).toBeCloseTo(Math.log(3), 6);
    const logOf = (first: number, ...rest: number[]) =>
      Math.log([first, ...rest].reduce((sum, logit) => sum + Math.exp(logit), 0));
    const { loss } = await run([1, 2, 3, -1, 0, 0.5], [0, 0, 1, 0.9, 0.1, 0]);
    const expected = (logOf(1, 2, 3) - 3 + logOf(-1, 0, 0.5) - (0.9 * -1 + 0.1 * 0)) / 2;
    expect(loss).toBeCloseTo(expected, 6);
  });

  it("has the gradient (softmax - label) / N", async () => {
    const labels = [1, 0, 0, 0.2, 0.3, 0.5];
    const logits = [0.3, -1, 2, 0, 1, -2];
    const softmax = [logits.slice(0, 3), logits.slice(3)].flatMap((row) => {
      const total = row.reduce((sum, logit) => sum + Math.exp(logit), 0);
      return row.map((logit) => Math.exp(logit) / total);
    });
    const expected = softmax.map((probability, index) => (probability - labels[index]!) / samples);
    expect(relativeError((await run(logits, labels)).gradient, expected)).toBeLessThan(1e-5);
  });

  it("is nothing for sure and right answers, and never negative", async () => {
    expect((await run([60, 0, 0, 0, 0, 60], [1, 0, 0, 0, 0, 1])).loss).toBeCloseTo(0, 6);
    const logits = fc.array(fc.double({ min: -500, max: 500, noNaN: true }), { minLength: 6, maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(logits, fc.nat(2), fc.nat(2), async (drawn, first, second) => {
        const labels = fill(6, 0)
          .with(first, 1)
          .with(kinds + second, 1);
        const { loss, gradient } = await run(drawn, labels);
        expect(loss >= 0 && Number.isFinite(loss)).toBe(true);
        expect(gradient.every(Number.isFinite)).toBe(true);
      }),
    );
  });
});
