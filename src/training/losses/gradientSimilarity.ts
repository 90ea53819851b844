import { CytoError } from "../../core/index.js";
import { type Operators, staticShape, type Value } from "../../engine/onnx/index.js";

export interface GradientSimilarityOptions {
  /** On the brightness of the picture (Rec. 601), or on each colour for itself. */
  readonly on: "grey" | "channels";
  /** Side of a patch, px; a whole multiple of the stride. */
  readonly patchPx: number;
  /** From patch to patch, px; the picture's sides are whole multiples of it. */
  readonly stridePx: number;
  /** Constants of brightness, contrast and edges, in squared units of the picture. */
  readonly constants: readonly [number, number, number];
  /** alpha, beta, gamma. */
  readonly exponents: readonly [number, number, number];
}

export const defaultGradientSimilarity: GradientSimilarityOptions = {
  on: "grey",
  patchPx: 8,
  stridePx: 4,
  constants: [1e-4, 9e-4, 1e-4],
  exponents: [1, 1, 1],
};

/** Added to each variance, so that the standard deviation of a flat patch has a slope. */
const leastVariance = 1e-7;
/** What a factor is raised from where the exponent is no whole number: a root of nothing has no slope. */
const leastFactor = 1e-4;
const greyWeights = Float32Array.of(0.299, 0.587, 0.114);

/**
 * method.md's L_GS = 1 - (1/N) sum V over the N patches of all pictures, V = l^alpha * c^beta * e^gamma: what the
 * painted patches g lack in brightness, contrast and edges of the real ones x. The slip in the printed l is mended.
 *
 * - l = (2 u_x u_g + c1) / (u_x^2 + u_g^2 + c1), u the mean
 * - c = (2 s_x s_g + c2) / (s_x^2 + s_g^2 + c2), s the standard deviation
 * - e = (2 sum G_x G_g + c3) / (sum G_x^2 + sum G_g^2 + c3), G(i,j) = dx/di + dx/dj by forward differences, 0 in the
 *   picture's last row and column. Sums are over the patch. Where edges are opposed e is negative: a fractional gamma
 *   takes it for nearly 0.
 *
 * @param painted float32 [N,3,H,W] in [0,1]; the gradient goes here
 * @param real the same; no gradient is asked for
 * @returns a scalar in [0,2], 0 where both are the same
 * @throws CytoError INTERNAL where patch, stride and picture do not fit
 */
export const gradientSimilarityLoss = (
  ops: Operators,
  painted: Value,
  real: Value,
  options: GradientSimilarityOptions = defaultGradientSimilarity,
): Value => {
  requireFit(painted, options);
  const [g, x] = [seen(ops, painted, options), seen(ops, real, options)];
  const [edgesG, edgesX] = [edges(ops, g), edges(ops, x)];
  const mean = (map: Value) => patchMeans(ops, map, options);
  const square = (map: Value) => ops.mul(map, map);
  const [meanG, meanX] = [mean(g), mean(x)];
  const deviation = (map: Value, average: Value) =>
    ops.sqrt(ops.shift(ops.max(ops.sub(mean(square(map)), square(average)), ops.graph.scalar(0)), leastVariance));
  const [deviationG, deviationX] = [deviation(g, meanG), deviation(x, meanX)];
  const [c1, c2, c3] = options.constants;
  const likeness = (product: Value, squares: readonly [Value, Value], constant: number) =>
    ops.div(ops.shift(ops.scale(product, 2), constant), ops.shift(ops.add(squares[0], squares[1]), constant));
  const factors = [
    likeness(ops.mul(meanX, meanG), [square(meanX), square(meanG)], c1),
    likeness(ops.mul(deviationX, deviationG), [square(deviationX), square(deviationG)], c2),
    // Of means instead of sums: the constant is divided by the pixels of a patch.
    likeness(
      mean(ops.mul(edgesX, edgesG)),
      [mean(square(edgesX)), mean(square(edgesG))],
      c3 / (options.patchPx * options.patchPx),
    ),
  ];
  const powers = factors.flatMap((factor, index) => power(ops, factor, options.exponents[index]!));
  const similarity = powers.reduce((product, factor) => ops.mul(product, factor), ops.graph.scalar(1));
  const axes = similarity.shape.map((_, axis) => axis);
  return ops.sub(ops.graph.scalar(1), ops.reduceMean(similarity, axes, false));
};

const requireFit = (picture: Value, { patchPx, stridePx }: GradientSimilarityOptions): void => {
  const [, , h, w] = staticShape(picture);
  if (patchPx % stridePx !== 0 || h! % stridePx !== 0 || w! % stridePx !== 0 || Math.min(h!, w!) < patchPx) {
    throw new CytoError("INTERNAL", `Patches of ${patchPx} px every ${stridePx} px do not fit on ${w}x${h}`);
  }
};

/** The planes that are compared: [N,1,H,W] or [N,3,H,W]. */
const seen = (ops: Operators, picture: Value, { on }: GradientSimilarityOptions): Value =>
  on === "channels"
    ? picture
    : ops.reduceSum(ops.mul(picture, ops.graph.constant(greyWeights, [1, 3, 1, 1], "grey")), [1]);

/** G of method.md: x(i+1,j) + x(i,j+1) - 2 x(i,j), of the shape of x. */
const edges = (ops: Operators, x: Value): Value => {
  const [, , h, w] = staticShape(x) as readonly [number, number, number, number];
  const part = (row: number, column: number) =>
    ops.slice(x, [
      { axis: 2, start: row, end: h - 1 + row },
      { axis: 3, start: column, end: w - 1 + column },
    ]);
  const differences = ops.sub(ops.add(part(1, 0), part(0, 1)), ops.scale(part(0, 0), 2));
  return ops.pad(differences, [
    [0, 0],
    [0, 0],
    [0, 1],
    [0, 1],
  ]);
};

/** Means over the patches, [N,C,rows,columns]: over tiles of the stride first, then over the tiles of a patch. */
const patchMeans = (ops: Operators, map: Value, { patchPx, stridePx }: GradientSimilarityOptions): Value => {
  const tiles = stridePx === 1 ? map : ops.averagePool(map, { kernel: stridePx, stride: stridePx });
  const count = patchPx / stridePx;
  const along = (x: Value, axis: number): Value => {
    const windows = staticShape(x)[axis]! - count + 1;
    const shifted = Array.from({ length: count }, (_, start) => ops.slice(x, [{ axis, start, end: start + windows }]));
    return shifted.reduce((sum, next) => ops.add(sum, next));
  };
  return count === 1 ? tiles : ops.scale(along(along(tiles, 2), 3), 1 / (count * count));
};

/** The factor raised to its exponent; nothing where the exponent is 0. */
const power = (ops: Operators, factor: Value, exponent: number): Value[] => {
  if (Number.isInteger(exponent) && exponent >= 0) return new Array<Value>(exponent).fill(factor);
  const positive = ops.max(factor, ops.graph.scalar(leastFactor));
  return [ops.exp(ops.scale(ops.log(positive), exponent))];
};
