import { CytoError } from "../../core/index.js";
import { convInputGradient, convTransposeWeightGradient, convWeightGradient, windowOf } from "./convGradients.js";
import { type GraphNode, staticShape, type Value } from "./graph.js";
import type { Operators } from "./operators.js";

export interface RuleContext {
  readonly ops: Operators;
  readonly node: GraphNode;
  readonly output: Value;
  /** Gradient of the loss by the node's (first) output. */
  readonly gradient: Value;
  /** Which inputs' gradients are asked for; others may be left undefined. */
  readonly needed: readonly boolean[];
}

export type GradientRule = (context: RuleContext) => readonly (Value | undefined)[];

const input = (node: GraphNode, index: number): Value => node.inputs[index]!;

/** Sums a gradient over the axes along which `target` was broadcast. */
export const unbroadcast = (ops: Operators, gradient: Value, target: Value): Value => {
  const from = staticShape(gradient);
  const to = staticShape(target);
  const lead = from.length - to.length;
  const axes = from.flatMap((dim, axis) => (axis < lead || (to[axis - lead] === 1 && dim !== 1) ? [axis] : []));
  const summed = axes.length === 0 ? gradient : ops.reduceSum(gradient, axes);
  return lead === 0 ? summed : ops.reshape(summed, to);
};

const binary =
  (
    left: (c: RuleContext, a: Value, b: Value) => Value,
    right: (c: RuleContext, a: Value, b: Value) => Value,
  ): GradientRule =>
  (context) => {
    const { ops, node, needed } = context;
    const [a, b] = [input(node, 0), input(node, 1)];
    return [
      needed[0] ? unbroadcast(ops, left(context, a, b), a) : undefined,
      needed[1] ? unbroadcast(ops, right(context, a, b), b) : undefined,
    ];
  };

const unary =
  (rule: (context: RuleContext, x: Value) => Value): GradientRule =>
  (context) => [rule(context, input(context.node, 0))];

/** 1 where the condition holds, else 0: Mul with a cast mask costs half of Where. */
const mask = (ops: Operators, condition: Value): Value => ops.cast(condition, "float32");

/** Larger of two: the whole gradient goes to `a` where they are equal. */
const chosen = (pickFirst: (ops: Operators, a: Value, b: Value) => Value): GradientRule =>
  binary(
    ({ ops, gradient }, a, b) => ops.mul(gradient, ops.shift(ops.neg(mask(ops, pickFirst(ops, a, b))), 1)),
    ({ ops, gradient }, a, b) => ops.mul(gradient, mask(ops, pickFirst(ops, a, b))),
  );

const spread = (ops: Operators, gradient: Value, x: Value, axes: readonly number[]): Value => {
  const shape = staticShape(x);
  const kept = shape.map((dim, axis) => (axes.includes(axis) ? 1 : dim));
  return ops.expand(ops.reshape(gradient, kept), shape);
};

const integersOf = (context: RuleContext, index: number): number[] => {
  const constant = context.ops.graph.constants.get(input(context.node, index).name);
  return constant ? Array.from(constant.data, Number) : [];
};

/** One rule per operator. Checked one by one against finite differences and an independent autodiff. */
export const gradientRules: Readonly<Record<string, GradientRule>> = {
  Add: binary(
    ({ gradient }) => gradient,
    ({ gradient }) => gradient,
  ),
  Sub: binary(
    ({ gradient }) => gradient,
    ({ ops, gradient }) => ops.neg(gradient),
  ),
  Mul: binary(
    ({ ops, gradient }, _, b) => ops.mul(gradient, b),
    ({ ops, gradient }, a) => ops.mul(gradient, a),
  ),
  Div: binary(
    ({ ops, gradient }, _, b) => ops.div(gradient, b),
    ({ ops, gradient, output }, _, b) => ops.neg(ops.div(ops.mul(gradient, output), b)),
  ),
  Max: chosen((ops, a, b) => ops.greater(b, a)),
  Min: chosen((ops, a, b) => ops.greater(a, b)),
  Neg: unary(({ ops, gradient }) => ops.neg(gradient)),
  Abs: unary(({ ops, gradient }, x) => ops.mul(gradient, ops.sign(x))),
  Exp: unary(({ ops, gradient, output }) => ops.mul(gradient, output)),
  Log: unary(({ ops, gradient }, x) => ops.div(gradient, x)),
  Sqrt: unary(({ ops, gradient, output }) => ops.div(ops.scale(gradient, 0.5), output)),
  Relu: unary(({ ops, gradient, output }) => ops.mul(gradient, mask(ops, ops.greater(output, ops.graph.scalar(0))))),
  LeakyRelu: unary(({ ops, gradient, node }, x) => {
    const alpha = (node.attributes.alpha as { readonly float: number }).float;
    const positive = mask(ops, ops.greater(x, ops.graph.scalar(0)));
    return ops.mul(gradient, ops.shift(ops.scale(positive, 1 - alpha), alpha));
  }),
  Sigmoid: unary(({ ops, gradient, output }) =>
    ops.mul(gradient, ops.mul(output, ops.sub(ops.graph.scalar(1), output))),
  ),
  Softplus: unary(({ ops, gradient }, x) => ops.mul(gradient, ops.sigmoid(x))),
  Tanh: unary(({ ops, gradient, output }) => ops.mul(gradient, ops.sub(ops.graph.scalar(1), ops.mul(output, output)))),
  Softmax: unary(({ ops, gradient, output, node }) => {
    const product = ops.mul(gradient, output);
    return ops.sub(product, ops.mul(output, ops.reduceSum(product, [node.attributes.axis as number])));
  }),
  LogSoftmax: unary(({ ops, gradient, output, node }) =>
    ops.sub(gradient, ops.mul(ops.exp(output), ops.reduceSum(gradient, [node.attributes.axis as number]))),
  ),
  ReduceMean: (context) => {
    const x = input(context.node, 0);
    const axes = context.node.attributes.axes as readonly number[];
    const count = axes.reduce((product, axis) => product * staticShape(x)[axis]!, 1);
    return [spread(context.ops, context.ops.scale(context.gradient, 1 / count), x, axes)];
  },
  ReduceSum: (context) => [spread(context.ops, context.gradient, input(context.node, 0), integersOf(context, 1))],
  Reshape: unary(({ ops, gradient }, x) => ops.reshape(gradient, staticShape(x))),
  Expand: unary(({ ops, gradient }, x) => unbroadcast(ops, gradient, x)),
  Transpose: unary(({ ops, gradient, node }) => {
    const permutation = node.attributes.perm as readonly number[];
    return ops.transpose(
      gradient,
      permutation.map((_, axis) => permutation.indexOf(axis)),
    );
  }),
  Concat: ({ ops, node, gradient, needed }) => {
    const axis = node.attributes.axis as number;
    let start = 0;
    return node.inputs.map((part, index) => {
      const end = start + staticShape(part!)[axis]!;
      const slice = needed[index] ? ops.slice(gradient, [{ axis, start, end }]) : undefined;
      start = end;
      return slice;
    });
  },
  Slice: (context) => [sliceGradient(context)],
  Pad: unary((context) => {
    const flat = integersOf(context, 1);
    const rank = flat.length / 2;
    return context.ops.pad(
      context.gradient,
      Array.from({ length: rank }, (_, axis) => [-flat[axis]!, -flat[axis + rank]!] as const),
    );
  }),
  Resize: unary(({ ops, gradient }, x) => {
    const factor = staticShape(gradient)[2]! / staticShape(x)[2]!;
    return ops.scale(ops.averagePool(gradient, { kernel: factor, stride: factor }), factor * factor);
  }),
  SpaceToDepth: unary(({ ops, gradient, node }, x) => {
    const block = node.attributes.blocksize as number;
    const [n, c, h, w] = staticShape(x) as [number, number, number, number];
    const split = ops.reshape(gradient, [n, block, block, c, h / block, w / block]);
    return ops.reshape(ops.transpose(split, [0, 3, 4, 1, 5, 2]), [n, c, h, w]);
  }),
  DepthToSpace: unary(({ ops, gradient, node }) => ops.spaceToDepth(gradient, node.attributes.blocksize as number)),
  MaxPool: unary((context, x) => maxPoolGradient(context, x)),
  AveragePool: unary((context, x) => averagePoolGradient(context, x)),
  MatMul: ({ ops, node, gradient, needed }) => {
    const [a, b] = [input(node, 0), input(node, 1)];
    const swapped = (value: Value) => {
      const rank = value.shape.length;
      return ops.transpose(value, [...Array.from({ length: rank - 2 }, (_, axis) => axis), rank - 1, rank - 2]);
    };
    return [
      needed[0] ? unbroadcast(ops, ops.matMulTransposed(gradient, b), a) : undefined,
      needed[1] ? unbroadcast(ops, ops.matMul(swapped(a), gradient), b) : undefined,
    ];
  },
  Conv: ({ ops, node, gradient, needed }) => {
    const [x, weights] = [input(node, 0), input(node, 1)];
    const window = windowOf(node);
    return [
      needed[0] ? convInputGradient(ops, { x, weights, gradient, window }) : undefined,
      needed[1] ? convWeightGradient(ops, { x, weights, gradient, window }) : undefined,
      needed[2] ? ops.reduceSum(gradient, [0, 2, 3], false) : undefined,
    ];
  },
  ConvTranspose: ({ ops, node, gradient, needed }) => {
    const [x, weights] = [input(node, 0), input(node, 1)];
    const window = windowOf(node);
    return [
      needed[0] ? ops.conv(gradient, weights, window) : undefined,
      needed[1] ? convTransposeWeightGradient(ops, { x, weights, gradient, window }) : undefined,
      needed[2] ? ops.reduceSum(gradient, [0, 2, 3], false) : undefined,
    ];
  },
};

/** The slice's gradient padded back; steps other than 1 are spread by interleaved zeros. */
const sliceGradient = (context: RuleContext): Value => {
  const { ops, node, gradient } = context;
  const x = input(node, 0);
  const shape = staticShape(x);
  const [starts, , axes, steps] = [1, 2, 3, 4].map((index) => integersOf(context, index)) as [
    number[],
    number[],
    number[],
    number[],
  ];
  let result = gradient;
  axes.forEach((axis, index) => {
    const [start, step] = [starts[index]!, steps[index]!];
    const count = staticShape(result)[axis]!;
    if (step !== 1) result = interleaveZeros(ops, result, axis, step);
    const covered = step === 1 ? count : count * Math.abs(step);
    const begin = step < 0 ? start - covered + 1 : start;
    if (step < 0) result = ops.slice(result, [{ axis, start: covered - 1, end: -1, step: -1 }]);
    const pads = result.shape.map((_, at) =>
      at === axis ? ([begin, shape[axis]! - begin - covered] as const) : ([0, 0] as const),
    );
    result = ops.pad(result, pads);
  });
  return result;
};

/** [.., n, ..] -> [.., n * |step|, ..] with each element followed by |step| - 1 zeros. */
const interleaveZeros = (ops: Operators, x: Value, axis: number, step: number): Value => {
  const factor = Math.abs(step);
  if (factor === 1) return x;
  const shape = staticShape(x);
  const open = ops.reshape(x, [...shape.slice(0, axis + 1), 1, ...shape.slice(axis + 1)]);
  const pads = open.shape.map((_, at) => (at === axis + 1 ? ([0, factor - 1] as const) : ([0, 0] as const)));
  return ops.reshape(
    ops.pad(open, pads),
    shape.map((dim, at) => (at === axis ? dim * factor : dim)),
  );
};

/**
 * Gradient of a pooling whose windows tile the picture: the maximum's gradient goes to the elements that equal it.
 * Ties (in practice zeros after ReLU, whose own gradient is zero) share it by each receiving the whole.
 */
const maxPoolGradient = ({ ops, gradient, output, node }: RuleContext, x: Value): Value => {
  const factor = tilingFactor(node);
  const winner = ops.cast(ops.equal(x, ops.upsample(output, factor)), "float32");
  return ops.mul(winner, ops.upsample(gradient, factor));
};

const averagePoolGradient = ({ ops, gradient, node }: RuleContext, _x: Value): Value => {
  const factor = tilingFactor(node);
  return ops.scale(ops.upsample(gradient, factor), 1 / (factor * factor));
};

const tilingFactor = (node: GraphNode): number => {
  const [kernel] = node.attributes.kernel_shape as readonly number[];
  const [stride] = node.attributes.strides as readonly number[];
  const pads = node.attributes.pads as readonly number[];
  const [, , h, w] = staticShape(input(node, 0));
  if (kernel !== stride || h! % stride! !== 0 || w! % stride! !== 0 || pads.some((pad) => pad !== 0)) {
    throw new CytoError("INTERNAL", `${node.opType} is differentiable only where its windows tile the picture`);
  }
  return stride!;
};
