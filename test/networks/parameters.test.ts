import { describe, expect, it } from "vitest";
import { createRandom } from "../../src/core/index.js";
import { Graph, Operators } from "../../src/engine/onnx/index.js";
import { globalMean, ParameterSet, requireMultiple, TrainingLayers, weightsOf } from "../../src/networks/index.js";
import { evaluate, relativeError, tensor } from "../engine/onnx/runGraph.js";

const internal = expect.objectContaining({ code: "INTERNAL" });

const smallNetwork = () => {
  const graph = new Graph("small");
  const parameters = new ParameterSet(graph, "small");
  const layers = new TrainingLayers(graph, parameters);
  const run = (name: string) => {
    const x = graph.input(name, "float32", [2, 3, 5, 4]);
    const first = { name: "first", channels: 4, kernel: 3, norm: "batch", activation: "relu" } as const;
    const second = { name: "second", channels: 2, kernel: 1, norm: "none", activation: "none", bias: -3 } as const;
    const y = layers.conv(layers.conv(x, first), second);
    return layers.linear(globalMean(layers.ops, y), { name: "out", features: 5, activation: "tanh" });
  };
  return { graph, parameters, layers, run };
};

describe("a parameter set", () => {
  it("lays its parameters out one after the other and knows which decay", () => {
    const { parameters, run } = smallNetwork();
    expect(run("x").shape).toEqual([2, 5]);
    expect(parameters.entries.map(({ name, shape, decays }) => [name, shape, decays])).toEqual([
      ["first.weight", [4, 3, 3, 3], true],
      ["first.scale", [4], false],
      ["first.shift", [4], false],
      ["second.weight", [2, 4, 1, 1], true],
      ["second.bias", [2], false],
      ["out.weight", [2, 5], true],
      ["out.bias", [5], false],
    ]);
    let end = 0;
    for (const { offset, length, shape } of parameters.entries) {
      expect(offset).toBe(end);
      expect(length).toBe(shape.reduce((product, dim) => product * dim, 1));
      end += length;
    }
    expect(parameters.length).toBe(end);
    expect(parameters.input.shape).toEqual([end]);
    expect(parameters.statistics.map(({ name }) => name)).toEqual(["first.mean", "first.variance"]);
    expect(parameters.statisticsLength).toBe(8);
  });

  it("starts from its seed alone: normal weights of the gain's variance, scales 1, given biases, variances 1", () => {
    const graph = new Graph("wide");
    const parameters = new ParameterSet(graph, "wide");
    const layers = new TrainingLayers(graph, parameters);
    const x = graph.input("x", "float32", [1, 64, 4, 4]);
    const spec = { channels: 64, kernel: 3, norm: "batch", activation: "none" } as const;
    layers.conv(layers.conv(x, { ...spec, name: "a" }), { ...spec, name: "b", gain: 1, norm: "none", bias: 0.25 });
    const state = parameters.initialise(createRandom(11));
    const bits = (vector: Float32Array) => Buffer.from(vector.buffer).toString("base64");
    expect(bits(parameters.initialise(createRandom(11)).parameters)).toBe(bits(state.parameters));
    expect(bits(parameters.initialise(createRandom(12)).parameters)).not.toBe(bits(state.parameters));
    expect(bits(state.average)).toBe(bits(state.parameters));
    const weights = weightsOf(parameters, state);
    for (const [name, gain] of [["a", 2] as const, ["b", 1] as const]) {
      const drawn = weights.get(`${name}.weight`)!;
      const variance = drawn.reduce((sum, value) => sum + value * value, 0) / drawn.length;
      expect(variance * 64 * 9).toBeCloseTo(gain, 1);
    }
    expect(weights.get("a.scale")!.every((value) => value === 1)).toBe(true);
    expect(weights.get("b.bias")!.every((value) => value === 0.25)).toBe(true);
    expect(weights.get("a.mean")!.every((value) => value === 0)).toBe(true);
    expect(weights.get("a.variance")!.every((value) => value === 1)).toBe(true);
    expect(state.firstMoment.length).toBe(parameters.length);
  });

  it("gives the same parameter again, and refuses another shape under its name", () => {
    const { graph } = smallNetwork();
    const parameters = new ParameterSet(graph, "other");
    const start = { kind: "constant", value: 0 } as const;
    const first = parameters.parameter("a", [2, 3], start, true);
    expect(parameters.parameter("a", [2, 3], start, true)).toBe(first);
    expect(() => parameters.parameter("a", [3, 2], start, true)).toThrowError(internal);
    expect(parameters.length).toBe(6);
  });

  it("shares the parameters of a network that runs twice, of whose statistics the last run's count", async () => {
    const { graph, parameters, run } = smallNetwork();
    const [once, twice] = [run("real"), run("painted")];
    expect(parameters.entries).toHaveLength(7);
    const random = createRandom(2);
    const normal = (length: number, mean = 0) => Float32Array.from({ length }, () => mean + random.normal());
    const dims = [2, 3, 5, 4];
    const state = parameters.initialise(random);
    const [mean, variance] = parameters.statistics.map(({ value }) => value);
    const outputs = { once, twice, mean: mean!, variance: variance! };
    const feeds = { real: tensor(dims, normal(120)), painted: tensor(dims, normal(120, 2)) };
    const small = tensor([parameters.length], state.parameters);
    const found = await evaluate(graph, outputs, { ...feeds, small });

    const alone = smallNetwork();
    const y = alone.run("x");
    const [loneMean, loneVariance] = alone.parameters.statistics.map(({ value }) => value);
    const lone = { y, mean: loneMean!, variance: loneVariance! };
    const expected = await evaluate(alone.graph, lone, { x: feeds.painted, small });
    expect(relativeError(found.twice!.data, expected.y!.data)).toBeLessThan(1e-6);
    expect(relativeError(found.mean!.data, expected.mean!.data)).toBeLessThan(1e-6);
    expect(relativeError(found.variance!.data, expected.variance!.data)).toBeLessThan(1e-6);
    expect(relativeError(found.once!.data, expected.y!.data)).toBeGreaterThan(1e-2);
  });
});

describe("a picture's sides", () => {
  it("are multiples of what the network needs, where they are known", () => {
    const graph = new Graph("sides");
    expect(() => requireMultiple(graph.input("a", "float32", [1, 3, 32, 48]), 16)).not.toThrow();
    expect(() => requireMultiple(graph.input("b", "float32", [1, 3, 32, 40]), 16)).toThrowError(internal);
    expect(() => requireMultiple(graph.input("c", "float32", [1, 3, "h", 40]), 16)).not.toThrow();
  });

  it("must be known in channels", () => {
    const graph = new Graph("channels");
    const layers = new TrainingLayers(graph, new ParameterSet(graph, "set"));
    const x = graph.input("x", "float32", [1, "channels", 4, 4]);
    const spec = { name: "a", channels: 1, kernel: 1, norm: "none", activation: "none" } as const;
    expect(() => layers.conv(x, spec)).toThrowError(internal);
    expect(() => new Operators(graph).conv(x, x)).toThrowError(internal);
  });
});
