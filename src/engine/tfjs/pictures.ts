import type { Tensor, Tensor4D } from "@tensorflow/tfjs-core";
import type { Call } from "./call.js";
import { isNative } from "./library.js";

/** Convolutions and poolings on pictures [N,H,W,C], with the attributes and weights of the graph's [N,C,H,W]. */

interface Window {
  readonly kernel: readonly [number, number];
  readonly stride: number;
  readonly top: number;
  readonly left: number;
  readonly bottom: number;
  readonly right: number;
}

const windowOf = ({ instruction: { attributes } }: Call): Window => {
  const [top, left, bottom, right] = attributes.pads as readonly [number, number, number, number];
  const [stride] = attributes.strides as readonly [number];
  return { kernel: attributes.kernel_shape as readonly [number, number], stride, top, left, bottom, right };
};

/** The pads that TensorFlow calls "same", before and after. */
const sameAlong = (size: number, kernel: number, stride: number): readonly [number, number] => {
  const pads = Math.max(0, (Math.ceil(size / stride) - 1) * stride + kernel - size);
  return [pads >> 1, pads - (pads >> 1)];
};

/** The picture, padded where TensorFlow has no name for the window's pads, and the name. */
const padded = ({ tf }: Call, x: Tensor, window: Window, filler = 0): readonly [Tensor4D, "same" | "valid"] => {
  const { kernel, stride, top, left, bottom, right } = window;
  const [, h, w] = x.shape as [number, number, number, number];
  if (top + left + bottom + right === 0) return [x as Tensor4D, "valid"];
  const same = [...sameAlong(h, kernel[0], stride), ...sameAlong(w, kernel[1], stride)];
  if (same.join() === [top, bottom, left, right].join()) return [x as Tensor4D, "same"];
  const pads: [number, number][] = [
    [0, 0],
    [top, bottom],
    [left, right],
    [0, 0],
  ];
  return [tf.pad(x, pads, filler) as Tensor4D, "valid"];
};

/** [M,C,kH,kW] -> [kH,kW,C,M]; of a transposed convolution [C,M,kH,kW] -> [kH,kW,M,C]. */
const kernelOf = ({ tf }: Call, weights: Tensor): Tensor4D => tf.transpose(weights, [2, 3, 1, 0]) as Tensor4D;

const withBias = ({ tf }: Call, y: Tensor, bias: Tensor | undefined): Tensor => (bias ? tf.add(y, bias) : y);

export const conv = (call: Call, x: Tensor, weights: Tensor, bias: Tensor | undefined): Tensor => {
  const window = windowOf(call);
  const [picture, padding] = padded(call, x, window);
  return withBias(call, call.tf.conv2d(picture, kernelOf(call, weights), window.stride, padding), bias);
};

export const convTranspose = (call: Call, x: Tensor, weights: Tensor, bias: Tensor | undefined): Tensor => {
  const { tf, instruction } = call;
  const { kernel, stride, top, left, bottom, right } = windowOf(call);
  const [extraH, extraW] = instruction.attributes.output_padding as readonly [number, number];
  const [n, h, w] = x.shape as [number, number, number, number];
  const m = weights.shape[1]!;
  const tall = (h - 1) * stride + kernel[0] + extraH;
  const wide = (w - 1) * stride + kernel[1] + extraW;
  const whole = tf.conv2dTranspose(x as Tensor4D, kernelOf(call, weights), [n, tall, wide, m], stride, "valid");
  return withBias(call, tf.slice(whole, [0, top, left, 0], [n, tall - top - bottom, wide - left - right, m]), bias);
};

/** Less than every element, but finite: TensorFlow's gradient takes it for one. */
const belowAll = -3e38;

export const maxPool = (call: Call, x: Tensor): Tensor => {
  const window = windowOf(call);
  const [picture, padding] = padded(call, x, window, belowAll);
  return call.tf.maxPool(picture, [...window.kernel], window.stride, padding);
};

export const averagePool = (call: Call, x: Tensor): Tensor => {
  const { kernel, stride } = windowOf(call);
  return call.tf.avgPool(x as Tensor4D, [...kernel], stride, "valid");
};

/**
 * Nearest-neighbour enlargement. In pure JavaScript as a product with ones: there the gradient of tfjs 4.22's own is wrong
 * from the second picture of a batch on.
 */
export const upsample = ({ tf, instruction }: Call, x: Tensor): Tensor => {
  const [n, c, tall, wide] = instruction.shape as readonly [number, number, number, number];
  if (isNative(tf)) return tf.image.resizeNearestNeighbor(x as Tensor4D, [tall, wide]);
  const [, h, w] = x.shape as [number, number, number, number];
  const blocks = tf.mul(tf.reshape(x, [n * h, 1, w, 1, c]), tf.ones([1, tall / h, 1, wide / w, 1]));
  return tf.reshape(blocks, [n, tall, wide, c]);
};

/** The block's row, column, then channel become channels. */
export const spaceToDepth = ({ tf, instruction }: Call, x: Tensor): Tensor => {
  const block = instruction.attributes.blocksize as number;
  const [n, h, w, c] = x.shape as [number, number, number, number];
  const blocks = tf.reshape(x, [n, h / block, block, w / block, block, c]);
  return tf.reshape(tf.transpose(blocks, [0, 1, 3, 2, 4, 5]), [n, h / block, w / block, block * block * c]);
};

/** The inverse of `spaceToDepth`. */
export const depthToSpace = ({ tf, instruction }: Call, x: Tensor): Tensor => {
  const block = instruction.attributes.blocksize as number;
  const [n, h, w, channels] = x.shape as [number, number, number, number];
  const c = channels / (block * block);
  const blocks = tf.reshape(x, [n, h, w, block, block, c]);
  return tf.reshape(tf.transpose(blocks, [0, 1, 3, 2, 4, 5]), [n, h * block, w * block, c]);
};
