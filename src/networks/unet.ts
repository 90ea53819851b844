import { densityClasses } from "../core/index.js";
import { Graph, type Operators, type Value } from "../engine/onnx/index.js";
import { type ConvSpec, convBlock, InferenceLayers, type Layers, requireMultiple } from "./layers.js";
import type { Weights } from "./parameters.js";
import { type ActivationRanges, QuantisedLayers } from "./quantisedLayers.js";

export interface UNetOptions {
  /** Channels at strides 2, 4, 8, 16. */
  readonly widths: readonly [number, number, number, number];
}

export const defaultUNet: UNetOptions = { widths: [32, 64, 96, 128] };

/** Stride of the density map against the field. */
export const densityStride = 2;
/** Sides of a field must be multiples of this. */
export const fieldMultiple = 16;
const extentSides = 4;

export interface DensityHeads {
  /** [N,3,H/2,W/2] before the sigmoid. */
  readonly logits: Value;
  /** [N,12,H/2,W/2], distances from the map pixel's centre to left, top, right, bottom of the cell, px of the field. */
  readonly extent: Value;
}

/** Logits start at the log-odds of a rare mode, so that the first steps are not spent on the background. */
const initialLogit = -4;
/** Half a red cell in px of the field: the extents' natural unit. */
export const extentUnitPx = 16;

/**
 * U-Net (Ronneberger, Fischer & Brox 2015; method.md "Parts", 3) that maps a field to one density per class and the
 * cells' extents. The field [N,H,W,4] (uint8 RGBA, alpha marks valid pixels) is folded to half size first; four levels
 * at strides 2 to 16 follow, and a decoder back to stride 2.
 */
export const uNet = (layers: Layers, field: Value, { widths }: UNetOptions = defaultUNet): DensityHeads => {
  const { ops } = layers;
  const skips = uNetEncoder(layers, foldField(ops, field), widths);
  let x = skips.at(-1)!;
  for (let level = widths.length - 2; level >= 0; level -= 1) {
    x = ops.concat([skips[level]!, ops.upsample(x, 2)], 1);
    x = layers.conv(x, convBlock(`up${level}a`, widths[level]!));
    x = layers.conv(x, convBlock(`up${level}b`, widths[level]!));
  }
  x = layers.conv(x, convBlock("head", widths[0]));
  const point = { kernel: 1, norm: "none", activation: "none", gain: 1 } as const;
  const logits = layers.conv(x, { ...point, name: "density", channels: densityClasses.length, bias: initialLogit });
  const sides = layers.conv(x, { ...point, name: "extent", channels: densityClasses.length * extentSides });
  return { logits, extent: ops.scale(ops.softplus(sides), extentUnitPx) };
};

/**
 * The way down: float32 [N,16,H/2,W/2] (see `foldPlanes`) to what each level sees, [N,widths[l],H/2^(l+1),W/2^(l+1)].
 * @param block what a 3x3 convolution is: with its normalisation, or without where that is folded into the weights
 */
export const uNetEncoder = (
  layers: Layers,
  folded: Value,
  widths: UNetOptions["widths"],
  block: (name: string, channels: number) => ConvSpec = convBlock,
): readonly Value[] => {
  let x = folded;
  requireMultiple(x, fieldMultiple / densityStride);
  return widths.map((width, level) => {
    if (level > 0) x = layers.ops.maxPool(x, { kernel: 2, stride: 2 });
    x = layers.conv(x, block(`down${level}a`, width));
    x = layers.conv(x, block(`down${level}b`, width));
    return x;
  });
};

/** uint8 [N,H,W,4] -> float32 [N,16,H/2,W/2] in [0,1]. */
const foldField = (ops: Operators, field: Value): Value =>
  foldPlanes(ops, ops.transpose(ops.scale(ops.cast(field, "float32"), 1 / 255), [0, 3, 1, 2]));

/** RGB and validity as planes, float32 [N,4,H,W] in [0,1] -> [N,16,H/2,W/2]. */
export const foldPlanes = (ops: Operators, planes: Value): Value => ops.spaceToDepth(planes, densityStride);

/** The inference graph over given layers: `field` uint8 [1,H,W,4] -> `density` [1,3,H/2,W/2], `extent` [1,12,H/2,W/2]. */
const inferenceGraph = (layersOf: (graph: Graph) => Layers, options: UNetOptions): Graph => {
  const graph = new Graph("cytostream-unet");
  const field = graph.input("field", "uint8", [1, "height", "width", 4]);
  const layers = layersOf(graph);
  const { logits, extent } = uNet(layers, field, options);
  graph.output("density", layers.ops.sigmoid(logits));
  graph.output("extent", extent);
  return graph;
};

/** The network in float32 with its weights inside. */
export const uNetInference = (weights: Weights, options: UNetOptions = defaultUNet): Graph =>
  inferenceGraph((graph) => new InferenceLayers(graph, weights), options);

/** The same network in 8 bits. */
export const uNetQuantised = (weights: Weights, ranges: ActivationRanges, options: UNetOptions = defaultUNet): Graph =>
  inferenceGraph((graph) => new QuantisedLayers(graph, weights, ranges), options);
