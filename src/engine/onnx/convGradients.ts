import { type GraphNode, staticShape, type Value } from "./graph.js";
import type { Operators } from "./operators.js";

/** Stride and pads of a convolution, in the form that `Operators.conv` takes. */
export interface ConvWindow {
  readonly stride: number;
  /** Top, left, bottom, right. */
  readonly pads: readonly [number, number, number, number];
}

export interface ConvOperands {
  /** Input of the convolution [N,C,H,W]. */
  readonly x: Value;
  /** [M,C,kH,kW] for Conv, [C,M,kH,kW] for ConvTranspose. */
  readonly weights: Value;
  /** Gradient of the loss by the output. */
  readonly gradient: Value;
  readonly window: ConvWindow;
}

export const windowOf = (node: GraphNode): ConvWindow => ({
  stride: (node.attributes.strides as readonly number[])[0]!,
  pads: node.attributes.pads as unknown as ConvWindow["pads"],
});

type Four = readonly [number, number, number, number];
const four = (value: Value): Four => staticShape(value) as unknown as Four;

/** The kernel turned by 180 degrees with its channel axes swapped: [M,C,kH,kW] -> [C,M,kH,kW]. */
const adjointKernel = (ops: Operators, weights: Value): Value => {
  const [m, c, kh, kw] = four(weights);
  const taps = kh * kw;
  const flipped = ops.slice(ops.reshape(weights, [m, c, taps]), [{ axis: 2, start: taps - 1, end: -1, step: -1 }]);
  return ops.reshape(ops.transpose(flipped, [1, 0, 2]), [c, m, kh, kw]);
};

/**
 * Gradient of a convolution by its input, [N,C,H,W]. At stride 1 it is a convolution with the adjoint kernel, which
 * runs faster than ConvTranspose; at larger strides it is ConvTranspose.
 */
export const convInputGradient = (ops: Operators, { x, weights, gradient, window }: ConvOperands): Value => {
  const [, , h, w] = four(x);
  const [, , oh, ow] = four(gradient);
  const [, , kh, kw] = four(weights);
  const [top, left] = window.pads;
  if (window.stride === 1) {
    const pads = [kh - 1 - top, kw - 1 - left, h + top - oh, w + left - ow] as const;
    // Where the padding reached past the kernel, the gradient's border saw zeros only: it is cropped.
    const [cropTop, cropLeft, cropBottom, cropRight] = pads.map((pad) => Math.min(0, pad)) as unknown as typeof pads;
    const rest = pads.map((pad) => Math.max(0, pad)) as unknown as typeof pads;
    const none = [0, 0] as const;
    const seen = pads.every((pad) => pad >= 0)
      ? gradient
      : ops.pad(gradient, [none, none, [cropTop, cropBottom], [cropLeft, cropRight]]);
    return ops.conv(seen, adjointKernel(ops, weights), { pads: rest });
  }
  const reach = (out: number, kernel: number, begin: number, end: number) =>
    (out - 1) * window.stride + kernel - begin - end;
  const outputPadding = [h - reach(oh, kh, top, window.pads[2]), w - reach(ow, kw, left, window.pads[3])] as const;
  return ops.convTranspose(gradient, weights, { ...window, outputPadding });
};

/**
 * Gradient of a convolution by its weights, [M,C,kH,kW].
 *
 * A strided convolution is first rewritten as one of stride 1 on the space-to-depth picture. At stride 1 the kH row
 * shifts of the gradient and the kW column shifts of the input are stacked as channels, and one matrix product over
 * all pixels gives every tap: kH + kW copies instead of kH * kW.
 */
export const convWeightGradient = (ops: Operators, operands: ConvOperands): Value =>
  operands.window.stride === 1 ? unitStrideWeightGradient(ops, operands) : stridedWeightGradient(ops, operands);

const unitStrideWeightGradient = (ops: Operators, { x, weights, gradient, window }: ConvOperands): Value => {
  const [n, c, h, w] = four(x);
  const [m, , kh, kw] = four(weights);
  const [, , oh, ow] = four(gradient);
  const [top, left] = window.pads;
  const none = [0, 0] as const;
  const columns = Array.from({ length: kw }, (_, tap) => {
    const begin = left - tap;
    return begin === 0 && ow === w ? x : ops.pad(x, [none, none, none, [begin, ow - w - begin]]);
  });
  const rows = Array.from({ length: kh }, (_, tap) => {
    const begin = tap - top;
    return begin === 0 && oh === h ? gradient : ops.pad(gradient, [none, none, [begin, h - oh - begin], none]);
  });
  const stack = (parts: readonly Value[], channels: number) =>
    ops.reshape(parts.length === 1 ? parts[0]! : ops.concat(parts, 1), [n, parts.length * channels, h * ow]);
  const product = ops.matMulTransposed(stack(rows, m), stack(columns, c));
  const summed = n === 1 ? product : ops.reduceSum(product, [0]);
  const taps = ops.reshape(summed, [kh, m, kw, c]);
  return ops.transpose(taps, [1, 3, 0, 2]);
};

const stridedWeightGradient = (ops: Operators, { x, weights, gradient, window }: ConvOperands): Value => {
  const { stride } = window;
  const [, c, h, w] = four(x);
  const [m, , kh, kw] = four(weights);
  const [, , oh, ow] = four(gradient);
  const [blocksH, blocksW] = [Math.ceil(kh / stride), Math.ceil(kw / stride)];
  const [top, left] = window.pads;
  const [tall, wide] = [stride * (oh - 1 + blocksH), stride * (ow - 1 + blocksW)];
  const padded = ops.pad(x, [
    [0, 0],
    [0, 0],
    [top, tall - h - top],
    [left, wide - w - left],
  ]);
  const folded = ops.spaceToDepth(padded, stride);
  const shape = [m, stride * stride * c, blocksH, blocksW];
  const unit = { stride: 1, pads: [0, 0, 0, 0] as const };
  const product = unitStrideWeightGradient(ops, { x: folded, weights: { ...weights, shape }, gradient, window: unit });
  const split = ops.reshape(product, [m, stride, stride, c, blocksH, blocksW]);
  const whole = ops.reshape(ops.transpose(split, [0, 3, 4, 1, 5, 2]), [m, c, blocksH * stride, blocksW * stride]);
  const exact = blocksH * stride === kh && blocksW * stride === kw;
  return exact
    ? whole
    : ops.slice(whole, [
        { axis: 2, start: 0, end: kh },
        { axis: 3, start: 0, end: kw },
      ]);
};

/** Gradient of a transposed convolution by its weights [C,M,kH,kW]: a convolution's, with the two pictures swapped. */
export const convTransposeWeightGradient = (ops: Operators, { x, weights, gradient, window }: ConvOperands): Value =>
  convWeightGradient(ops, { x: gradient, weights, gradient: x, window });
