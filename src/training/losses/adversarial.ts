import type { Operators, Value } from "../../engine/onnx/index.js";

const meanOf = (ops: Operators, x: Value): Value => {
  const axes = x.shape.map((_, axis) => axis);
  return ops.reduceMean(x, axes, false);
};

/** -log D from the logit of D, mean over all logits. */
const realLoss = (ops: Operators, logits: Value): Value => meanOf(ops, ops.softplus(ops.neg(logits)));

/** -log(1 - D) from the logit of D, mean over all logits. */
const paintedLoss = (ops: Operators, logits: Value): Value => meanOf(ops, ops.softplus(logits));

/**
 * method.md's L_CGAN as the discriminator goes down it: -E[log D(x, y)] - E[log(1 - D(y, G(y)))]. From logits of any
 * shape, so that no probability is rounded to 0 or 1.
 *
 * @param realLabel what is asked for real pictures; under 1 it smooths one side (Salimans et al. 2016, section 3.4)
 * @returns a scalar, at least 0; 2 log 2 where the discriminator knows nothing
 */
export const discriminatorLoss = (
  ops: Operators,
  logits: { readonly real: Value; readonly painted: Value },
  realLabel = 1,
): Value => {
  const certain = realLoss(ops, logits.real);
  const onReal =
    realLabel === 1
      ? certain
      : ops.add(ops.scale(certain, realLabel), ops.scale(paintedLoss(ops, logits.real), 1 - realLabel));
  return ops.add(onReal, paintedLoss(ops, logits.painted));
};

/**
 * method.md's L_CGAN as the generator goes down it, in the form of Goodfellow et al. 2014, section 3, which keeps its
 * slope where the discriminator is sure: -E[log D(y, G(y))].
 */
export const generatorLoss = (ops: Operators, painted: Value): Value => realLoss(ops, painted);

/** method.md's L_CGAN as the generator goes down it, as printed: E[log(1 - D(y, G(y)))]. At most 0. */
export const minimaxGeneratorLoss = (ops: Operators, painted: Value): Value => ops.neg(paintedLoss(ops, painted));

/** method.md's L_L1: E ||x - G(y)||_1, per number, so that it does not grow with the picture. */
export const absoluteLoss = (ops: Operators, painted: Value, real: Value): Value =>
  meanOf(ops, ops.abs(ops.sub(painted, real)));
