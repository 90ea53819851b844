import { type Operators, staticShape, type Value } from "../../engine/onnx/index.js";

/** Which squares of the painted pictures are cut out for the judge. W cells, N pictures of S px, crops of P px. */
export interface CropSampling {
  /** [W,N]: 1 for the picture that the cell is in, else 0. */
  readonly picture: Value;
  /** [W,P,S]: what each row of the crop takes from the rows of the picture. */
  readonly rows: Value;
  /** [W,P,S]: the same for columns. */
  readonly columns: Value;
}

/**
 * Cuts crops out of pictures by matrix products, so that a loss on the crops reaches the pictures: crop = rows * picture
 * * columns'. The matrices are fed; any separable resampling can be written as such.
 *
 * @param pictures float32 [N,C,S,S]
 * @returns float32 [W,C,P,P]
 */
export const cutCrops = (ops: Operators, pictures: Value, sampling: CropSampling): Value => {
  const [n, c, h, w] = staticShape(pictures) as readonly [number, number, number, number];
  const [cells, size] = staticShape(sampling.rows) as readonly [number, number, number];
  const chosen = ops.reshape(ops.matMul(sampling.picture, ops.reshape(pictures, [n, c * h * w])), [cells, c, h, w]);
  const lined = ops.matMul(ops.reshape(sampling.rows, [cells, 1, size, h]), chosen);
  const across = ops.transpose(ops.reshape(sampling.columns, [cells, 1, size, w]), [0, 1, 3, 2]);
  return ops.matMul(lined, across);
};

/**
 * method.md's L_class = (1/W) sum_i - sum_c y_ic log p_ic over the W painted cells: cross-entropy of a frozen judge's
 * logits on the crops of the cells.
 *
 * @param logits [W,C]
 * @param labels [W,C], probabilities y; a row of zeros is an empty place that counts for nothing
 * @returns a scalar; 0 where all places are empty
 */
export const paintedClassLoss = (ops: Operators, logits: Value, labels: Value): Value => {
  const sum = ops.neg(ops.reduceSum(ops.mul(labels, ops.logSoftmax(logits)), [0, 1], false));
  return ops.div(sum, ops.max(ops.reduceSum(labels, [0, 1], false), ops.graph.scalar(1)));
};
