import { CytoError } from "../../core/index.js";
import { staticShape, type Value } from "./graph.js";
import type { Operators } from "./operators.js";

export interface NormalisedBatch {
  readonly output: Value;
  /** Mean and (biased) variance per channel over batch and pixels, [C]. Not differentiable. */
  readonly mean: Value;
  readonly variance: Value;
}

export interface BatchNormOperands {
  /** [N,C,H,W] */
  readonly x: Value;
  /** [C] */
  readonly scale: Value;
  /** [C] */
  readonly bias: Value;
  readonly epsilon: number;
}

/**
 * Batch normalisation with the batch's own statistics (Ioffe & Szegedy 2015), as a composite: the closed form of its
 * gradient reads each picture-sized tensor fewer times than differentiating the parts would.
 */
export const batchNormalise = (ops: Operators, { x, scale, bias, epsilon }: BatchNormOperands): NormalisedBatch => {
  const [n, c, h, w] = staticShape(x) as readonly [number, number, number, number];
  const count = n * h * w;
  const image = (vector: Value) => ops.reshape(vector, [1, c, 1, 1]);
  const [output, mean, variance] = ops.graph.composite([x, scale, bias], () => {
    const average = ops.reduceMean(x, [0, 2, 3], false);
    const spread = ops.sub(ops.reduceMean(ops.mul(x, x), [0, 2, 3], false), ops.mul(average, average));
    const floor = ops.max(spread, ops.graph.scalar(0));
    const inverse = ops.div(ops.graph.scalar(1), ops.sqrt(ops.shift(floor, epsilon)));
    const result = ops.normaliseChannels(x, { scale, bias, mean: average, variance: floor }, epsilon);
    return {
      outputs: [result, average, floor],
      gradient: ([dy, ...statistics]) => {
        if (!dy || statistics.some((gradient) => gradient !== undefined)) {
          throw new CytoError("INTERNAL", "A loss depends on batch statistics, which are not differentiable");
        }
        const sum = ops.reduceSum(dy, [0, 2, 3], false);
        const product = ops.reduceSum(ops.mul(dy, x), [0, 2, 3], false);
        const dScale = ops.mul(inverse, ops.sub(product, ops.mul(average, sum)));
        // dx = factor * (dy - sum/count - (x - average) * inverse * dScale/count), sorted by dy, x and the rest.
        const factor = ops.mul(scale, inverse);
        const slope = ops.scale(ops.mul(ops.mul(factor, inverse), dScale), -1 / count);
        const offset = ops.sub(ops.scale(ops.mul(factor, sum), -1 / count), ops.mul(slope, average));
        const own = ops.add(ops.mul(x, image(slope)), image(offset));
        return [ops.add(ops.mul(dy, image(factor)), own), dScale, sum];
      },
    };
  });
  return { output: output!, mean: mean!, variance: variance! };
};
