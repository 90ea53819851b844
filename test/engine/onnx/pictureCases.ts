import { batchNormalise, type Operators, type Value } from "../../../src/engine/onnx/index.js";
import type { GradientCase } from "./gradientCase.js";

type Pads = readonly [number, number, number, number];

interface ConvCase {
  /** N, C, H, W and the kernel's M, kH, kW. */
  readonly x: readonly [number, number, number, number];
  readonly m: number;
  readonly kernel: readonly [number, number];
  readonly stride?: number;
  readonly pads?: number | Pads;
  readonly bias?: boolean;
}

const describeConv = ({ x, m, kernel, stride = 1, pads, bias = false }: ConvCase): string => {
  const padding = pads === undefined ? "default pads" : `pads ${pads}`;
  return `of [${x}] to ${m} channels, kernel ${kernel.join("x")}, stride ${stride}, ${padding}${bias ? ", bias" : ""}`;
};

const optionsOf = ({ stride, pads }: ConvCase, bias: Value | undefined) => ({
  ...(stride === undefined ? {} : { stride }),
  ...(pads === undefined ? {} : { pads }),
  ...(bias ? { bias } : {}),
});

const convCases = (
  [
    { x: [2, 3, 5, 6], m: 4, kernel: [3, 3] },
    { x: [1, 2, 5, 6], m: 3, kernel: [3, 3], bias: true },
    { x: [2, 2, 4, 5], m: 3, kernel: [1, 1], bias: true },
    { x: [2, 2, 5, 4], m: 2, kernel: [4, 4] },
    { x: [2, 2, 6, 5], m: 2, kernel: [5, 5] },
    { x: [1, 2, 8, 7], m: 2, kernel: [7, 7] },
    { x: [1, 2, 6, 6], m: 2, kernel: [2, 2], pads: [0, 0, 1, 1] },
    { x: [2, 2, 5, 6], m: 2, kernel: [3, 5], pads: [2, 0, 0, 3] },
    { x: [1, 2, 5, 6], m: 2, kernel: [3, 3], pads: 0 },
    { x: [1, 1, 4, 4], m: 2, kernel: [1, 1], pads: 1 },
    { x: [1, 2, 4, 3], m: 2, kernel: [2, 3], pads: [3, 1, 0, 4] },
    { x: [2, 2, 6, 8], m: 3, kernel: [3, 3], stride: 2, bias: true },
    { x: [1, 2, 7, 5], m: 2, kernel: [3, 3], stride: 2 },
    { x: [2, 2, 6, 8], m: 3, kernel: [4, 4], stride: 2, pads: 1 },
    { x: [1, 2, 7, 6], m: 2, kernel: [4, 4], stride: 2, pads: [2, 1, 0, 3] },
    { x: [1, 2, 6, 6], m: 2, kernel: [1, 1], stride: 2 },
    { x: [1, 2, 7, 7], m: 2, kernel: [5, 5], stride: 2 },
    { x: [1, 2, 8, 9], m: 2, kernel: [7, 7], stride: 2 },
    { x: [1, 2, 6, 7], m: 2, kernel: [2, 2], stride: 2, pads: 0 },
    { x: [1, 2, 8, 8], m: 2, kernel: [3, 3], stride: 3, pads: 0 },
    { x: [1, 1, 9, 9], m: 1, kernel: [2, 2], stride: 4, pads: 0 },
    { x: [1, 1, 5, 5], m: 2, kernel: [1, 1], stride: 2, pads: 1 },
  ] as readonly ConvCase[]
).map(
  (shape): GradientCase => ({
    title: `Conv ${describeConv(shape)}`,
    operator: "Conv",
    inputs: [
      { dims: shape.x },
      { dims: [shape.m, shape.x[1], ...shape.kernel] },
      ...(shape.bias ? [{ dims: [shape.m] }] : []),
    ],
    build: (ops, [x, weights, bias]) => ops.conv(x!, weights!, optionsOf(shape, bias)),
  }),
);

const transposedCases = (
  [
    { x: [2, 3, 3, 4], m: 2, kernel: [3, 3] },
    { x: [1, 2, 3, 4], m: 3, kernel: [4, 4], stride: 2, pads: 1, bias: true },
    { x: [2, 2, 3, 3], m: 2, kernel: [3, 3], stride: 2, pads: 1, extra: [1, 1] },
    { x: [1, 2, 3, 2], m: 2, kernel: [3, 3], stride: 2, pads: 1, extra: [0, 1] },
    { x: [1, 2, 3, 3], m: 2, kernel: [2, 2], stride: 2, pads: 0, bias: true },
    { x: [1, 2, 3, 3], m: 2, kernel: [5, 3], stride: 2, pads: [2, 0, 1, 1], extra: [1, 0] },
    { x: [1, 2, 3, 3], m: 1, kernel: [4, 4], stride: 3, pads: [0, 1, 1, 0], extra: [2, 1] },
    { x: [1, 1, 4, 3], m: 2, kernel: [1, 1] },
  ] as readonly (ConvCase & { readonly extra?: readonly [number, number] })[]
).map((shape): GradientCase => {
  const { extra = [0, 0] } = shape;
  return {
    title: `ConvTranspose ${describeConv(shape)}, output padding ${extra}`,
    operator: "ConvTranspose",
    inputs: [
      { dims: shape.x },
      { dims: [shape.x[1], shape.m, ...shape.kernel] },
      ...(shape.bias ? [{ dims: [shape.m] }] : []),
    ],
    build: (ops, [x, weights, bias]) =>
      ops.convTranspose(x!, weights!, { ...optionsOf(shape, bias), outputPadding: extra }),
  };
});

const poolCases = (
  [
    [[2, 2, 4, 6], 2],
    [[1, 2, 6, 3], 3],
    [[1, 1, 2, 2], 1],
  ] as const
).flatMap(([dims, size]): GradientCase[] => [
  {
    title: `MaxPool of [${dims}] by ${size}`,
    operator: "MaxPool",
    inputs: [{ dims, draw: "apart" }],
    build: (ops, [x]) => ops.maxPool(x!, { kernel: size, stride: size }),
  },
  {
    title: `AveragePool of [${dims}] by ${size}`,
    operator: "AveragePool",
    inputs: [{ dims }],
    build: (ops, [x]) => ops.averagePool(x!, { kernel: size, stride: size }),
  },
  {
    title: `Resize of [${dims}] by ${size}`,
    operator: "Resize",
    inputs: [{ dims }],
    build: (ops, [x]) => ops.upsample(x!, size),
  },
  {
    title: `SpaceToDepth of [${dims}] by ${size}`,
    operator: "SpaceToDepth",
    inputs: [{ dims }],
    build: (ops, [x]) => ops.spaceToDepth(x!, size),
  },
  {
    title: `DepthToSpace of [${dims}], each channel ${size * size} times, by ${size}`,
    operator: "DepthToSpace",
    inputs: [{ dims: [dims[0], size * size * dims[1], dims[2], dims[3]] }],
    build: (ops, [x]) => ops.depthToSpace(x!, size),
  },
]);

const epsilon = 1e-3;
const normalise = (ops: Operators, [x, scale, bias]: readonly Value[]): Value =>
  batchNormalise(ops, { x: x!, scale: scale!, bias: bias!, epsilon }).output;

/** Not an operator of its own: its composite gradient stands for BatchNormalization with the batch's statistics. */
export const normalisationCases = (
  [
    [2, 3, 3, 2],
    [1, 2, 4, 4],
    [4, 3, 1, 1],
  ] as const
).map(
  (dims): GradientCase => ({
    title: `batch normalisation of [${dims}]`,
    operator: "BatchNormalization",
    inputs: [{ dims }, { dims: [dims[1]], draw: "positive" }, { dims: [dims[1]] }],
    build: normalise,
  }),
);

export const pictureCases = [...convCases, ...transposedCases, ...poolCases];
