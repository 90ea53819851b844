import type { SliceRange } from "../../../src/engine/onnx/index.js";
import type { GradientCase } from "./gradientCase.js";

const reshapeCases = (
  [
    [[2, 3], [6]],
    [
      [2, 3, 4],
      [0, -1],
    ],
    [
      [2, 6],
      [-1, 0, 2],
    ],
    [[1], []],
    [[], [1, 1]],
  ] as const
).map(
  ([dims, target]): GradientCase => ({
    title: `Reshape of [${dims}] to [${target}]`,
    operator: "Reshape",
    inputs: [{ dims }],
    build: (ops, [x]) => ops.reshape(x!, target),
  }),
);

const expandCases = (
  [
    [
      [2, 1],
      [2, 3],
    ],
    [
      [1, 3],
      [4, 2, 1],
    ],
    [[3], [2, 3]],
    [[], [2, 2]],
    [
      [2, 3],
      [1, 1],
    ],
  ] as const
).map(
  ([dims, target]): GradientCase => ({
    title: `Expand of [${dims}] by [${target}]`,
    operator: "Expand",
    inputs: [{ dims }],
    build: (ops, [x]) => ops.expand(x!, target),
  }),
);

const transposeCases = (
  [
    [
      [2, 3],
      [1, 0],
    ],
    [
      [2, 3, 4],
      [2, 0, 1],
    ],
    [
      [2, 1, 3, 2],
      [0, 3, 1, 2],
    ],
  ] as const
).map(
  ([dims, permutation]): GradientCase => ({
    title: `Transpose of [${dims}] by ${permutation}`,
    operator: "Transpose",
    inputs: [{ dims }],
    build: (ops, [x]) => ops.transpose(x!, permutation),
  }),
);

const concatCases = [0, 1, -1].map(
  (axis): GradientCase => ({
    title: `Concat of three along axis ${axis}, the first one twice`,
    operator: "Concat",
    inputs: [{ dims: [2, 2, 3] }, { dims: axis === 0 ? [1, 2, 3] : axis === 1 ? [2, 4, 3] : [2, 2, 1] }],
    build: (ops, [a, b]) => ops.concat([a!, b!, a!], axis),
  }),
);

const sliceCases = (
  [
    [[7], [{ axis: 0, start: 2, end: 5 }]],
    [[7], [{ axis: 0, start: 0, end: 7, step: 2 }]],
    [[7], [{ axis: 0, start: 1, end: 7, step: 3 }]],
    [[7], [{ axis: 0, start: 2, end: 7, step: 4 }]],
    [[7], [{ axis: 0, start: 6, end: -1, step: -1 }]],
    [[7], [{ axis: 0, start: 5, end: 1, step: -1 }]],
    [[7], [{ axis: 0, start: 6, end: -1, step: -2 }]],
    [[7], [{ axis: 0, start: 5, end: -1, step: -2 }]],
    [[7], [{ axis: 0, start: 5, end: 0, step: -3 }]],
    [[7], [{ axis: 0, start: 3, end: -1, step: -4 }]],
    [
      [3, 5, 4],
      [
        { axis: 1, start: 4, end: -1, step: -2 },
        { axis: 2, start: 1, end: 4, step: 2 },
      ],
    ],
    [
      [3, 5, 4],
      [
        { axis: 2, start: 3, end: 0, step: -1 },
        { axis: 0, start: 1, end: 2 },
      ],
    ],
  ] as readonly (readonly [readonly number[], readonly SliceRange[]])[]
).map(
  ([dims, ranges]): GradientCase => ({
    title: `Slice of [${dims}]: ${ranges.map((r) => `axis ${r.axis} ${r.start}..${r.end} by ${r.step ?? 1}`).join(", ")}`,
    operator: "Slice",
    inputs: [{ dims }],
    build: (ops, [x]) => ops.slice(x!, ranges),
  }),
);

type Pads = readonly (readonly [number, number])[];

const padCases = (
  [
    [[4], [[1, 2]]],
    [[4], [[-1, -2]]],
    [[4], [[-1, 2]]],
    [[4], [[3, -2]]],
    [
      [2, 3, 4],
      [
        [0, 0],
        [-1, 1],
        [2, -3],
      ],
    ],
  ] as readonly (readonly [readonly number[], Pads])[]
).map(
  ([dims, pads]): GradientCase => ({
    title: `Pad of [${dims}] by ${pads.map((pair) => `(${pair})`).join(" ")}`,
    operator: "Pad",
    inputs: [{ dims }],
    build: (ops, [x]) => ops.pad(x!, pads),
  }),
);

const matMulCases = (
  [
    [
      [2, 3],
      [3, 4],
    ],
    [
      [1, 3],
      [3, 1],
    ],
    [
      [2, 2, 3],
      [2, 3, 2],
    ],
    [
      [2, 2, 3],
      [3, 4],
    ],
    [
      [2, 3],
      [4, 3, 2],
    ],
    [
      [1, 2, 3],
      [3, 3, 2],
    ],
    [
      [2, 1, 2, 3],
      [1, 3, 3, 2],
    ],
  ] as const
).map(
  ([left, right]): GradientCase => ({
    title: `MatMul of [${left}] and [${right}]`,
    operator: "MatMul",
    inputs: [{ dims: left }, { dims: right }],
    build: (ops, [a, b]) => ops.matMul(a!, b!),
  }),
);

export const shapeCases = [
  ...reshapeCases,
  ...expandCases,
  ...transposeCases,
  ...concatCases,
  ...sliceCases,
  ...padCases,
  ...matMulCases,
];
