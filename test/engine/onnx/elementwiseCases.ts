import type { Tensor as TfTensor } from "@tensorflow/tfjs-core";
import type { Operators, Value } from "../../../src/engine/onnx/index.js";
import type { Draw, GradientCase } from "./gradientCase.js";
import type { TensorFlow } from "./tensorflow.js";

type Binary = "add" | "sub" | "mul" | "div" | "max" | "min";

const binaries: readonly (readonly [string, Binary, (tf: TensorFlow) => (a: TfTensor, b: TfTensor) => TfTensor])[] = [
  ["Add", "add", (tf) => tf.add],
  ["Sub", "sub", (tf) => tf.sub],
  ["Mul", "mul", (tf) => tf.mul],
  ["Div", "div", (tf) => tf.div],
  ["Max", "max", (tf) => (a, b) => tf.maximum(spread(tf, a, b), spread(tf, b, a))],
  ["Min", "min", (tf) => (a, b) => tf.minimum(spread(tf, a, b), spread(tf, b, a))],
];

/** tfjs 4.22 does not sum the gradients of maximum and minimum over broadcast axes, so `a` is broadcast to `b` before. */
const spread = (tf: TensorFlow, a: TfTensor, b: TfTensor): TfTensor => tf.add(a, tf.zerosLike(tf.add(a, b)));

/** Left and right shapes: equal, rows, columns, both at once, fewer axes, scalars, axes of 1. */
const broadcasts: readonly (readonly [readonly number[], readonly number[]])[] = [
  [
    [2, 3],
    [2, 3],
  ],
  [
    [2, 3],
    [1, 3],
  ],
  [
    [2, 1],
    [2, 3],
  ],
  [
    [3, 1, 2],
    [1, 4, 1],
  ],
  [[2, 3, 2], [2]],
  [[3], [2, 1, 3]],
  [[2, 2], []],
  [[], [3]],
  [
    [1, 1, 2],
    [1, 1, 2],
  ],
];

const drawsOf = (method: Binary): readonly [Draw, Draw] => {
  if (method === "div") return ["normal", "positive"];
  return method === "max" || method === "min" ? ["apart", "between"] : ["normal", "normal"];
};

const binaryCases = binaries.flatMap(([operator, method, oracle]) =>
  broadcasts.map(
    ([left, right]): GradientCase => ({
      title: `${operator} of [${left}] and [${right}]`,
      operator,
      inputs: [
        { dims: left, draw: drawsOf(method)[0] },
        { dims: right, draw: drawsOf(method)[1] },
      ],
      build: (ops, [a, b]) => ops[method](a!, b!),
      oracle: (tf, [a, b]) => oracle(tf)(a!, b!),
    }),
  ),
);

interface Unary {
  readonly operator: string;
  readonly draw?: Draw;
  readonly build: (ops: Operators, x: Value) => Value;
  readonly oracle: (tf: TensorFlow, x: TfTensor) => TfTensor;
}

const unaries: readonly Unary[] = [
  { operator: "Neg", build: (ops, x) => ops.neg(x), oracle: (tf, x) => tf.neg(x) },
  { operator: "Abs", draw: "apart", build: (ops, x) => ops.abs(x), oracle: (tf, x) => tf.abs(x) },
  { operator: "Exp", build: (ops, x) => ops.exp(x), oracle: (tf, x) => tf.exp(x) },
  { operator: "Log", draw: "positive", build: (ops, x) => ops.log(x), oracle: (tf, x) => tf.log(x) },
  { operator: "Sqrt", draw: "positive", build: (ops, x) => ops.sqrt(x), oracle: (tf, x) => tf.sqrt(x) },
  { operator: "Relu", draw: "apart", build: (ops, x) => ops.relu(x), oracle: (tf, x) => tf.relu(x) },
  {
    operator: "LeakyRelu",
    draw: "apart",
    build: (ops, x) => ops.leakyRelu(x, 0.2),
    oracle: (tf, x) => tf.leakyRelu(x, 0.2),
  },
  { operator: "Sigmoid", build: (ops, x) => ops.sigmoid(x), oracle: (tf, x) => tf.sigmoid(x) },
  { operator: "Softplus", build: (ops, x) => ops.softplus(x), oracle: (tf, x) => tf.softplus(x) },
  { operator: "Tanh", build: (ops, x) => ops.tanh(x), oracle: (tf, x) => tf.tanh(x) },
];

const unaryCases = unaries.map(
  ({ operator, draw = "normal", build, oracle }): GradientCase => ({
    title: `${operator} of [2,5]`,
    operator,
    inputs: [{ dims: [2, 5], draw }],
    build: (ops, [x]) => build(ops, x!),
    oracle: (tf, [x]) => oracle(tf, x!),
  }),
);

/** A function of the last axis applied along another one. */
const along = (tf: TensorFlow, x: TfTensor, axis: number, apply: (x: TfTensor) => TfTensor): TfTensor => {
  const order = Array.from({ length: x.rank }, (_, at) => at);
  [order[axis], order[x.rank - 1]] = [x.rank - 1, axis];
  return tf.transpose(apply(tf.transpose(x, order)), order);
};

const softmaxCases = [-1, 1, 0].flatMap((axis): GradientCase[] => {
  const place = axis < 0 ? axis + 3 : axis;
  return [
    {
      title: `Softmax along axis ${axis} of [2,3,4]`,
      operator: "Softmax",
      inputs: [{ dims: [2, 3, 4] }],
      build: (ops, [x]) => ops.softmax(x!, axis),
      oracle: (tf, [x]) => along(tf, x!, place, (last) => tf.softmax(last)),
    },
    {
      title: `LogSoftmax along axis ${axis} of [2,3,4]`,
      operator: "LogSoftmax",
      inputs: [{ dims: [2, 3, 4] }],
      build: (ops, [x]) => ops.logSoftmax(x!, axis),
      oracle: (tf, [x]) => along(tf, x!, place, (last) => tf.logSoftmax(last)),
    },
  ];
});

/** The axes of 1 are the trap: reduced or not, their size is the same. */
const reductions: readonly { readonly dims: readonly number[]; readonly axes: readonly number[] }[] = [
  { dims: [2, 3, 4], axes: [1] },
  { dims: [2, 3, 4], axes: [-1] },
  { dims: [2, 3, 4], axes: [2, 0] },
  { dims: [2, 3, 4], axes: [0, 1, 2] },
  { dims: [1, 3, 1], axes: [0] },
  { dims: [2, 1, 3], axes: [1, 2] },
  { dims: [1, 1], axes: [0, 1] },
  { dims: [5], axes: [0] },
];

const reductionCases = reductions.flatMap(({ dims, axes }) =>
  [true, false].flatMap((keepDims): GradientCase[] => {
    const title = `over axes ${axes} of [${dims}], ${keepDims ? "kept" : "dropped"}`;
    return [
      {
        title: `ReduceSum ${title}`,
        operator: "ReduceSum",
        inputs: [{ dims }],
        build: (ops, [x]) => ops.reduceSum(x!, axes, keepDims),
        oracle: (tf, [x]) => tf.sum(x!, [...axes], keepDims),
      },
      {
        title: `ReduceMean ${title}`,
        operator: "ReduceMean",
        inputs: [{ dims }],
        build: (ops, [x]) => ops.reduceMean(x!, axes, keepDims),
        oracle: (tf, [x]) => tf.mean(x!, [...axes], keepDims),
      },
    ];
  }),
);

export const elementwiseCases = [...binaryCases, ...unaryCases, ...softmaxCases, ...reductionCases];
