import { CytoError } from "../core/index.js";
import { batchNormalise, type Graph, Operators, staticShape, type Value } from "../engine/onnx/index.js";
import type { ParameterSet, Weights } from "./parameters.js";

export type Activation = "relu" | "leakyRelu" | "sigmoid" | "tanh" | "none";

export interface ConvSpec {
  /** Unique in the network; parameters are called `<name>.weight` and so on. */
  readonly name: string;
  readonly channels: number;
  readonly kernel: number;
  readonly stride?: number;
  readonly pads?: number;
  readonly norm: "batch" | "none";
  readonly activation: Activation;
  /** Start value of the bias, where there is no normalisation. */
  readonly bias?: number;
  /** Variance gain of the initial weights, 2 by default (rectifiers). */
  readonly gain?: number;
}

export interface LinearSpec {
  readonly name: string;
  readonly features: number;
  readonly activation: Activation;
}

/**
 * The layers of which networks are declared. One declaration serves training (parameters are slices of a vector that
 * the optimiser moves; normalisation by batch statistics) and inference (weights are constants; normalisation folded
 * into the convolution before it).
 */
export interface Layers {
  readonly ops: Operators;
  /** [N,C,H,W] -> [N,channels,H',W'] */
  conv(x: Value, spec: ConvSpec): Value;
  /** `convUp` by a way of its own, where there is a quicker one. */
  convUp?(skip: Value, x: Value, spec: ConvSpec): Value;
  /** [N,features] -> [N,features'] */
  linear(x: Value, spec: LinearSpec): Value;
}

export const leakySlope = 0.2;
/** Added to variances before their root is taken. */
export const normEpsilon = 1e-5;

export const activate = (ops: Operators, x: Value, activation: Activation): Value => {
  switch (activation) {
    case "none":
      return x;
    case "leakyRelu":
      return ops.leakyRelu(x, leakySlope);
    default:
      return ops[activation](x);
  }
};

export const channelsOf = (x: Value): number => {
  const channels = x.shape[1];
  if (typeof channels !== "number") throw new CytoError("INTERNAL", `${x.name} needs a known number of channels`);
  return channels;
};

/**
 * The 3x3 convolution over `skip` [N,C,H,W] and, behind it, `x` [N,C',H/2,W/2] enlarged to twice its size by its nearest
 * pixels: -> [N,channels,H,W].
 */
export const convUp = (layers: Layers, skip: Value, x: Value, spec: ConvSpec): Value =>
  layers.convUp?.(skip, x, spec) ?? layers.conv(layers.ops.concat([skip, layers.ops.upsample(x, 2)], 1), spec);

export class TrainingLayers implements Layers {
  readonly ops: Operators;
  readonly #parameters: ParameterSet;

  constructor(graph: Graph, parameters: ParameterSet) {
    this.ops = new Operators(graph);
    this.#parameters = parameters;
  }

  conv(x: Value, spec: ConvSpec): Value {
    const { ops } = this;
    const { name, channels, kernel, stride = 1 } = spec;
    const inputs = channelsOf(x);
    const weight = this.#weight(name, [channels, inputs, kernel, kernel], inputs * kernel * kernel, spec.gain);
    const window = { stride, ...(spec.pads === undefined ? {} : { pads: spec.pads }) };
    if (spec.norm === "none") {
      const bias = this.#vector(`${name}.bias`, channels, spec.bias ?? 0);
      return activate(ops, ops.conv(x, weight, { ...window, bias }), spec.activation);
    }
    const scale = this.#vector(`${name}.scale`, channels, 1);
    const bias = this.#vector(`${name}.shift`, channels, 0);
    const batch = batchNormalise(ops, { x: ops.conv(x, weight, window), scale, bias, epsilon: normEpsilon });
    this.#parameters.statistic(`${name}.mean`, batch.mean);
    this.#parameters.statistic(`${name}.variance`, batch.variance);
    return activate(ops, batch.output, spec.activation);
  }

  linear(x: Value, { name, features, activation }: LinearSpec): Value {
    const inputs = channelsOf(x);
    const weight = this.#weight(name, [inputs, features], inputs);
    const bias = this.#vector(`${name}.bias`, features, 0);
    return activate(this.ops, this.ops.add(this.ops.matMul(x, weight), bias), activation);
  }

  #weight(name: string, shape: readonly number[], fanIn: number, gain = 2): Value {
    return this.#parameters.parameter(`${name}.weight`, shape, { kind: "fanIn", fanIn, gain }, true);
  }

  #vector(name: string, length: number, value: number): Value {
    return this.#parameters.parameter(name, [length], { kind: "constant", value }, false);
  }
}

export class InferenceLayers implements Layers {
  readonly ops: Operators;
  readonly #graph: Graph;
  readonly #weights: Weights;

  constructor(graph: Graph, weights: Weights) {
    this.ops = new Operators(graph);
    this.#graph = graph;
    this.#weights = weights;
  }

  conv(x: Value, spec: ConvSpec): Value {
    const { name, channels, kernel, stride = 1 } = spec;
    const shape = [channels, channelsOf(x), kernel, kernel];
    const folded = foldedConv(this.#weights, spec);
    const weight = this.#graph.constant(folded.weight, shape, `${name}.weight`);
    const bias = this.#graph.constant(folded.bias, [channels], `${name}.bias`);
    const window = { stride, bias, ...(spec.pads === undefined ? {} : { pads: spec.pads }) };
    return activate(this.ops, this.ops.conv(x, weight, window), spec.activation);
  }

  /**
   * Nothing is enlarged: of the nine weights those that meet the same small pixel are added up, which leaves four for each of the
   * four places in it. That is 4/9 of the arithmetic, and no large tensor.
   */
  convUp(skip: Value, x: Value, spec: ConvSpec): Value {
    const { name, channels } = spec;
    const [skips, inputs] = [channelsOf(skip), channelsOf(x)];
    const { weight, bias } = foldedConv(this.#weights, spec);
    const { beside, behind } = splitKernels(weight, { channels, skips, inputs });
    const constant = (values: Float32Array, shape: readonly number[], part: string): Value =>
      this.#graph.constant(values, shape, `${name}.${part}`);
    const places = [0, 1, 2, 3].map((place) => {
      const [down, across] = [place >> 1, place & 1];
      const kernel = constant(placeKernel(behind, down, across), [channels, inputs, 2, 2], `weight${place}`);
      return this.ops.conv(x, kernel, { pads: [1 - down, 1 - across, down, across] });
    });
    const enlarged = this.ops.depthToSpace(this.ops.concat(places, 1), 2);
    const kernel = constant(beside, [channels, skips, 3, 3], "weight");
    const same = this.ops.conv(skip, kernel, { bias: constant(bias, [channels], "bias") });
    return activate(this.ops, this.ops.add(same, enlarged), spec.activation);
  }

  linear(x: Value, { name, features, activation }: LinearSpec): Value {
    const { weight, bias } = plain(this.#weights, name);
    const matrix = this.#graph.constant(weight, [channelsOf(x), features], `${name}.weight`);
    const vector = this.#graph.constant(bias, [features], `${name}.bias`);
    return activate(this.ops, this.ops.add(this.ops.matMul(x, matrix), vector), activation);
  }
}

/** A convolution's weights [M,C,kH,kW] and bias [M] as inference has them. */
export interface FoldedConv {
  readonly weight: Float32Array;
  readonly bias: Float32Array;
}

const tensorOf = (weights: Weights, name: string): Float32Array => {
  const tensor = weights.get(name);
  if (!tensor) throw new CytoError("CHECKPOINT_INVALID", `The weights have no tensor ${name}`);
  return tensor;
};

const plain = (weights: Weights, name: string): FoldedConv => ({
  weight: tensorOf(weights, `${name}.weight`),
  bias: tensorOf(weights, `${name}.bias`),
});

/**
 * The convolution with its normalisation folded in: (conv(x) - mean) / sqrt(variance + epsilon) * scale + shift is one
 * convolution with bias.
 */
export const foldedConv = (weights: Weights, { name, channels, norm }: ConvSpec): FoldedConv => {
  if (norm === "none") return plain(weights, name);
  const weight = tensorOf(weights, `${name}.weight`);
  const [mean, variance] = [tensorOf(weights, `${name}.mean`), tensorOf(weights, `${name}.variance`)];
  const [scale, shift] = [tensorOf(weights, `${name}.scale`), tensorOf(weights, `${name}.shift`)];
  const taps = weight.length / channels;
  const folded = new Float32Array(weight.length);
  const bias = new Float32Array(channels);
  for (let channel = 0; channel < channels; channel += 1) {
    const factor = scale[channel]! / Math.sqrt(variance[channel]! + normEpsilon);
    bias[channel] = shift[channel]! - mean[channel]! * factor;
    for (let tap = channel * taps; tap < (channel + 1) * taps; tap += 1) folded[tap] = weight[tap]! * factor;
  }
  return { weight: folded, bias };
};

/**
 * Weights whose normalisations do nothing, for a convolution that has its normalisation folded in already: what `foldedConv`
 * gave, it gives again.
 */
export const unfoldedConv = (name: string, { weight, bias }: FoldedConv): ReadonlyMap<string, Float32Array> =>
  new Map([
    [`${name}.weight`, weight],
    [`${name}.scale`, new Float32Array(bias.length).fill(Math.sqrt(1 + normEpsilon))],
    [`${name}.shift`, bias],
    [`${name}.mean`, new Float32Array(bias.length)],
    [`${name}.variance`, new Float32Array(bias.length).fill(1)],
  ]);

/** Weights [channels, skips + inputs, 3, 3] cut into those of the skips and those of the other inputs. */
const splitKernels = (
  weight: Float32Array,
  { channels, skips, inputs }: { readonly channels: number; readonly skips: number; readonly inputs: number },
): { readonly beside: Float32Array; readonly behind: Float32Array } => {
  const beside = new Float32Array(channels * skips * 9);
  const behind = new Float32Array(channels * inputs * 9);
  for (let channel = 0; channel < channels; channel += 1) {
    const from = channel * (skips + inputs) * 9;
    const middle = from + skips * 9;
    beside.set(weight.subarray(from, middle), channel * skips * 9);
    behind.set(weight.subarray(middle, middle + inputs * 9), channel * inputs * 9);
  }
  return { beside, behind };
};

/**
 * 3x3 kernels over an enlarged picture as 2x2 kernels over the small one, for the pixels at one place in each small pixel.
 * @param down the place, 0 for the upper row or 1 for the lower
 * @param across 0 for the left column or 1 for the right
 */
const placeKernel = (kernels: Float32Array, down: number, across: number): Float32Array => {
  const sums = new Float32Array((kernels.length / 9) * 4);
  // Row or column k of three lies over small pixel (place + k - 1) / 2, rounded down, of which the first is the kernel's 0.
  const smallOf = (k: number, place: number): number => Math.floor((place + k - 1) / 2) + 1 - place;
  for (let at = 0; at < kernels.length; at += 1) {
    const [row, column] = [Math.floor((at % 9) / 3), at % 3];
    const into = 4 * Math.floor(at / 9) + 2 * smallOf(row, down) + smallOf(column, across);
    sums[into] = sums[into]! + kernels[at]!;
  }
  return sums;
};

/** A 3x3 convolution with batch normalisation and rectifier: the unit of which the networks are built. */
export const convBlock = (name: string, channels: number): ConvSpec => ({
  name,
  channels,
  kernel: 3,
  norm: "batch",
  activation: "relu",
});

/** Mean over the pixels: [N,C,H,W] -> [N,C]. */
export const globalMean = (ops: Operators, x: Value): Value => ops.reduceMean(x, [2, 3], false);

/** Crops nothing, checks only: a picture tensor whose sides are whole multiples of `multiple` where they are known. */
export const requireMultiple = (x: Value, multiple: number): void => {
  if (!x.shape.every((dim) => typeof dim === "number")) return;
  const [, , h, w] = staticShape(x);
  if (h! % multiple !== 0 || w! % multiple !== 0) {
    throw new CytoError("INTERNAL", `A picture of ${w}x${h} is not a multiple of ${multiple}`);
  }
};
