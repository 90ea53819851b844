import type { Tensor } from "@tensorflow/tfjs-core";
import { CytoError } from "../../core/index.js";
import type { Call, Operator } from "./call.js";
import { Held, lastAxis } from "./held.js";
import type { TensorFlow } from "./library.js";
import { normaliseBatch } from "./normalisation.js";
import { averagePool, conv, convTranspose, depthToSpace, maxPool, spaceToDepth, upsample } from "./pictures.js";
import { batchNormalisation, type Instruction } from "./program.js";
import { crop, logSoftmax, matMul, softmax, walk } from "./shapes.js";

const input = ({ inputs, instruction }: Call, index: number): Held => {
  const held = inputs[index];
  if (!held) throw new CytoError("INTERNAL", `${instruction.opType} lacks its input ${index}`);
  return held;
};

/** Channels last where the operand has them so. */
const along = (call: Call, x: Held, apply: (x: Tensor) => Tensor): readonly Held[] =>
  x.isLast ? [Held.last(call.tf, apply(x.last()))] : [Held.plain(call.tf, apply(x.plain()))];

const unary =
  (apply: (tf: TensorFlow, x: Tensor, call: Call) => Tensor): Operator =>
  (call) =>
    along(call, input(call, 0), (x) => apply(call.tf, x, call));

/** Several operands that broadcast: channels last where one of them has them so. */
const broadcasting =
  (apply: (tf: TensorFlow, operands: readonly Tensor[]) => Tensor): Operator =>
  (call) => {
    const held = call.instruction.inputs.map((_, index) => input(call, index));
    if (call.instruction.shape.length === 4 && held.some((operand) => operand.isLast)) {
      const operands = held.map((operand) => operand.last());
      return [Held.last(call.tf, apply(call.tf, operands))];
    }
    const operands = held.map((operand) => operand.plain());
    return [Held.plain(call.tf, apply(call.tf, operands))];
  };

const binary = (apply: (tf: TensorFlow, a: Tensor, b: Tensor) => Tensor): Operator =>
  broadcasting((tf, [a, b]) => apply(tf, a!, b!));

/** tfjs 4.22 does not sum the gradients of maximum and minimum over broadcast axes, so both are broadcast before. */
const spread = (tf: TensorFlow, x: Tensor, other: Tensor): Tensor => {
  const shape = tf.broadcast_util.assertAndGetBroadcastShape(x.shape, other.shape);
  return x.shape.join() === shape.join() ? x : tf.add(x, tf.zeros(shape));
};

/** What has no slope: tfjs has no gradients of comparisons and would stop at one. */
const flat = (tf: TensorFlow, operands: readonly Tensor[], compute: () => Tensor): Tensor =>
  tf.customGrad(() => ({ value: compute(), gradFunc: () => operands.map((x) => tf.zerosLike(x)) }))(...operands);

const comparison = (apply: (tf: TensorFlow, a: Tensor, b: Tensor) => Tensor): Operator =>
  binary((tf, a, b) => flat(tf, [a, b], () => apply(tf, a, b)));

const types = new Map([
  [1, "float32"],
  [2, "int32"],
  [6, "int32"],
  [7, "int32"],
  [9, "bool"],
] as const);

const cast = unary((tf, x, { instruction }) => {
  const type = types.get(instruction.attributes.to as 1);
  if (type === undefined) throw new CytoError("INTERNAL", `Cast to type ${String(instruction.attributes.to)}`);
  return tf.cast(x, type);
});

const pictureOperator =
  (apply: (call: Call, x: Tensor) => Tensor): Operator =>
  (call) => [Held.last(call.tf, apply(call, input(call, 0).last()))];

const reduction =
  (reduce: "sum" | "mean", axesOf: (call: Call) => readonly number[]): Operator =>
  (call) => {
    const { tf, instruction } = call;
    const x = input(call, 0);
    const axes = axesOf(call);
    const keepDims = instruction.attributes.keepdims === 1;
    // Without its axis a picture has no order of its own: what is left must be ordered alike in both.
    const channelsStay = !axes.includes(1);
    const pixelsGo = axes.includes(2) && axes.includes(3);
    if (x.isLast && (keepDims || !channelsStay || pixelsGo)) {
      const result = tf[reduce](x.last(), axes.map(lastAxis), keepDims);
      return [keepDims ? Held.last(tf, result) : Held.plain(tf, result)];
    }
    return [Held.plain(tf, tf[reduce](x.plain(), [...axes], keepDims))];
  };

const placeOf = (x: Held, axis: number): number => {
  const place = axis < 0 ? axis + x.rank : axis;
  return x.isLast ? lastAxis(place) : place;
};

const concat: Operator = (call) => {
  const { tf, instruction } = call;
  const parts = instruction.inputs.map((_, index) => input(call, index));
  const axis = instruction.attributes.axis as number;
  if (parts.some((part) => part.isLast)) {
    const tensors = parts.map((part) => part.last());
    return [Held.last(tf, tf.concat(tensors, lastAxis(axis)))];
  }
  const tensors = parts.map((part) => part.plain());
  return [Held.plain(tf, tf.concat(tensors, axis))];
};

const slice: Operator = (call) => {
  const x = input(call, 0);
  const [starts, ends, axes, steps] = [1, 2, 3, 4].map(call.integers) as [number[], number[], number[], number[]];
  const ranges = axes.map((axis, at) => ({
    axis: placeOf(x, axis),
    start: starts[at]!,
    end: ends[at]!,
    step: steps[at]!,
  }));
  return along(call, x, (tensor) => walk(call.tf, tensor, ranges));
};

const pad: Operator = (call) => {
  const x = input(call, 0);
  const flatPads = call.integers(1);
  const pads = Array.from({ length: x.rank }, (): [number, number] => [0, 0]);
  for (let axis = 0; axis < x.rank; axis += 1) pads[placeOf(x, axis)] = [flatPads[axis]!, flatPads[axis + x.rank]!];
  return along(call, x, (tensor) => crop(call.tf, tensor, pads));
};

/** A picture that is turned between the graph's two orders has the other one already. */
const transpose: Operator = (call) => {
  const { tf, instruction } = call;
  const x = input(call, 0);
  const permutation = instruction.attributes.perm as readonly number[];
  if (!x.isLast && permutation.join() === "0,3,1,2") return [Held.last(tf, x.plain().clone())];
  if (x.isLast && permutation.join() === "0,2,3,1") return [Held.plain(tf, x.last().clone())];
  return [Held.plain(tf, tf.transpose(x.plain(), [...permutation]))];
};

const plain =
  (apply: (call: Call, operands: readonly Tensor[]) => Tensor): Operator =>
  (call) => {
    const operands = call.inputs.map((operand) => operand?.plain()).filter((tensor) => tensor !== undefined);
    return [Held.plain(call.tf, apply(call, operands))];
  };

const normalise: Operator = (call) => {
  const { tf, instruction } = call;
  const epsilon = (instruction.attributes.epsilon as { readonly float: number }).float;
  const [x, scale, bias] = [input(call, 0).last(), input(call, 1).plain(), input(call, 2).plain()];
  const { output, mean, variance } = normaliseBatch(tf, { x, scale, bias, epsilon });
  return [Held.last(tf, output), Held.plain(tf, mean), Held.plain(tf, variance)];
};

const optional = (call: Call, index: number): Tensor | undefined => call.inputs[index]?.plain();

/**
 * What each operator of the graphs is in TensorFlow.js, for whole tensors and so that tfjs' own differentiation of it is
 * right. Names and meaning are those of the ONNX operator reference.
 */
export const operators: Readonly<Record<string, Operator>> = {
  Add: binary((tf, a, b) => tf.add(a, b)),
  Sub: binary((tf, a, b) => tf.sub(a, b)),
  Mul: binary((tf, a, b) => tf.mul(a, b)),
  Div: binary((tf, a, b) => tf.div(a, b)),
  Max: binary((tf, a, b) => tf.maximum(spread(tf, a, b), spread(tf, b, a))),
  Min: binary((tf, a, b) => tf.minimum(spread(tf, a, b), spread(tf, b, a))),
  Greater: comparison((tf, a, b) => tf.greater(a, b)),
  Equal: comparison((tf, a, b) => tf.equal(a, b)),
  Where: broadcasting((tf, [condition, a, b]) => tf.where(condition!, a!, b!)),
  Neg: unary((tf, x) => tf.neg(x)),
  Abs: unary((tf, x) => tf.abs(x)),
  Exp: unary((tf, x) => tf.exp(x)),
  Log: unary((tf, x) => tf.log(x)),
  Sqrt: unary((tf, x) => tf.sqrt(x)),
  Sign: unary((tf, x) => tf.sign(x)),
  Relu: unary((tf, x) => tf.relu(x)),
  LeakyRelu: unary((tf, x, call) => {
    return tf.leakyRelu(x, (call.instruction.attributes.alpha as { readonly float: number }).float);
  }),
  Sigmoid: unary((tf, x) => tf.sigmoid(x)),
  Softplus: unary((tf, x) => tf.softplus(x)),
  Tanh: unary((tf, x) => tf.tanh(x)),
  Cast: cast,
  Softmax: plain(({ tf, instruction }, [x]) => softmax(tf, x!, instruction.attributes.axis as number)),
  LogSoftmax: plain(({ tf, instruction }, [x]) => logSoftmax(tf, x!, instruction.attributes.axis as number)),
  ReduceMean: reduction("mean", ({ instruction }) => instruction.attributes.axes as readonly number[]),
  ReduceSum: reduction("sum", (call) => call.integers(1)),
  ReduceMin: plain(({ tf }, [x]) => tf.min(x!)),
  ReduceMax: plain(({ tf }, [x]) => tf.max(x!)),
  Reshape: plain(({ tf, instruction }, [x]) => tf.reshape(x!, [...instruction.shape])),
  Expand: plain(({ tf, instruction }, [x]) => tf.add(x!, tf.zeros([...instruction.shape]))),
  Transpose: transpose,
  Concat: concat,
  Slice: slice,
  Pad: pad,
  MatMul: plain(({ tf }, [a, b]) => matMul(tf, a!, b!)),
  FusedMatMul: plain(({ tf, instruction }, [a, b]) => {
    return matMul(tf, a!, b!, instruction.attributes.transB === 1);
  }),
  Conv: pictureOperator((call, x) => conv(call, x, input(call, 1).plain(), optional(call, 2))),
  ConvTranspose: pictureOperator((call, x) => convTranspose(call, x, input(call, 1).plain(), optional(call, 2))),
  MaxPool: pictureOperator(maxPool),
  AveragePool: pictureOperator(averagePool),
  Resize: pictureOperator(upsample),
  DepthToSpace: pictureOperator(depthToSpace),
  SpaceToDepth: pictureOperator(spaceToDepth),
  [batchNormalisation]: normalise,
};

/** @throws CytoError INTERNAL where an operator has no counterpart in TensorFlow */
export const operatorOf = ({ opType }: Instruction): Operator => {
  const operator = operators[opType];
  if (!operator) throw new CytoError("INTERNAL", `The engine tfjs has no operator ${opType}`);
  return operator;
};
