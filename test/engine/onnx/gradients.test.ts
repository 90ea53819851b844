import { beforeAll, describe, expect, it } from "vitest";
import { createRandom, type Random } from "../../../src/core/index.js";
import { gradientRules } from "../../../src/engine/onnx/gradientRules.js";
import { Graph, gradients, Operators, type Value } from "../../../src/engine/onnx/index.js";
import { loadTensorFlow, type TensorFlow } from "../../../src/engine/tfjs/library.js";
import { requireTensorFlow } from "../../requirements.js";
import { type Differentiated, differentiate } from "../tfjs/differentiate.js";
import { elementwiseCases } from "./elementwiseCases.js";
import { drawValues, type GradientCase } from "./gradientCase.js";
import { normalisationCases, pictureCases } from "./pictureCases.js";
import { openGraph, relativeError, sizeOf, type Tensor, type Tensors, tensor } from "./runGraph.js";
import { shapeCases } from "./shapeCases.js";

/**
 * Every gradient is checked twice.
 * - Finite differences: the derivative along random directions of ones and minus ones by the five-point stencil with
 *   step 0.02, of the weighted sum of the operator's float32 outputs, summed in float64. It may differ from the
 *   gradient's by 0.1 % of the gradient's norm, plus 1e-4.
 * - The engine tfjs, which is checked by it: the output and TensorFlow.js' own gradient of it, of which each element may
 *   differ by 1e-4 of the largest. In pure JavaScript, and by the native library where it is set up.
 */
const step = 0.02;
const directions = 6;
const ofNorm = 1e-3;
const absolute = 1e-4;
const ofLargest = 1e-4;

const cases = [...elementwiseCases, ...shapeCases, ...pictureCases];
const numbered = [...cases, ...normalisationCases].map((entry, seed) => [entry.title, entry, seed] as const);

/** The case's graph: `y`, and by each wanted input the gradient of sum(y * cotangent). */
const buildCase = (gradientCase: GradientCase, wantedIndices: readonly number[]) => {
  const graph = new Graph("case");
  const ops = new Operators(graph);
  const inputs = gradientCase.inputs.map(({ dims }, index) => graph.input(`x${index}`, "float32", dims));
  const y = gradientCase.build(ops, inputs);
  const cotangent = graph.input("cotangent", "float32", y.shape);
  const loss = ops.reduceSum(
    ops.mul(y, cotangent),
    y.shape.map((_, axis) => axis),
    false,
  );
  const operators = graph.nodes.map((node) => node.opType);
  const wanted = wantedIndices.map((index) => inputs[index]!);
  gradients(graph, loss, wanted).forEach((gradient, at) => {
    graph.output(`d${wantedIndices[at]}`, gradient);
    expect(gradient.shape).toEqual(wanted[at]!.shape);
  });
  graph.output("y", y);
  return { graph, operators, inputs, y, loss, yDims: y.shape as readonly number[] };
};

interface Built {
  readonly graph: Graph;
  readonly inputs: readonly Value[];
  readonly y: Value;
  readonly loss: Value;
}

const dot = (a: ArrayLike<number>, b: ArrayLike<number>): number => {
  let sum = 0;
  for (let index = 0; index < a.length; index += 1) sum += a[index]! * b[index]!;
  return sum;
};

const moved = (start: Tensor, direction: Float32Array, by: number): Tensor =>
  tensor(
    start.dims,
    Array.from(start.data, (value, index) => value + by * direction[index]!),
  );

/** d/dt of sum(y * cotangent) along a direction of one input. */
const slopeAlong = async (
  run: (feeds: Tensors) => Promise<Tensors>,
  feeds: Tensors,
  { name, direction }: { readonly name: string; readonly direction: Float32Array },
): Promise<number> => {
  const at = async (by: number): Promise<number> =>
    dot((await run({ ...feeds, [name]: moved(feeds[name]!, direction, by) })).y!.data, feeds.cotangent!.data);
  const near = (await at(step)) - (await at(-step));
  const far = (await at(2 * step)) - (await at(-2 * step));
  return (8 * near - far) / (12 * step);
};

const feedsOf = (gradientCase: GradientCase, yDims: readonly number[], random: Random): Tensors => ({
  ...Object.fromEntries(
    gradientCase.inputs.map((input, index) => [`x${index}`, tensor(input.dims, drawValues(input, random))]),
  ),
  cotangent: tensor(
    yDims,
    Array.from({ length: sizeOf(yDims) }, () => random.normal()),
  ),
});

/** The same graph by the engine tfjs. */
const byTensorFlow = (tf: TensorFlow, { graph, inputs, y, loss }: Built, feeds: Tensors): Differentiated =>
  differentiate(tf, { graph, loss, result: y, feeds, wanted: inputs.map(({ name }) => name) });

describe("gradients", () => {
  let tf: TensorFlow;
  beforeAll(async () => {
    tf = await loadTensorFlow("javascript");
  });

  it("has a case for every rule", () => {
    const covered = new Set(cases.map(({ operator }) => operator));
    expect(Object.keys(gradientRules).filter((operator) => !covered.has(operator))).toEqual([]);
  });

  it.each(numbered)("%s", async (_, gradientCase, seed) => {
    const random = createRandom(seed);
    const everything = gradientCase.inputs.map((_, index) => index);
    const built = buildCase(gradientCase, everything);
    const { graph, operators, yDims } = built;
    expect(operators).toContain(gradientCase.operator);
    const feeds = feedsOf(gradientCase, yDims, random);
    const opened = await openGraph(graph);
    const found = await opened.run(feeds);
    expect(found.y!.dims).toEqual(yDims);

    const expected = byTensorFlow(tf, built, feeds);
    expect(relativeError(expected.result, found.y!.data)).toBeLessThan(ofLargest);
    for (const index of everything) {
      const gradient = found[`d${index}`]!;
      expect(gradient.dims).toEqual(gradientCase.inputs[index]!.dims);
      expect(relativeError(gradient.data, expected.gradients[index]!)).toBeLessThan(ofLargest);
      const norm = Math.sqrt(dot(gradient.data, gradient.data));
      for (let trial = 0; trial < directions; trial += 1) {
        const direction = Float32Array.from(gradient.data, () => (random.int(2) === 0 ? -1 : 1));
        const slope = await slopeAlong(opened.run, feeds, { name: `x${index}`, direction });
        expect(Math.abs(slope - dot(gradient.data, direction))).toBeLessThan(ofNorm * norm + absolute);
      }
    }
    await opened[Symbol.asyncDispose]();

    // The same when the other inputs are frozen.
    if (everything.length > 1) {
      for (const index of everything) {
        const alone = await openGraph(buildCase(gradientCase, [index]).graph);
        const name = `d${index}`;
        expect(relativeError((await alone.run(feeds))[name]!.data, found[name]!.data)).toBeLessThan(1e-6);
        await alone[Symbol.asyncDispose]();
      }
    }
  });
});

describe.skipIf(!requireTensorFlow())("TensorFlow's library (needs npm run setup:tensorflow)", () => {
  let tf: TensorFlow;
  beforeAll(async () => {
    tf = await loadTensorFlow("native");
  });

  it.each(numbered)("computes and differentiates as onnxruntime: %s", async (_, gradientCase, seed) => {
    const everything = gradientCase.inputs.map((_, index) => index);
    const built = buildCase(gradientCase, everything);
    const feeds = feedsOf(gradientCase, built.yDims, createRandom(seed));
    await using opened = await openGraph(built.graph);
    const found = await opened.run(feeds);
    const { result, gradients: native } = byTensorFlow(tf, built, feeds);
    expect(relativeError(result, found.y!.data)).toBeLessThan(ofLargest);
    for (const index of everything) {
      expect(relativeError(native[index]!, found[`d${index}`]!.data)).toBeLessThan(ofLargest);
    }
  });
});
