import type { Operators, Value } from "../../engine/onnx/index.js";

/**
 * Cross-entropy of logits [N,C] against probabilities [N,C], mean over N: method.md's L_class where the labels are
 * certain.
 */
export const crossEntropy = (ops: Operators, logits: Value, probabilities: Value): Value => {
  const perSample = ops.reduceSum(ops.mul(probabilities, ops.logSoftmax(logits)), [1], false);
  return ops.neg(ops.reduceMean(perSample, [0], false));
};
