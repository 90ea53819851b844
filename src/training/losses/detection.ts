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
  /** Weight of the extents' relative error against the densities' loss. */
  readonly extentWeight: number;
  /** Weight of what the extents' boxes lack in overlap, against the same. */
  readonly overlapWeight: number;
  /** Least side by which an extent's error is divided, px of the field. */
  readonly leastSidePx: number;
}

export const defaultDetectionLoss: DetectionLossOptions = {
  classWeights: [1, 2, 4],
  extentWeight: 1,
  overlapWeight: 1,
  leastSidePx: 6,
};

export interface DetectionLoss {
  readonly total: Value;
  readonly density: Value;
  readonly extent: Value;
  readonly overlap: Value;
}

const allAxes = [0, 1, 2, 3];

/**
 * Loss of the detector: densities' focal loss, extents' relative error, and what their boxes lack in overlap, each per
 * labelled cell.
 */
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
  const overCells = (terms: Value) =>
    perCell(ops.reduceSum(ops.mul(ops.mul(terms, targets.extentWeight), weights), allAxes, false));
  const axes = axisErrors(ops, heads.extent, targets.extent);
  const extent = overCells(extentError(ops, axes, options));
  const overlap = overCells(overlapError(ops, axes));
  const boxes = ops.add(ops.scale(extent, options.extentWeight), ops.scale(overlap, options.overlapWeight));
  return { total: ops.add(density, boxes), density, extent, overlap };
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

/** Along one axis, each [N,3,1,M,M]: |found - true| of both sides in all, and the lengths of the found and the true box. */
interface AxisErrors {
  readonly error: Value;
  readonly found: Value;
  readonly labelled: Value;
}

/** The extents [N,12,M,M] against their targets [N,3,4,M,M], across and down. */
const axisErrors = (ops: Operators, extent: Value, target: Value): readonly [AxisErrors, AxisErrors] => {
  const found = ops.reshape(extent, staticShape(target));
  const error = ops.abs(ops.sub(found, target));
  const along = (value: Value, first: number): Value => {
    const side = (index: number) => ops.slice(value, [{ axis: 2, start: index, end: index + 1 }]);
    return ops.add(side(first), side(first + 2));
  };
  const axis = (first: number): AxisErrors => ({
    error: along(error, first),
    found: along(found, first),
    labelled: along(target, first),
  });
  return [axis(0), axis(1)];
};

/** [N,3,1,M,M] -> [N,3,M,M] */
const asMap = (ops: Operators, value: Value): Value => {
  const [n, c, , h, w] = staticShape(value) as readonly [number, number, number, number, number];
  return ops.reshape(value, [n, c, h, w]);
};

/** Mean over the two axes of the errors of both sides along it / the box's length along it: [N,3,M,M]. */
const extentError = (
  ops: Operators,
  [across, down]: readonly [AxisErrors, AxisErrors],
  { leastSidePx }: DetectionLossOptions,
): Value => {
  const relative = ({ error, labelled }: AxisErrors): Value =>
    ops.div(error, ops.max(labelled, ops.graph.scalar(leastSidePx)));
  return asMap(ops, ops.scale(ops.add(relative(across), relative(down)), 1 / 2));
};

/** Least area of a union, px of the field squared: the quotient stays finite where nothing is labelled. */
const leastUnion = 1;

/**
 * 1 - IoU of the found and the labelled box around the same pixel, [N,3,M,M] (Yu et al. 2016, UnitBox, without the
 * logarithm): what the average precision at an IoU asks for, which an error side by side does not know.
 */
const overlapError = (ops: Operators, [across, down]: readonly [AxisErrors, AxisErrors]): Value => {
  // Both boxes hold the pixel, so that along an axis they share the lesser of either side: (a + b - |a - b|) / 2.
  const shared = ({ error, found, labelled }: AxisErrors): Value =>
    ops.scale(ops.sub(ops.add(found, labelled), error), 1 / 2);
  const intersection = ops.mul(shared(across), shared(down));
  const areas = ops.add(ops.mul(across.found, down.found), ops.mul(across.labelled, down.labelled));
  const union = ops.max(ops.sub(areas, intersection), ops.graph.scalar(leastUnion));
  return asMap(ops, ops.sub(ops.graph.scalar(1), ops.div(intersection, union)));
};
