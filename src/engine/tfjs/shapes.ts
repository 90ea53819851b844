import type { Tensor } from "@tensorflow/tfjs-core";
import type { TensorFlow } from "./library.js";

export interface Range {
  readonly axis: number;
  readonly start: number;
  /** Behind the last one; under 0, with a negative step, for "the first one included". */
  readonly end: number;
  readonly step: number;
}

/** The elements that ranges walk over. Steps other than 1 gather, since tfjs' stridedSlice has no gradient. */
export const walk = (tf: TensorFlow, x: Tensor, ranges: readonly Range[]): Tensor => {
  const begin = x.shape.map(() => 0);
  const size = [...x.shape];
  let result = x;
  for (const { axis, start, end, step } of ranges) {
    if (step === 1) {
      begin[axis] = start;
      size[axis] = end - start;
    } else {
      const places: number[] = [];
      for (let at = start; step > 0 ? at < end : at >= 0 && at > end; at += step) places.push(at);
      result = tf.gather(result, tf.tensor1d(places, "int32"), axis);
      size[axis] = places.length;
    }
  }
  return result.shape.join() === size.join() ? result.clone() : tf.slice(result, begin, size);
};

/** Zero padding by one [begin, end] pair per axis; negative pads crop. */
export const crop = (tf: TensorFlow, x: Tensor, pads: readonly (readonly [number, number])[]): Tensor => {
  const begin = pads.map(([before]) => Math.max(0, -before));
  const size = x.shape.map((dim, axis) => dim - begin[axis]! - Math.max(0, -pads[axis]![1]));
  const grow = pads.map(([before, after]): [number, number] => [Math.max(0, before), Math.max(0, after)]);
  const rest = size.join() === x.shape.join() ? x : tf.slice(x, begin, size);
  return grow.every(([before, after]) => before === 0 && after === 0) ? rest.clone() : tf.pad(rest, grow);
};

/** A function of the last axis, applied along another one. */
const alongAxis = (tf: TensorFlow, x: Tensor, axis: number, apply: (x: Tensor) => Tensor): Tensor => {
  const place = axis < 0 ? axis + x.rank : axis;
  if (place === x.rank - 1) return apply(x);
  const order = x.shape.map((_, at) => at);
  [order[place], order[x.rank - 1]] = [x.rank - 1, place];
  return tf.transpose(apply(tf.transpose(x, order)), order);
};

export const softmax = (tf: TensorFlow, x: Tensor, axis: number): Tensor =>
  alongAxis(tf, x, axis, (last) => tf.softmax(last));

export const logSoftmax = (tf: TensorFlow, x: Tensor, axis: number): Tensor =>
  alongAxis(tf, x, axis, (last) => tf.logSoftmax(last));

/** Products of matrices. tfjs does not sum gradients over broadcast batches, so that both get all batch axes before. */
export const matMul = (tf: TensorFlow, a: Tensor, b: Tensor, transposeB = false): Tensor => {
  const batch = tf.broadcast_util.assertAndGetBroadcastShape(a.shape.slice(0, -2), b.shape.slice(0, -2));
  const whole = (x: Tensor): Tensor => {
    const shape = [...batch, ...x.shape.slice(-2)];
    return x.shape.join() === shape.join() ? x : tf.add(x, tf.zeros(shape));
  };
  return tf.matMul(whole(a), whole(b), false, transposeB);
};
