import { CytoError } from "../core/index.js";
import { type Graph, Operators, type Value } from "../engine/onnx/index.js";
import {
  activate,
  type ConvSpec,
  channelsOf,
  foldedConv,
  InferenceLayers,
  type Layers,
  type LinearSpec,
} from "./layers.js";
import type { Weights } from "./parameters.js";

/** Range of an activation over calibration pictures. */
export interface ActivationRange {
  readonly low: number;
  readonly high: number;
}

/** Ranges by name: `<conv>.input` and `<conv>.output`. */
export type ActivationRanges = ReadonlyMap<string, ActivationRange>;

/** Float layers that remember the tensors whose ranges quantisation needs. */
export class ObservingLayers implements Layers {
  readonly ops: Operators;
  /** Tensors by the names of their ranges. */
  readonly observed = new Map<string, Value>();
  readonly #inner: InferenceLayers;

  constructor(graph: Graph, weights: Weights) {
    this.ops = new Operators(graph);
    this.#inner = new InferenceLayers(graph, weights);
  }

  conv(x: Value, spec: ConvSpec): Value {
    const y = this.#inner.conv(x, spec);
    this.observed.set(`${spec.name}.input`, x).set(`${spec.name}.output`, y);
    return y;
  }

  linear(x: Value, spec: LinearSpec): Value {
    return this.#inner.linear(x, spec);
  }
}

const steps = 255;
const largestWeight = 127;

/**
 * Layers in 8 bits, in ONNX's QuantizeLinear / DequantizeLinear form: activations uint8 with one scale per tensor,
 * weights int8 symmetric with one scale per output channel, sums in 32 bits (Jacob et al. 2018). Convolutions without
 * activation (the heads) give float32.
 */
export class QuantisedLayers implements Layers {
  readonly ops: Operators;
  readonly #graph: Graph;
  readonly #weights: Weights;
  readonly #ranges: ActivationRanges;
  readonly #float: InferenceLayers;
  readonly #quantised = new Set<string>();

  constructor(graph: Graph, weights: Weights, ranges: ActivationRanges) {
    this.ops = new Operators(graph);
    this.#graph = graph;
    this.#weights = weights;
    this.#ranges = ranges;
    this.#float = new InferenceLayers(graph, weights);
  }

  conv(x: Value, spec: ConvSpec): Value {
    const { name, channels, kernel, stride = 1 } = spec;
    const input = this.#quantised.has(x.name) ? x : this.#rounded(x, `${name}.input`);
    const folded = foldedConv(this.#weights, spec);
    const weight = this.#eightBit(folded.weight, [channels, channelsOf(x), kernel, kernel], name);
    const bias = this.#graph.constant(folded.bias, [channels], `${name}.bias`);
    const window = { stride, bias, ...(spec.pads === undefined ? {} : { pads: spec.pads }) };
    const y = activate(this.ops, this.ops.conv(input, weight, window), spec.activation);
    if (spec.activation === "none") return y;
    const output = this.#rounded(y, `${name}.output`);
    this.#quantised.add(output.name);
    return output;
  }

  linear(x: Value, spec: LinearSpec): Value {
    return this.#float.linear(x, spec);
  }

  /** x as 8 bits hold it. */
  #rounded(x: Value, name: string): Value {
    const range = this.#ranges.get(name);
    if (!range) throw new CytoError("INTERNAL", `No range of ${name}: it was not calibrated`);
    const low = Math.min(range.low, 0);
    const size = Math.max(range.high, 0) - low || 1;
    const scale = this.#graph.scalar(size / steps);
    const zeroPoint = this.#graph.constant(Uint8Array.of(Math.round((-low / size) * steps)), [], "zeroPoint");
    return this.ops.dequantize(this.ops.quantize(x, scale, zeroPoint), scale, zeroPoint);
  }

  #eightBit(weight: Float32Array, shape: readonly number[], name: string): Value {
    const channels = shape[0]!;
    const taps = weight.length / channels;
    const scales = new Float32Array(channels);
    const bytes = new Int8Array(weight.length);
    for (let channel = 0; channel < channels; channel += 1) {
      const part = weight.subarray(channel * taps, (channel + 1) * taps);
      const scale = part.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-12) / largestWeight;
      scales[channel] = scale;
      part.forEach((value, tap) => {
        bytes[channel * taps + tap] = Math.round(value / scale);
      });
    }
    const graph = this.#graph;
    const quantised = graph.constant(bytes, shape, `${name}.weight8`);
    const zeros = graph.constant(new Int8Array(channels), [channels], `${name}.zero`);
    return this.ops.dequantize(quantised, graph.constant(scales, [channels], `${name}.scale8`), zeros);
  }
}
