import { CytoError } from "../core/index.js";
import { type Graph, Operators, type Value } from "../engine/onnx/index.js";
import { activate, type ConvSpec, channelsOf, type Layers, type LinearSpec, normEpsilon } from "./layers.js";
import type { Weights } from "./parameters.js";

/** Tensors of an inference network by name, as `InferenceLayers` called them. */
export type FoldedTensors = ReadonlyMap<string, Float32Array>;

/** Constants of a graph are numbered as they are made; the name is what is before. */
const plainName = (name: string): string => name.replace(/_\d+$/, "");

/** The constants of a network's ONNX file by the names of its layers. */
export const foldedTensors = (
  constants: readonly { readonly name: string; readonly data: Float32Array }[],
): FoldedTensors => new Map(constants.map(({ name, data }) => [plainName(name), data]));

const lacking = (name: string): CytoError =>
  new CytoError("MODEL_INVALID", `The model has no tensor ${name}: it is of another network`);

/**
 * 3x3 kernels over an enlarged picture, of the 2x2 kernels that stand for them in inference: of a row a, b, c the upper (left)
 * place holds a and b + c, the lower (right) one a + b and c.
 */
const wholeKernels = (places: readonly Float32Array[]): Float32Array => {
  const kernels = new Float32Array((places[0]!.length / 4) * 9);
  // Rows 0, 1, 2 as sums over the places' rows: weights of (place, row) pairs.
  const parts = [
    [[0, 0, 1]],
    [
      [1, 0, 1],
      [0, 0, -1],
    ],
    [[1, 1, 1]],
  ] as const;
  for (let at = 0; at < kernels.length; at += 1) {
    const [kernel, row, column] = [Math.floor(at / 9), Math.floor((at % 9) / 3), at % 3];
    let sum = 0;
    for (const [down, smallRow, signDown] of parts[row]!)
      for (const [across, smallColumn, signAcross] of parts[column]!)
        sum += signDown * signAcross * places[2 * down + across]![4 * kernel + 2 * smallRow + smallColumn]!;
    kernels[at] = sum;
  }
  return kernels;
};

/** Weights [channels, skips + inputs, 3, 3] of those of the skips and those of the enlarged inputs. */
const joinKernels = (beside: Float32Array, behind: Float32Array, channels: number): Float32Array => {
  const [skip, input] = [beside.length / channels, behind.length / channels];
  const joined = new Float32Array(beside.length + behind.length);
  for (let channel = 0; channel < channels; channel += 1) {
    joined.set(beside.subarray(channel * skip, (channel + 1) * skip), channel * (skip + input));
    joined.set(behind.subarray(channel * input, (channel + 1) * input), channel * (skip + input) + skip);
  }
  return joined;
};

interface Measured {
  readonly spec: ConvSpec;
  readonly weight: Float32Array;
  readonly bias: Float32Array;
}

/**
 * Layers of an inference network whose normalisations were folded into its weights. They compute what it computes, and show
 * what each convolution gives before its bias, so that the normalisations can be told apart again.
 */
export class UnfoldingLayers implements Layers {
  readonly ops: Operators;
  /** Mean and mean square of each normalised convolution's output, [C], by `<layer>.mean` and `<layer>.square`. */
  readonly observed = new Map<string, Value>();
  readonly #measured: Measured[] = [];
  readonly #plain = new Map<string, Float32Array>();

  constructor(
    private readonly graph: Graph,
    private readonly tensors: FoldedTensors,
  ) {
    this.ops = new Operators(graph);
  }

  conv(x: Value, spec: ConvSpec): Value {
    const { ops, graph } = this;
    const { name, channels, kernel, stride = 1 } = spec;
    const shape = [channels, channelsOf(x), kernel, kernel];
    const weight = this.#weight(name, channels, shape);
    const bias = this.#tensor(`${name}.bias`, channels);
    const window = { stride, ...(spec.pads === undefined ? {} : { pads: spec.pads }) };
    const y = ops.conv(x, graph.constant(weight, shape, `${name}.weight`), window);
    if (spec.norm === "none") this.#plain.set(`${name}.weight`, weight).set(`${name}.bias`, bias);
    else {
      this.#measured.push({ spec, weight, bias });
      this.observed.set(`${name}.mean`, ops.reduceMean(y, [0, 2, 3], false));
      this.observed.set(`${name}.square`, ops.reduceMean(ops.mul(y, y), [0, 2, 3], false));
    }
    const offset = graph.constant(bias, [1, channels, 1, 1], `${name}.bias`);
    return activate(ops, ops.add(y, offset), spec.activation);
  }

  linear(x: Value, { name, features, activation }: LinearSpec): Value {
    const inputs = channelsOf(x);
    const weight = this.#tensor(`${name}.weight`, inputs * features);
    const bias = this.#tensor(`${name}.bias`, features);
    this.#plain.set(`${name}.weight`, weight).set(`${name}.bias`, bias);
    const matrix = this.graph.constant(weight, [inputs, features], `${name}.weight`);
    const vector = this.graph.constant(bias, [features], `${name}.bias`);
    return activate(this.ops, this.ops.add(this.ops.matMul(x, matrix), vector), activation);
  }

  /**
   * The weights as training has them. With these statistics the network is the one that was folded; with those of a batch it
   * is nearly that. Each filter has the length that He's initialisation gives it, which is what learning rates are made for:
   * under a normalisation only its direction matters.
   * @param observations what `observed` came to, means over fields
   */
  weights(observations: ReadonlyMap<string, Float32Array>): Weights {
    const weights = new Map(this.#plain);
    for (const { spec, weight, bias } of this.#measured) {
      const { name, channels } = spec;
      const taps = weight.length / channels;
      const unit = new Float32Array(weight.length);
      const vectors = { scale: bias.slice(), shift: bias.slice(), mean: bias.slice(), variance: bias.slice() };
      for (let channel = 0; channel < channels; channel += 1) {
        const filter = weight.subarray(channel * taps, (channel + 1) * taps);
        const length = Math.sqrt(filter.reduce((sum, value) => sum + value * value, 0)) / Math.SQRT2;
        // A filter of nothing but zeros stays one.
        const factor = length > 1e-12 ? length : 1;
        const mean = observations.get(`${name}.mean`)![channel]!;
        const variance = Math.max(observations.get(`${name}.square`)![channel]! - mean * mean, 0);
        vectors.mean[channel] = mean / factor;
        vectors.variance[channel] = variance / factor ** 2;
        vectors.scale[channel] = factor * Math.sqrt(variance / factor ** 2 + normEpsilon);
        vectors.shift[channel] = bias[channel]! + mean;
        for (let tap = 0; tap < taps; tap += 1) unit[channel * taps + tap] = filter[tap]! / factor;
      }
      weights.set(`${name}.weight`, unit);
      for (const [part, vector] of Object.entries(vectors)) weights.set(`${name}.${part}`, vector);
    }
    return weights;
  }

  #weight(name: string, channels: number, shape: readonly number[]): Float32Array {
    const length = shape.reduce((product, dim) => product * dim, 1);
    const places = [0, 1, 2, 3].map((place) => this.tensors.get(`${name}.weight${place}`));
    if (!places.every((kernel) => kernel !== undefined)) return this.#tensor(`${name}.weight`, length);
    const beside = this.tensors.get(`${name}.weight`);
    if (!beside) throw lacking(`${name}.weight`);
    const joined = joinKernels(beside, wholeKernels(places as Float32Array[]), channels);
    if (joined.length !== length) throw lacking(`${name}.weight [${shape.join(",")}]`);
    return joined;
  }

  #tensor(name: string, length: number): Float32Array {
    const found = this.tensors.get(name);
    if (found?.length !== length) throw lacking(`${name} of ${length} numbers`);
    return found;
  }
}
