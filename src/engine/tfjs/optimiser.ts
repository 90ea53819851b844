import type { Scalar, Tensor1D } from "@tensorflow/tfjs-core";
import type { AdamOptions } from "../contract.js";
import type { TensorFlow } from "./library.js";

export interface Moments {
  readonly parameters: Tensor1D;
  readonly firstMoment: Tensor1D;
  readonly secondMoment: Tensor1D;
}

export interface AdamStep {
  readonly optimiser: AdamOptions;
  readonly gradient: Tensor1D;
  readonly learningRate: number;
  /** The number of this step, from 1. */
  readonly step: number;
  /** Weight decay by parameter, [length]; undefined for none. */
  readonly decay: Tensor1D | undefined;
}

/** L2 norm. */
export const normOf = (tf: TensorFlow, gradient: Tensor1D): Scalar => tf.sqrt(tf.sum(tf.square(gradient)));

/** Adam with decoupled weight decay and clipping by the global norm, as `compileStep` has it, on flat vectors. */
export const moveParameters = (
  tf: TensorFlow,
  { parameters, firstMoment, secondMoment }: Moments,
  { optimiser, gradient, learningRate, step, decay }: AdamStep,
): Moments => {
  const { beta1, beta2, epsilon, clipNorm } = optimiser;
  const bounded = Number.isFinite(clipNorm)
    ? tf.mul<Tensor1D>(gradient, tf.minimum(1, tf.div(clipNorm, tf.add(normOf(tf, gradient), 1e-6))))
    : gradient;
  const blend = (old: Tensor1D, fresh: Tensor1D, part: number): Tensor1D =>
    tf.add(tf.mul(old, part), tf.mul(fresh, 1 - part));
  const nextFirst = blend(firstMoment, bounded, beta1);
  const nextSecond = blend(secondMoment, tf.square(bounded), beta2);
  const root = tf.add(tf.sqrt(tf.div(nextSecond, 1 - beta2 ** step)), epsilon);
  const direction = tf.div<Tensor1D>(tf.div(nextFirst, 1 - beta1 ** step), root);
  const decayed = decay ? tf.add<Tensor1D>(direction, tf.mul(parameters, decay)) : direction;
  return {
    parameters: tf.sub(parameters, tf.mul(decayed, learningRate)),
    firstMoment: nextFirst,
    secondMoment: nextSecond,
  };
};

/** A moving average's next value. */
export const follow = (tf: TensorFlow, old: Tensor1D, fresh: Tensor1D, decay: number): Tensor1D =>
  tf.add(fresh, tf.mul(tf.sub(old, fresh), decay));
