import { CytoError } from "../../core/index.js";
import { type ElementType, type Graph, type Shape, staticShape, type Value } from "./graph.js";
import { broadcastShape, mapDim, normaliseAxes, sizeOf, type Window2d, windowSize } from "./shapes.js";

/**
 * Typed operators over a graph: each adds one ONNX node (opset 17) and infers type and shape of the result. Names and
 * meaning are those of the ONNX operator reference; shapes are NCHW for pictures.
 */
export class Operators {
  readonly graph: Graph;

  constructor(graph: Graph) {
    this.graph = graph;
  }

  // Elementwise, two operands, with broadcasting.
  add = (a: Value, b: Value): Value => this.#binary("Add", a, b);
  sub = (a: Value, b: Value): Value => this.#binary("Sub", a, b);
  mul = (a: Value, b: Value): Value => this.#binary("Mul", a, b);
  div = (a: Value, b: Value): Value => this.#binary("Div", a, b);
  max = (a: Value, b: Value): Value => this.#binary("Max", a, b);
  min = (a: Value, b: Value): Value => this.#binary("Min", a, b);
  greater = (a: Value, b: Value): Value => this.#binary("Greater", a, b, "bool");
  equal = (a: Value, b: Value): Value => this.#binary("Equal", a, b, "bool");
  /** `a * number`. */
  scale = (a: Value, number: number): Value => this.mul(a, this.graph.scalar(number));
  /** `a + number`. */
  shift = (a: Value, number: number): Value => this.add(a, this.graph.scalar(number));

  // Elementwise, one operand.
  neg = (x: Value): Value => this.#unary("Neg", x);
  abs = (x: Value): Value => this.#unary("Abs", x);
  exp = (x: Value): Value => this.#unary("Exp", x);
  log = (x: Value): Value => this.#unary("Log", x);
  sqrt = (x: Value): Value => this.#unary("Sqrt", x);
  sign = (x: Value): Value => this.#unary("Sign", x);
  relu = (x: Value): Value => this.#unary("Relu", x);
  sigmoid = (x: Value): Value => this.#unary("Sigmoid", x);
  softplus = (x: Value): Value => this.#unary("Softplus", x);
  tanh = (x: Value): Value => this.#unary("Tanh", x);
  leakyRelu = (x: Value, alpha: number): Value =>
    this.#one("LeakyRelu", [x], x.type, x.shape, { alpha: { float: alpha } });

  cast(x: Value, type: ElementType): Value {
    const codes: Record<ElementType, number> = { float32: 1, uint8: 2, int8: 3, int32: 6, int64: 7, bool: 9 };
    return this.#one("Cast", [x], type, x.shape, { to: codes[type] });
  }

  /** Convolution: x [N,C,H,W], weights [M,C,kH,kW], bias [M]. */
  conv(x: Value, weights: Value, options: ConvOptions = {}): Value {
    const window = convWindow(weights, options);
    const [n, , h, w] = rank4(x);
    const [m] = rank4(weights);
    const inputs = options.bias ? [x, weights, options.bias] : [x, weights];
    return this.#one("Conv", inputs, "float32", [n, m, ...windowShape(h, w, window)], {
      kernel_shape: window.kernel,
      strides: [window.stride, window.stride],
      pads: window.pads,
    });
  }

  /** Transposed convolution: x [N,C,H,W], weights [C,M,kH,kW], bias [M]; without bias the adjoint of `conv` in its input. */
  convTranspose(
    x: Value,
    weights: Value,
    options: ConvOptions & { outputPadding?: readonly [number, number] } = {},
  ): Value {
    const window = convWindow(weights, options);
    const [n, , h, w] = rank4(x);
    const m = rank4(weights)[1];
    const [extraH, extraW] = options.outputPadding ?? [0, 0];
    const size = (dim: Shape[number], axis: 0 | 1, extra: number) =>
      mapDim(
        dim,
        (s) => (s - 1) * window.stride + window.kernel[axis] - window.pads[axis] - window.pads[axis + 2]! + extra,
        (name) => `${name}*${window.stride}`,
      );
    const inputs = options.bias ? [x, weights, options.bias] : [x, weights];
    return this.#one("ConvTranspose", inputs, "float32", [n, m, size(h, 0, extraH), size(w, 1, extraW)], {
      kernel_shape: window.kernel,
      strides: [window.stride, window.stride],
      pads: window.pads,
      output_padding: [extraH, extraW],
    });
  }

  maxPool(x: Value, options: { kernel: number; stride: number; padding?: number }): Value {
    return this.#pool("MaxPool", x, options);
  }

  averagePool(x: Value, options: { kernel: number; stride: number }): Value {
    return this.#pool("AveragePool", x, options);
  }

  /** Nearest-neighbour enlargement of height and width by a whole factor. */
  upsample(x: Value, factor: number): Value {
    const [n, c, h, w] = rank4(x);
    const grow = (dim: Shape[number]) =>
      mapDim(
        dim,
        (s) => s * factor,
        (name) => `${name}*${factor}`,
      );
    const scales = this.graph.constant(Float32Array.of(1, 1, factor, factor), [4], "scales");
    return this.#one("Resize", [x, undefined, scales], x.type, [n, c, grow(h), grow(w)], {
      mode: "nearest",
      nearest_mode: "floor",
      coordinate_transformation_mode: "asymmetric",
    });
  }

  /** Space to depth: [N,C,H,W] -> [N, block*block*C, H/block, W/block], the block's row, column, then channel. */
  spaceToDepth(x: Value, block: number): Value {
    const [n, c, h, w] = rank4(x);
    const shrink = (dim: Shape[number]) =>
      mapDim(
        dim,
        (s) => s / block,
        (name) => `${name}/${block}`,
      );
    const channels = mapDim(
      c,
      (s) => s * block * block,
      (name) => `${name}*${block * block}`,
    );
    return this.#one("SpaceToDepth", [x], x.type, [n, channels, shrink(h), shrink(w)], { blocksize: block });
  }

  /** Depth to space, the inverse of `spaceToDepth`: [N, block*block*C, H, W] -> [N,C,H*block,W*block]. */
  depthToSpace(x: Value, block: number): Value {
    const [n, c, h, w] = rank4(x);
    const grow = (dim: Shape[number]) =>
      mapDim(
        dim,
        (s) => s * block,
        (name) => `${name}*${block}`,
      );
    const channels = mapDim(
      c,
      (s) => s / (block * block),
      (name) => `${name}/${block * block}`,
    );
    return this.#one("DepthToSpace", [x], x.type, [n, channels, grow(h), grow(w)], { blocksize: block });
  }

  /** The last two axes are multiplied, the ones before are batch axes. */
  matMul(a: Value, b: Value): Value {
    const inner = [a.shape.at(-1), b.shape.at(-2)];
    if (a.shape.length < 2 || inner[0] !== inner[1]) {
      throw new CytoError("INTERNAL", `MatMul of [${a.shape.join(",")}] and [${b.shape.join(",")}]`);
    }
    const batch = broadcastShape(a.shape.slice(0, -2), b.shape.slice(0, -2));
    return this.#one("MatMul", [a, b], "float32", [...batch, a.shape.at(-2)!, b.shape.at(-1)!]);
  }

  /** `a` times the transpose of `b` in the last two axes: com.microsoft FusedMatMul, which reads both row by row. */
  matMulTransposed(a: Value, b: Value): Value {
    const batch = broadcastShape(a.shape.slice(0, -2), b.shape.slice(0, -2));
    const shape = [...batch, a.shape.at(-2)!, b.shape.at(-2)!];
    return this.graph.node("FusedMatMul", [a, b], [{ type: "float32", shape }], { transB: 1 }, "com.microsoft")[0]!;
  }

  reduceMean(x: Value, axes: readonly number[], keepDims = true): Value {
    const reduced = normaliseAxes(axes, x.shape.length);
    if (reduced.length === 0) return x; // ONNX takes no axes for all axes.
    return this.#one("ReduceMean", [x], x.type, reduceShape(x.shape, reduced, keepDims), {
      axes: reduced,
      keepdims: keepDims ? 1 : 0,
    });
  }

  reduceSum(x: Value, axes: readonly number[], keepDims = true): Value {
    const reduced = normaliseAxes(axes, x.shape.length);
    if (reduced.length === 0) return x;
    const inputs = [x, this.graph.integers(reduced)];
    return this.#one("ReduceSum", inputs, x.type, reduceShape(x.shape, reduced, keepDims), {
      keepdims: keepDims ? 1 : 0,
    });
  }

  softmax(x: Value, axis = -1): Value {
    return this.#one("Softmax", [x], x.type, x.shape, { axis });
  }

  logSoftmax(x: Value, axis = -1): Value {
    return this.#one("LogSoftmax", [x], x.type, x.shape, { axis });
  }

  /** Reshapes to a known shape, of which at most one dimension is -1 (computed) and any may be 0 (kept). */
  reshape(x: Value, shape: readonly number[]): Value {
    const known = shape.map((dim, axis) => (dim === 0 ? x.shape[axis]! : dim));
    if (known.includes(-1) && x.shape.every((dim) => typeof dim === "number")) {
      const rest = sizeOf(known.filter((dim): dim is number => typeof dim === "number" && dim !== -1));
      known[known.indexOf(-1)] = sizeOf(staticShape(x)) / rest;
    }
    const result = known.map((dim) => (dim === -1 ? `${x.name}.rest` : dim));
    return this.#one("Reshape", [x, this.graph.integers(shape)], x.type, result);
  }

  transpose(x: Value, permutation: readonly number[]): Value {
    return this.#one(
      "Transpose",
      [x],
      x.type,
      permutation.map((axis) => x.shape[axis]!),
      { perm: permutation },
    );
  }

  concat(values: readonly Value[], along: number): Value {
    const first = values[0];
    if (!first) throw new CytoError("INTERNAL", "Concat of nothing");
    const axis = along < 0 ? along + first.shape.length : along;
    const total = values.reduce((sum, value) => sum + Number(value.shape[axis]), 0);
    return this.#one(
      "Concat",
      values,
      first.type,
      first.shape.map((dim, at) => (at === axis ? total : dim)),
      { axis },
    );
  }

  /**
   * Elements start (inclusive) to end (exclusive) along each axis, with steps. A negative step walks backwards; then
   * an end of -1 means "the first one included".
   *
   * @throws CytoError INTERNAL where a range is empty or reaches past its axis
   */
  slice(x: Value, ranges: readonly SliceRange[]): Value {
    for (const range of ranges) requireInside(x, range);
    const integers = (pick: (range: SliceRange) => number) => this.graph.integers(ranges.map(pick));
    const shape = [...x.shape];
    for (const range of ranges) shape[range.axis] = Math.ceil((range.end - range.start) / (range.step ?? 1));
    // ONNX counts a negative end from the back, so "before the first" has to be written as -size - 1.
    const end = (r: SliceRange) => (r.end < 0 ? -Number(x.shape[r.axis]) - 1 : r.end);
    return this.#one(
      "Slice",
      [x, integers((r) => r.start), integers(end), integers((r) => r.axis), integers((r) => r.step ?? 1)],
      x.type,
      shape,
    );
  }

  /** Zero padding; negative pads crop. One [begin, end] pair per axis. */
  pad(x: Value, pads: readonly (readonly [number, number])[]): Value {
    const shape = x.shape.map((dim, axis) =>
      mapDim(
        dim,
        (s) => s + pads[axis]![0] + pads[axis]![1],
        (name) => `${name}+${pads[axis]![0] + pads[axis]![1]}`,
      ),
    );
    const flat = [...pads.map((pair) => pair[0]), ...pads.map((pair) => pair[1])];
    return this.#one("Pad", [x, this.graph.integers(flat)], x.type, shape);
  }

  expand(x: Value, shape: readonly number[]): Value {
    return this.#one("Expand", [x, this.graph.integers(shape)], x.type, broadcastShape(x.shape, shape));
  }

  where(condition: Value, a: Value, b: Value): Value {
    return this.#one(
      "Where",
      [condition, a, b],
      a.type,
      broadcastShape(condition.shape, broadcastShape(a.shape, b.shape)),
    );
  }

  /** `(x - mean) / sqrt(variance + epsilon) * scale + bias` per channel in one pass; all four are vectors [C]. */
  normaliseChannels(
    x: Value,
    vectors: { scale: Value; bias: Value; mean: Value; variance: Value },
    epsilon: number,
  ): Value {
    const inputs = [x, vectors.scale, vectors.bias, vectors.mean, vectors.variance];
    return this.#one("BatchNormalization", inputs, x.type, x.shape, { epsilon: { float: epsilon } });
  }

  /** Smallest and largest element, float32 scalars. */
  range(x: Value): { readonly low: Value; readonly high: Value } {
    const reduce = (opType: string): Value => this.#one(opType, [x], x.type, [], { keepdims: 0 });
    return { low: reduce("ReduceMin"), high: reduce("ReduceMax") };
  }

  /** float32 -> 8 bit: round(x / scale) + zeroPoint, saturated; the zero point's type decides between uint8 and int8. */
  quantize(x: Value, scale: Value, zeroPoint: Value): Value {
    return this.#one("QuantizeLinear", [x, scale, zeroPoint], zeroPoint.type, x.shape);
  }

  /** 8 bit -> float32: (x - zeroPoint) * scale, per channel along axis 0 where scale is a vector. */
  dequantize(x: Value, scale: Value, zeroPoint: Value): Value {
    const attributes = scale.shape.length === 0 ? {} : { axis: 0 };
    return this.#one("DequantizeLinear", [x, scale, zeroPoint], "float32", x.shape, attributes);
  }

  #pool(
    opType: string,
    x: Value,
    { kernel, stride, padding = 0 }: { kernel: number; stride: number; padding?: number },
  ): Value {
    const [n, c, h, w] = rank4(x);
    const size = (dim: Shape[number]) => windowSize(dim, kernel, stride, 2 * padding);
    return this.#one(opType, [x], x.type, [n, c, size(h), size(w)], {
      kernel_shape: [kernel, kernel],
      strides: [stride, stride],
      pads: [padding, padding, padding, padding],
    });
  }

  #unary(opType: string, x: Value): Value {
    return this.#one(opType, [x], x.type, x.shape);
  }

  #binary(opType: string, a: Value, b: Value, type: ElementType = a.type): Value {
    return this.#one(opType, [a, b], type, broadcastShape(a.shape, b.shape));
  }

  #one(
    opType: string,
    inputs: readonly (Value | undefined)[],
    type: ElementType,
    shape: Shape,
    attributes: Parameters<Graph["node"]>[3] = {},
  ): Value {
    return this.graph.node(opType, inputs, [{ type, shape }], attributes)[0]!;
  }
}

export interface ConvOptions {
  readonly stride?: number;
  /** One number for all sides, or top, left, bottom, right. Default: `floor(kernel / 2)`, "same" for odd kernels. */
  readonly pads?: number | readonly [number, number, number, number];
  readonly bias?: Value;
}

export interface SliceRange {
  readonly axis: number;
  readonly start: number;
  readonly end: number;
  readonly step?: number;
}

const requireInside = (x: Value, { axis, start, end, step = 1 }: SliceRange): void => {
  const dim = x.shape[axis];
  const size = typeof dim === "number" ? dim : Number.POSITIVE_INFINITY;
  const inside = step > 0 ? start >= 0 && start < end && end <= size : end >= -1 && end < start && start < size;
  if (dim === undefined || step === 0 || !inside) {
    const range = `${start} to ${end} by ${step} along axis ${axis}`;
    throw new CytoError("INTERNAL", `A slice ${range} does not fit into [${x.shape.join(",")}]`);
  }
};

export const rank4 = (x: Value): readonly [Shape[number], Shape[number], Shape[number], Shape[number]] => {
  const [a, b, c, d] = x.shape;
  if (x.shape.length !== 4 || a === undefined || b === undefined || c === undefined || d === undefined) {
    throw new CytoError("INTERNAL", `${x.name} has shape [${x.shape.join(",")}], four axes are due`);
  }
  return [a, b, c, d];
};

const convWindow = (weights: Value, options: ConvOptions): Window2d => {
  const [, , kernelH, kernelW] = staticShape(weights);
  const kernel = [kernelH!, kernelW!] as const;
  const { pads } = options;
  const same = [kernel[0] >> 1, kernel[1] >> 1, kernel[0] >> 1, kernel[1] >> 1] as const;
  const all = pads === undefined ? same : typeof pads === "number" ? ([pads, pads, pads, pads] as const) : pads;
  return { kernel, stride: options.stride ?? 1, pads: all };
};

const windowShape = (h: Shape[number], w: Shape[number], { kernel, stride, pads }: Window2d): Shape => [
  windowSize(h, kernel[0], stride, pads[0] + pads[2]),
  windowSize(w, kernel[1], stride, pads[1] + pads[3]),
];

const reduceShape = (shape: Shape, axes: readonly number[], keepDims: boolean): Shape =>
  keepDims
    ? shape.map((dim, axis) => (axes.includes(axis) ? 1 : dim))
    : shape.filter((_, axis) => !axes.includes(axis));
