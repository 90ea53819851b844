import { leukocyteClasses } from "../core/index.js";
import { Graph, type Operators, type Value } from "../engine/onnx/index.js";
import { convBlock, globalMean, InferenceLayers, type Layers } from "./layers.js";
import type { Weights } from "./parameters.js";

export interface CellClassifierOptions {
  /** Channels at strides 2, 4, 8, 16 of the crop. */
  readonly widths: readonly [number, number, number, number];
}

export const defaultCellClassifier: CellClassifierOptions = { widths: [32, 64, 96, 128] };

/** Side of a crop, px. */
export const cropSidePx = 96;

/**
 * Names the leukocyte in a crop: pairs of 3x3 convolutions at strides 2 to 16, the mean over the pixels, one linear
 * layer. uint8 [N,96,96,3] RGB -> logits [N,7] over leukocyteClasses.
 */
export const cellClassifier = (
  layers: Layers,
  crops: Value,
  options: CellClassifierOptions = defaultCellClassifier,
): Value => nameCells(layers, planesOf(layers.ops, crops), options);

/**
 * The classifier on crops that are float32 planes already, so that a loss can reach into what painted them: float32
 * [N,3,96,96] RGB in [-1,1], 0 for mid-grey -> logits [N,7] over leukocyteClasses.
 */
export const nameCells = (
  layers: Layers,
  planes: Value,
  { widths }: CellClassifierOptions = defaultCellClassifier,
): Value => {
  const { ops } = layers;
  let x = ops.spaceToDepth(planes, 2);
  widths.forEach((width, level) => {
    if (level > 0) x = ops.maxPool(x, { kernel: 2, stride: 2 });
    x = layers.conv(x, convBlock(`level${level}a`, width));
    x = layers.conv(x, convBlock(`level${level}b`, width));
  });
  return layers.linear(globalMean(ops, x), { name: "class", features: leukocyteClasses.length, activation: "none" });
};

/** uint8 [N,96,96,3] -> float32 [N,3,96,96] in [-1,1]. */
const planesOf = (ops: Operators, crops: Value): Value =>
  ops.transpose(ops.shift(ops.scale(ops.cast(crops, "float32"), 1 / 127.5), -1), [0, 3, 1, 2]);

/** The inference graph: `crops` uint8 [N,96,96,3] -> `logits` [N,7]. */
export const cellClassifierInference = (
  weights: Weights,
  options: CellClassifierOptions = defaultCellClassifier,
): Graph => {
  const graph = new Graph("cytostream-cells");
  const crops = graph.input("crops", "uint8", ["cells", cropSidePx, cropSidePx, 3]);
  graph.output("logits", cellClassifier(new InferenceLayers(graph, weights), crops, options));
  return graph;
};
