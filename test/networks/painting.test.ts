import { describe, expect, it } from "vitest";
import { createRandom, type Random } from "../../src/core/index.js";
import { Graph, Operators, type Value } from "../../src/engine/onnx/index.js";
import {
  type ConvSpec,
  defaultMultiScaleDiscriminator,
  defaultPatchDiscriminator,
  dropoutMask,
  type GeneratorOptions,
  generator,
  generatorInference,
  generatorWidths,
  type Layers,
  type LinearSpec,
  multiScaleDiscriminator,
  ParameterSet,
  patchDiscriminator,
  TrainingLayers,
  weightsOf,
} from "../../src/networks/index.js";
import { evaluate, openGraph, relativeError, type Tensor, tensor } from "../engine/onnx/runGraph.js";

const noise = (dims: readonly number[], random: Random): Tensor =>
  tensor(
    dims,
    Array.from({ length: dims.reduce((product, dim) => product * dim, 1) }, () => random.next()),
  );

/** Layers that remember what was asked of them. */
class WatchedLayers implements Layers {
  readonly ops: Operators;
  readonly convs: ConvSpec[] = [];

  constructor(readonly inner: Layers) {
    this.ops = inner.ops;
  }

  conv(x: Value, spec: ConvSpec): Value {
    this.convs.push(spec);
    return this.inner.conv(x, spec);
  }

  linear(x: Value, spec: LinearSpec): Value {
    return this.inner.linear(x, spec);
  }
}

const declare = () => {
  const graph = new Graph("painting");
  const parameters = new ParameterSet(graph, "network");
  return { graph, parameters, layers: new WatchedLayers(new TrainingLayers(graph, parameters)) };
};

const small: GeneratorOptions = { maskPlanes: 2, noisePlanes: 1, widths: [4, 6, 6, 8, 8] };

const declareGenerator = (options: GeneratorOptions, [n, h, w]: readonly [number, number, number]) => {
  const declared = declare();
  const { graph } = declared;
  const planes = (name: string, count: number) => graph.input(name, "float32", [n, count, h, w]);
  const inputs = {
    masks: planes("masks", options.maskPlanes),
    stain: graph.input("stain", "float32", [n, 9]),
    noise: options.noisePlanes > 0 ? planes("noise", options.noisePlanes) : undefined,
  };
  return { ...declared, picture: generator(declared.layers, inputs, options) };
};

const paintingFeeds = (
  { maskPlanes, noisePlanes }: GeneratorOptions,
  [n, h, w]: readonly number[],
  random: Random,
) => ({
  masks: noise([n!, maskPlanes, h!, w!], random),
  stain: noise([n!, 9], random),
  noise: noise([n!, noisePlanes, h!, w!], random),
});

describe("the generator", () => {
  it("paints what the network in training paints where the running statistics are the batch's own", async () => {
    const random = createRandom(1);
    const size = [2, 32, 48] as const;
    const { graph, parameters, picture } = declareGenerator(small, size);
    const { average } = parameters.initialise(random);
    const feeds = paintingFeeds(small, size, random);
    const statistics = new Operators(graph).concat(
      parameters.statistics.map(({ value }) => value),
      0,
    );
    const network = tensor([parameters.length], average);
    const trained = await evaluate(graph, { picture, statistics }, { ...feeds, network });
    expect(trained.picture!.dims).toEqual([2, 3, 32, 48]);
    expect(trained.picture!.data.every((value) => value > 0 && value < 1)).toBe(true);
    const weights = weightsOf(parameters, { average, statistics: trained.statistics!.data as Float32Array });
    await using opened = await openGraph(generatorInference(weights, small));
    const painted = await opened.run(feeds);
    expect(relativeError(painted.picture!.data, trained.picture!.data)).toBeLessThan(2e-5);
    const other = await opened.run(paintingFeeds(small, [1, 16, 64], random));
    expect(other.picture!.dims).toEqual([1, 3, 16, 64]);
  });

  it("paints by stain as by masks: neither is lost on the way", async () => {
    const random = createRandom(2);
    const options = { ...small, noisePlanes: 0 };
    const { parameters } = declareGenerator(options, [1, 32, 32]);
    const weights = weightsOf(parameters, parameters.initialise(random));
    await using opened = await openGraph(generatorInference(weights, options));
    const { masks, stain } = paintingFeeds(options, [1, 32, 32], random);
    const paint = async (changed: Partial<{ masks: Tensor; stain: Tensor }>) =>
      (await opened.run({ masks, stain, ...changed })).picture!.data;
    const picture = await paint({});
    expect(await paint({})).toEqual(picture);
    expect(relativeError(await paint({ stain: noise([1, 9], random) }), picture)).toBeGreaterThan(0.01);
    expect(relativeError(await paint({ masks: noise([1, 2, 32, 32], random) }), picture)).toBeGreaterThan(0.01);
  });

  it("has no normalisation in its first layer, and 1.6 million parameters", () => {
    const { layers, parameters } = declareGenerator(
      { maskPlanes: 5, noisePlanes: 0, widths: generatorWidths },
      [1, 32, 32],
    );
    expect(layers.convs[0]!.norm).toBe("none");
    expect(layers.convs.slice(1, -1).every(({ norm }) => norm === "batch")).toBe(true);
    expect(parameters.length).toBe(1_626_883);
  });

  it("refuses sides that are no multiple of 16", () => {
    expect(() => declareGenerator(small, [1, 32, 40])).toThrowError(expect.objectContaining({ code: "INTERNAL" }));
  });
});

const declarePair = (side: number, batch = 2) => {
  const declared = declare();
  const plane = (name: string, count: number) => declared.graph.input(name, "float32", [batch, count, side, side]);
  return { ...declared, pair: { picture: plane("picture", 3), masks: plane("masks", 2) } };
};

describe("the discriminator of patches", () => {
  it("gives each logit 70x70 pixels to see", () => {
    const { layers, pair } = declarePair(128);
    expect(patchDiscriminator(layers, pair).shape).toEqual([2, 1, 14, 14]);
    const field = layers.convs.reduceRight((size, { kernel, stride = 1 }) => (size - 1) * stride + kernel, 1);
    expect(field).toBe(70);
    expect(layers.convs.map(({ channels }) => channels)).toEqual([...defaultPatchDiscriminator.widths, 1]);
  });
});

describe("the multi-scale discriminator", () => {
  const options = { widths: [2, 3, 3], features: 5 } as const;

  it("has three kernels side by side in each block and means of four grids", () => {
    const { layers, parameters, pair } = declarePair(128);
    expect(multiScaleDiscriminator(layers, pair).shape).toEqual([2, 1]);
    expect(layers.convs.map(({ kernel, stride }) => [kernel, stride])).toEqual(
      [0, 1, 2].flatMap(() => [3, 5, 7].map((kernel) => [kernel, 2])),
    );
    const last = 3 * defaultMultiScaleDiscriminator.widths[2];
    const shapes = new Map(parameters.entries.map(({ name, shape }) => [name, shape]));
    expect(shapes.get("features.weight")).toEqual([last * (64 + 16 + 4 + 1), defaultMultiScaleDiscriminator.features]);
  });

  it("judges the same by the same dropout, and otherwise by another", async () => {
    const random = createRandom(3);
    const { graph, parameters, layers, pair } = declarePair(64);
    const dropout = graph.input("dropout", "float32", [2, options.features]);
    graph.output("logits", multiScaleDiscriminator(layers, pair, dropout, options));
    await using opened = await openGraph(graph);
    const network = tensor([parameters.length], parameters.initialise(random).parameters);
    const shared = { network, picture: noise([2, 3, 64, 64], random), masks: noise([2, 2, 64, 64], random) };
    const judge = async (kept: readonly number[]) =>
      (await opened.run({ ...shared, dropout: tensor([2, options.features], kept) })).logits!.data;
    const all = await judge(new Array(10).fill(1));
    expect(await judge(new Array(10).fill(1))).toEqual(all);
    // Nothing kept: the last layer's bias alone.
    expect([...(await judge(new Array(10).fill(0)))]).toEqual([0, 0]);
    expect(relativeError(await judge([2, 0, 2, 0, 2, 0, 2, 0, 2, 0]), all)).toBeGreaterThan(0.001);
  });

  it("refuses pairs that its grids do not fit on", () => {
    const { layers, pair } = declarePair(96);
    const refuse = () => multiScaleDiscriminator(layers, pair);
    expect(refuse).toThrowError(expect.objectContaining({ code: "INTERNAL" }));
  });
});

describe("dropout", () => {
  it("silences its part, keeps the mean, and is the same for the same seed", () => {
    const kept = dropoutMask(createRandom(4), 20_000, 0.3);
    expect(dropoutMask(createRandom(4), 20_000, 0.3)).toEqual(kept);
    expect([...new Set(kept)].sort()).toEqual([0, Math.fround(1 / 0.7)]);
    expect(kept.reduce((sum, value) => sum + value, 0) / kept.length).toBeCloseTo(1, 1);
    expect(kept.filter((value) => value === 0).length / kept.length).toBeCloseTo(0.3, 1);
  });
});
