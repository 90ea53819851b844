import type { Tensor } from "@tensorflow/tfjs-core";
import { isNative, type TensorFlow } from "./library.js";

export interface BatchOperands {
  /** [N,H,W,C] */
  readonly x: Tensor;
  /** [C] */
  readonly scale: Tensor;
  /** [C] */
  readonly bias: Tensor;
  readonly epsilon: number;
}

export interface NormalisedTensors {
  readonly output: Tensor;
  /** Mean and (biased) variance over batch and pixels, [C]. Not differentiable. */
  readonly mean: Tensor;
  readonly variance: Tensor;
}

/** Batch normalisation with the batch's own statistics. */
export const normaliseBatch = (tf: TensorFlow, operands: BatchOperands): NormalisedTensors =>
  isNative(tf) ? fused(tf, operands) : composed(tf, operands);

/** Of parts that tfjs differentiates one by one. */
const composed = (tf: TensorFlow, { x, scale, bias, epsilon }: BatchOperands): NormalisedTensors => {
  const mean = tf.mean(x, [0, 1, 2]);
  const centred = tf.sub(x, mean);
  const variance = tf.mean(tf.square(centred), [0, 1, 2]);
  const factor = tf.mul(scale, tf.rsqrt(tf.add(variance, epsilon)));
  return { output: tf.add(tf.mul(centred, factor), bias), mean, variance };
};

/** What tfjs-node's backend offers beyond tfjs: TensorFlow's operators by name. */
interface NativeBackend {
  readonly binding: Readonly<
    Record<"TF_ATTR_TYPE" | "TF_ATTR_FLOAT" | "TF_ATTR_STRING" | "TF_ATTR_BOOL" | "TF_FLOAT", number>
  >;
  executeMultipleOutputs(
    name: string,
    attributes: readonly object[],
    inputs: readonly Tensor[],
    count: number,
  ): Tensor[];
}

const attributesOf = ({ binding }: NativeBackend, epsilon: number): readonly object[] => [
  { name: "T", type: binding.TF_ATTR_TYPE, value: binding.TF_FLOAT },
  { name: "U", type: binding.TF_ATTR_TYPE, value: binding.TF_FLOAT },
  { name: "epsilon", type: binding.TF_ATTR_FLOAT, value: epsilon },
  { name: "data_format", type: binding.TF_ATTR_STRING, value: "NHWC" },
  { name: "is_training", type: binding.TF_ATTR_BOOL, value: true },
];

/**
 * TensorFlow's own operator for it and for its gradient, which tfjs has no name for: a third of the passes over the
 * picture. It is carried out first, which no tape sees; then it is given its gradient.
 */
const fused = (tf: TensorFlow, { x, scale, bias, epsilon }: BatchOperands): NormalisedTensors => {
  const backend = tf.backend() as unknown as NativeBackend;
  const attributes = attributesOf(backend, epsilon);
  const none = tf.tensor1d([], "float32");
  const results = backend.executeMultipleOutputs("FusedBatchNormV3", attributes, [x, scale, bias, none, none], 6);
  const [normal, mean, sampleVariance, ...reserved] = results as [Tensor, Tensor, Tensor, ...Tensor[]];
  const output = tf.customGrad((...operands) => {
    const [picture, factor, , save] = operands as [Tensor, Tensor, Tensor, (tensors: Tensor[]) => void];
    save([picture, factor, ...reserved]);
    const gradFunc = (dy: Tensor, saved: Tensor[]) =>
      backend.executeMultipleOutputs("FusedBatchNormGradV3", attributes, [dy, ...saved], 5).slice(0, 3);
    return { value: normal.clone(), gradFunc };
  })(x, scale, bias);
  const count = x.size / x.shape.at(-1)!;
  // TensorFlow gives the variance of the sample, as for a running mean.
  return { output, mean, variance: tf.mul(sampleVariance, count > 1 ? (count - 1) / count : 1) };
};
