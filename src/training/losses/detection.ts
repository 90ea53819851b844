import { densityClasses } from "../../core/index.js";
import { type Operators, staticShape, type Value } from "../../engine/onnx/index.js";
import type { DensityHeads } from "../../networks/index.js";

/** Feeds of the detector's loss, laid out as FieldBatch has them. M is the density map's side. */
export interface DetectionTargets {
  /** [N,3,M,M] unit peaks. */
  readonly density: Value;
  /** [N,3,4,M,M] px of the field. */
  readonly extent: Value;
  /** [N,3,M,M] */
  readonly extentWeight: Value;
  /** [N,3,M,M] */
  readonly valid: Value;
}

export interface DetectionLossOptions {
  /** Weight of each density class, in their order: rare classes weigh more. */
  readonly classWeights: readonly number[];
  /** Weight of the extents' loss against the densities'. */
  readonly extentWeight: number;
  /** Least side by which an extent's error is divided, px of the field. */
  readonly leastSidePx: number;
}

export const defaultDetectionLoss: DetectionLossOptions = {
  classWeights: [1, 2, 4],
  extentWeight: 1,
  leastSidePx: 6,
};

export interface DetectionLoss {
  readonly total: Value;
  readonly density: Value;
  readonly extent: Value;
}

const allAxes = [0, 1, 2, 3];

/** Loss of the detector: densities' focal loss plus extents' relative error, each per labelled cell. */
export const detectionLoss = (
  ops: Operators,
  heads: DensityHeads,
  targets: DetectionTargets,
  options: DetectionLossOptions = defaultDetectionLoss,
): DetectionLoss => {
  const weights = ops.graph.constant(
    Float32Array.from(options.classWeights),
    [1, densityClasses.length, 1, 1],
    "classWeights",
  );
  const peaks = ops.cast(ops.equal(targets.density, ops.graph.scalar(1)), "float32");
  const cells = ops.max(ops.reduceSum(peaks, allAxes, false), ops.graph.scalar(1));
  const perCell = (sum: Value) => ops.div(sum, cells);
  const focal = ops.mul(focalTerms(ops, heads.logits, { density: targets.density, peaks }), targets.valid);
  const density = perCell(ops.reduceSum(ops.mul(focal, weights), allAxes, false));
  const relative = ops.mul(extentError(ops, heads.extent, targets, options), targets.extentWeight);
  const extent = perCell(ops.reduceSum(ops.mul(relative, weights), allAxes, false));
  return { total: ops.add(density, ops.scale(extent, options.extentWeight)), density, extent };
};

/**
 * Penalty-reduced focal loss with exponents 2 and 4 (Law & Deng 2018, eq. 1; Zhou et al. 2019, eq. 1), from logits:
 * at a peak (1-p)^2 (-log p), elsewhere (1-y)^4 p^2 (-log(1-p)).
 */
const focalTerms = (ops: Operators, logits: Value, target: { density: Value; peaks: Value }): Value => {
  const one = ops.graph.scalar(1);
  const square = (value: Value) => ops.mul(value, value);
  const probability = ops.sigmoid(logits);
  const background = ops.softplus(logits); // -log(1 - p)
  const foreground = ops.sub(background, logits); // -log p
  const atPeaks = ops.mul(target.peaks, ops.mul(square(ops.sub(one, probability)), foreground));
  const distance = square(square(ops.sub(one, target.density)));
  return ops.add(atPeaks, ops.mul(distance, ops.mul(square(probability), background)));
};

/** Mean over the two axes of the errors |found - true| of both sides along it / the box's length along it: [N,3,M,M]. */
const extentError = (
  ops: Operators,
  extent: Value,
  targets: DetectionTargets,
  { leastSidePx }: DetectionLossOptions,
): Value => {
  const shape = staticShape(targets.extent) as readonly [number, number, number, number, number];
  const error = ops.abs(ops.sub(ops.reshape(extent, shape), targets.extent));
  const side = (value: Value, index: number) => ops.slice(value, [{ axis: 2, start: index, end: index + 1 }]);
  const alongAxis = (first: number): Value => {
    const length = ops.add(side(targets.extent, first), side(targets.extent, first + 2));
    const both = ops.add(side(error, first), side(error, first + 2));
    return ops.div(both, ops.max(length, ops.graph.scalar(leastSidePx)));
  };
  const sum = ops.add(alongAxis(0), alongAxis(1));
  const [n, c, , h, w] = shape;
  return ops.scale(ops.reshape(sum, [n, c, h, w]), 1 / 2);
};
