import type { Operators, Value } from "../../../src/engine/onnx/index.js";
import type { Draw, GradientCase } from "./gradientCase.js";

type Binary = "add" | "sub" | "mul" | "div" | "max" | "min";

const binaries: readonly (readonly [string, Binary])[] = [
  ["Add", "add"],
  ["Sub", "sub"],
  ["Mul", "mul"],
  ["Div", "div"],
  ["Max", "max"],
  ["Min", "min"],
];

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

const binaryCases = binaries.flatMap(([operator, method]) =>
  broadcasts.map(
    ([left, right]): GradientCase => ({
      title: `${operator} of [${left}] and [${right}]`,
      operator,
      inputs: [
        { dims: left, draw: drawsOf(method)[0] },
        { dims: right, draw: drawsOf(method)[1] },
      ],
      build: (ops, [a, b]) => ops[method](a!, b!),
    }),
  ),
);

interface Unary {
  readonly operator: string;
  readonly draw?: Draw;
  readonly build: (ops: Operators, x: Value) => Value;
}

const unaries: readonly Unary[] = [
  { operator: "Neg", build: (ops, x) => ops.neg(x) },
  { operator: "Abs", draw: "apart", build: (ops, x) => ops.abs(x) },
  { operator: "Exp", build: (ops, x) => ops.exp(x) },
  { operator: "Log", draw: "positive", build: (ops, x) => ops.log(x) },
  { operator: "Sqrt", draw: "positive", build: (ops, x) => ops.sqrt(x) },
  { operator: "Relu", draw: "apart", build: (ops, x) => ops.relu(x) },
  {
    operator: "LeakyRelu",
    draw: "apart",
    build: (ops, x) => ops.leakyRelu(x, 0.2),
  },
  { operator: "Sigmoid", build: (ops, x) => ops.sigmoid(x) },
  { operator: "Softplus", build: (ops, x) => ops.softplus(x) },
  { operator: "Tanh", build: (ops, x) => ops.tanh(x) },
];

const unaryCases = unaries.map(
  ({ operator, draw = "normal", build }): GradientCase => ({
    title: `${operator} of [2,5]`,
    operator,
    inputs: [{ dims: [2, 5], draw }],
    build: (ops, [x]) => build(ops, x!),
  }),
);

const softmaxCases = [-1, 1, 0].flatMap((axis): GradientCase[] => {
  return [
    {
      title: `Softmax along axis ${axis} of [2,3,4]`,
      operator: "Softmax",
      inputs: [{ dims: [2, 3, 4] }],
      build: (ops, [x]) => ops.softmax(x!, axis),
    },
    {
      title: `LogSoftmax along axis ${axis} of [2,3,4]`,
      operator: "LogSoftmax",
      inputs: [{ dims: [2, 3, 4] }],
      build: (ops, [x]) => ops.logSoftmax(x!, axis),
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
      },
      {
        title: `ReduceMean ${title}`,
        operator: "ReduceMean",
        inputs: [{ dims }],
        build: (ops, [x]) => ops.reduceMean(x!, axes, keepDims),
      },
    ];
  }),
);

export const elementwiseCases = [...binaryCases, ...unaryCases, ...softmaxCases, ...reductionCases];
