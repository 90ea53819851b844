import { join } from "node:path";
import type { DetectorModels } from "../../src/detection/index.js";
import { Graph, Operators, serialise, type Value } from "../../src/engine/onnx/index.js";
import { loadClassifierModel, loadDetectorModel, writeModel } from "../../src/registry/index.js";
import { classifierDraft, detectorDraft } from "../registry/modelFixture.js";

/** Colours by which the toy network knows its cells, on white: the three density classes, and a lymphocyte. */
export const toyColours = {
  erythrocyte: [230, 40, 40],
  leukocyte: [40, 40, 230],
  platelet: [40, 230, 40],
  lymphocyte: [60, 40, 230],
} as const;

/** Radius of a cell in the field, px, for which the toy network answers with its full density. */
export const toyRadii = { erythrocyte: 16, leukocyte: 28, platelet: 6 } as const;

/** Differences of channels that tell the classes: R - G, B - R, G - R. */
const colourRows = [1, -1, 0, 0, -1, 0, 1, 0, -1, 1, 0, 0];

const diagonal = (kernels: readonly Float32Array[], size: number): Float32Array => {
  const weights = new Float32Array(kernels.length ** 2 * size);
  kernels.forEach((kernel, i) => {
    weights.set(kernel, (i * kernels.length + i) * size);
  });
  return weights;
};

/** A Gaussian that answers 1 in the middle of a disc of twice its sigma, all in map px. */
const blob = (sigma: number, side: number): Float32Array => {
  const middle = (side - 1) / 2;
  const kernel = Float32Array.from({ length: side * side }, (_, i) => {
    const dx = (i % side) - middle;
    const dy = Math.floor(i / side) - middle;
    return Math.hypot(dx, dy) <= 2 * sigma ? Math.exp(-(dx * dx + dy * dy) / (2 * sigma * sigma)) : 0;
  });
  const sum = kernel.reduce((total, value) => total + value, 0);
  return kernel.map((value) => value / sum);
};

/** Half the length of the row (or column) of a cell's colour through each map pixel, in field px. */
const runLength = (ops: Operators, colours: Value, across: boolean): Value => {
  const side = 31;
  const kernel = diagonal(
    [0, 1, 2].map(() => new Float32Array(side).fill(1)),
    side,
  );
  return ops.conv(colours, ops.graph.constant(kernel, across ? [3, 3, 1, side] : [3, 3, side, 1]));
};

/**
 * A detector without training: classes by colour, density by a blob filter of the class's size, extents by the length of
 * colour through the pixel. `gain` scales the density (over 1 it leaves [0, 1]).
 */
export const toyDetectorBytes = (gain = 1): Uint8Array => {
  const graph = new Graph("toy-detector");
  const ops = new Operators(graph);
  const field = graph.input("field", "uint8", [1, "height", "width", 4]);
  const planar = ops.transpose(ops.scale(ops.cast(field, "float32"), 1 / 255), [0, 3, 1, 2]);
  const differences = ops.conv(planar, graph.constant(Float32Array.from(colourRows), [3, 4, 1, 1]));
  const present = ops.min(ops.scale(ops.relu(differences), 1 / 0.25), graph.scalar(1));
  const colours = ops.averagePool(present, { kernel: 2, stride: 2 });
  const side = 29;
  const kernels = Object.values(toyRadii).map((radius) => blob(radius / 4, side));
  const density = ops.conv(colours, graph.constant(diagonal(kernels, side * side), [3, 3, side, side]));
  graph.output("density", ops.scale(ops.min(density, graph.scalar(1)), gain));
  const halfWidth = runLength(ops, colours, true);
  const halfHeight = runLength(ops, colours, false);
  // Planes left, top, right, bottom of each class in turn.
  const order = new Float32Array(12 * 6);
  for (let c = 0; c < 3; c++)
    for (let edge = 0; edge < 4; edge++) order[(4 * c + edge) * 6 + (edge % 2 === 0 ? c : 3 + c)] = 1;
  const halves = ops.concat([halfWidth, halfHeight], 1);
  graph.output("extent", ops.conv(halves, graph.constant(order, [12, 6, 1, 1])));
  return serialise(graph);
};

/** A classifier without training: lymphocyte where red outweighs green, else neutrophil. */
export const toyClassifierBytes = (): Uint8Array => {
  const graph = new Graph("toy-classifier");
  const ops = new Operators(graph);
  const crops = graph.input("crops", "uint8", ["count", 96, 96, 3]);
  const mean = ops.reduceMean(ops.scale(ops.cast(crops, "float32"), 1 / 255), [1, 2], false);
  const weights = new Float32Array(3 * 7);
  weights.set([-600, 0, 0, 600, 0, 0, 0], 0);
  weights.set([600, 0, 0, -600, 0, 0, 0], 7);
  const logits = ops.matMul(mean, graph.constant(weights, [3, 7]));
  graph.output("logits", ops.add(logits, graph.constant(Float32Array.of(12, 0, 0, 0, 0, 0, 0), [7])));
  return serialise(graph);
};

/** Writes toy models as `<folder>/unet/<version>` and `<folder>/cells/<version>` and loads them. */
export const writeToyModels = async (folder: string, version = "1.0.0"): Promise<Required<DetectorModels>> => {
  const detector = join(folder, "unet", version);
  const classifier = join(folder, "cells", version);
  await writeModel(detector, detectorDraft(version), { onnxBytes: toyDetectorBytes(), card: "toy" });
  await writeModel(classifier, classifierDraft(version), { onnxBytes: toyClassifierBytes(), card: "toy" });
  return { detector: await loadDetectorModel(detector), classifier: await loadClassifierModel(classifier) };
};
