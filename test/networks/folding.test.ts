import { describe, expect, it } from "vitest";
import { createRandom, type Random } from "../../src/core/index.js";
import { Graph, Operators, type Value } from "../../src/engine/onnx/index.js";
import {
  type Activation,
  type ConvSpec,
  cellClassifier,
  cellClassifierInference,
  type Layers,
  type LinearSpec,
  leakySlope,
  ParameterSet,
  TrainingLayers,
  uNet,
  uNetInference,
  type Weights,
  weightsOf,
} from "../../src/networks/index.js";
import { evaluate, openGraph, relativeError, type Tensor, type Tensors } from "../engine/onnx/runGraph.js";

/** Folding changes the order of roundings only: each output may differ by 2e-5 of the largest. */
const tolerance = 2e-5;
const widths = [4, 6, 8, 8] as const;

/**
 * The network as it is in training, but normalised by running statistics: convolution, then subtraction of the mean,
 * division by the deviation, scale and shift, one after the other. The oracle of the folded network.
 */
class EvaluationLayers implements Layers {
  readonly ops: Operators;

  constructor(
    readonly graph: Graph,
    readonly weights: Weights,
  ) {
    this.ops = new Operators(graph);
  }

  conv(x: Value, { name, channels, kernel, stride = 1, norm, activation }: ConvSpec): Value {
    const { ops } = this;
    const weight = this.#constant(`${name}.weight`, [channels, Number(x.shape[1]), kernel, kernel]);
    const y = ops.conv(x, weight, { stride });
    const vector = (suffix: string) => this.#constant(`${name}.${suffix}`, [1, channels, 1, 1]);
    if (norm === "none") return this.#activate(ops.add(y, vector("bias")), activation);
    const deviation = ops.sqrt(ops.shift(vector("variance"), 1e-5));
    const normal = ops.div(ops.sub(y, vector("mean")), deviation);
    return this.#activate(ops.add(ops.mul(normal, vector("scale")), vector("shift")), activation);
  }

  linear(x: Value, { name, features, activation }: LinearSpec): Value {
    const product = this.ops.matMul(x, this.#constant(`${name}.weight`, [Number(x.shape[1]), features]));
    return this.#activate(this.ops.add(product, this.#constant(`${name}.bias`, [features])), activation);
  }

  #constant(name: string, shape: readonly number[]): Value {
    return this.graph.constant(this.weights.get(name)!, shape);
  }

  #activate(x: Value, activation: Activation): Value {
    if (activation === "none") return x;
    return activation === "leakyRelu" ? this.ops.leakyRelu(x, leakySlope) : this.ops[activation](x);
  }
}

/** A network in training mode; its weights are noise all over, so that no scale of 1 or mean of 0 hides a fault. */
const inTraining = (declare: (layers: TrainingLayers) => Readonly<Record<string, Value>>, random: Random) => {
  const graph = new Graph("training");
  const parameters = new ParameterSet(graph, "network");
  const outputs = declare(new TrainingLayers(graph, parameters));
  const state = parameters.initialise(random);
  for (const entry of parameters.entries) {
    if (entry.decays) continue;
    for (let at = entry.offset; at < entry.offset + entry.length; at += 1) {
      state.average[at] = state.average[at]! + 0.3 * random.normal();
    }
  }
  const statistics = Float32Array.from(
    state.statistics,
    (value) => value * (0.5 + random.next()) + 0.1 * random.next(),
  );
  return { graph, parameters, outputs, average: state.average, statistics };
};

const bytes = (dims: readonly number[], random: Random): Tensor => ({
  dims,
  data: Uint8Array.from({ length: dims.reduce((product, dim) => product * dim, 1) }, () => random.int(256)),
});

const close = (found: Tensors, expected: Tensors, names: readonly string[]) => {
  for (const name of names) {
    expect(found[name]!.dims, name).toEqual(expected[name]!.dims);
    expect(relativeError(found[name]!.data, expected[name]!.data), name).toBeLessThan(tolerance);
  }
};

describe("the inference U-Net", () => {
  const declare =
    (dims: readonly number[]) =>
    (layers: Layers): Readonly<Record<string, Value>> => {
      const field = layers.ops.graph.input("field", "uint8", dims);
      const { logits, extent } = uNet(layers, field, { widths });
      return { density: layers.ops.sigmoid(logits), extent };
    };

  it("is the network in training mode with running statistics, at any height and width", async () => {
    const random = createRandom(21);
    const { parameters, average, statistics } = inTraining(declare([1, 32, 32, 4]), random);
    const weights = weightsOf(parameters, { average, statistics });
    const opened = await openGraph(uNetInference(weights, { widths }));
    for (const [height, width] of [
      [32, 32],
      [16, 48],
      [64, 16],
    ] as const) {
      const field = bytes([1, height, width, 4], random);
      const oracle = new EvaluationLayers(new Graph("oracle"), weights);
      const expected = await evaluate(oracle.graph, declare(field.dims)(oracle), { field });
      const found = await opened.run({ field });
      expect(found.density!.dims).toEqual([1, 3, height / 2, width / 2]);
      expect(found.extent!.dims).toEqual([1, 12, height / 2, width / 2]);
      close(found, expected, ["density", "extent"]);
      expect(found.density!.data.every((value) => value >= 0 && value <= 1)).toBe(true);
      expect(found.extent!.data.every((value) => value >= 0)).toBe(true);
    }
    await opened[Symbol.asyncDispose]();
  });

  it("is the network in training where the running statistics are the batch's own", async () => {
    const random = createRandom(22);
    const { graph, parameters, outputs, average } = inTraining(declare([1, 48, 32, 4]), random);
    const statistics = new Operators(graph).concat(
      parameters.statistics.map(({ value }) => value),
      0,
    );
    const field = bytes([1, 48, 32, 4], random);
    const network = { dims: [parameters.length], data: average };
    const trained = await evaluate(graph, { ...outputs, statistics }, { field, network });
    const weights = weightsOf(parameters, { average, statistics: trained.statistics!.data as Float32Array });
    const opened = await openGraph(uNetInference(weights, { widths }));
    close(await opened.run({ field }), trained, ["density", "extent"]);
    await opened[Symbol.asyncDispose]();
  });
});

describe("the inference classifier", () => {
  it("is the network in training mode with running statistics, for any number of crops", async () => {
    const random = createRandom(23);
    const declare =
      (dims: readonly number[]) =>
      (layers: Layers): Readonly<Record<string, Value>> => ({
        logits: cellClassifier(layers, layers.ops.graph.input("crops", "uint8", dims), { widths }),
      });
    const { parameters, average, statistics } = inTraining(declare([1, 96, 96, 3]), random);
    const weights = weightsOf(parameters, { average, statistics });
    const opened = await openGraph(cellClassifierInference(weights, { widths }));
    for (const cells of [1, 3]) {
      const crops = bytes([cells, 96, 96, 3], random);
      const oracle = new EvaluationLayers(new Graph("oracle"), weights);
      const expected = await evaluate(oracle.graph, declare(crops.dims)(oracle), { crops });
      const found = await opened.run({ crops });
      expect(found.logits!.dims).toEqual([cells, 7]);
      close(found, expected, ["logits"]);
    }
    await opened[Symbol.asyncDispose]();
  });

  it("names a tensor that the weights lack", () => {
    expect(() => cellClassifierInference(new Map(), { widths })).toThrowError(
      expect.objectContaining({ code: "CHECKPOINT_INVALID" }),
    );
  });
});
