import { CytoError } from "../../core/index.js";
import type { Dim, Shape } from "./graph.js";

/** A dimension computed from another; where that is not known, the result gets a name that says how it came about. */
export const mapDim = (dim: Dim, compute: (size: number) => number, describe: (name: string) => string): Dim =>
  typeof dim === "number" ? compute(dim) : describe(dim);

/** The shape of an elementwise operation, by ONNX multidirectional broadcasting. */
export const broadcastShape = (a: Shape, b: Shape): Shape => {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, axis) => {
    const left = a[axis - rank + a.length] ?? 1;
    const right = b[axis - rank + b.length] ?? 1;
    if (left === right || right === 1) return left;
    if (left === 1) return right;
    if (typeof left === "string") return right;
    if (typeof right === "string") return left;
    throw new CytoError("INTERNAL", `Shapes [${a.join(",")}] and [${b.join(",")}] do not broadcast`);
  });
};

export interface Window2d {
  readonly kernel: readonly [number, number];
  readonly stride: number;
  /** Top, left, bottom, right, as ONNX orders them. */
  readonly pads: readonly [number, number, number, number];
}

/** Output size of a convolution or pooling along one axis (ONNX Conv, floor mode). */
export const windowSize = (size: Dim, kernel: number, stride: number, padding: number): Dim =>
  mapDim(
    size,
    (known) => Math.floor((known + padding - kernel) / stride) + 1,
    (name) => (stride === 1 && padding === kernel - 1 ? name : `${name}/${stride}`),
  );

export const sizeOf = (shape: readonly number[]): number => shape.reduce((product, dim) => product * dim, 1);

export const normaliseAxes = (axes: readonly number[], rank: number): number[] =>
  axes.map((axis) => (axis < 0 ? axis + rank : axis)).sort((a, b) => a - b);
