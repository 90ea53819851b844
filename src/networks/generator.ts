import { Graph, type Operators, type Value } from "../engine/onnx/index.js";
import { type ConvSpec, convUp, InferenceLayers, type Layers, requireMultiple } from "./layers.js";
import type { Weights } from "./parameters.js";

/** Numbers that describe a stain: median RGB of background, red cells and nuclei, each in [0,1]. */
export const stainNumbers = 9;

export interface GeneratorOptions {
  /** Planes of the position mask and the gradient mask together. */
  readonly maskPlanes: number;
  /** Planes of normal noise beside the masks; 0 makes the picture a function of masks and stain alone. */
  readonly noisePlanes: number;
  /** Channels at strides 1, 2, 4, 8, 16. */
  readonly widths: readonly [number, number, number, number, number];
}

export const generatorWidths: GeneratorOptions["widths"] = [16, 48, 96, 160, 192];

/** Sides of a painted picture must be multiples of this. */
export const paintingMultiple = 16;

/** What a picture is painted from. */
export interface PaintingInputs {
  /** float32 [N,maskPlanes,H,W] in [0,1] */
  readonly masks: Value;
  /** float32 [N,9] in [0,1], see `stainNumbers` */
  readonly stain: Value;
  /** float32 [N,noisePlanes,H,W], where there are any */
  readonly noise?: Value | undefined;
}

const down = (name: string, channels: number): ConvSpec => ({
  name,
  channels,
  kernel: 4,
  stride: 2,
  pads: 1,
  norm: "batch",
  activation: "leakyRelu",
});

const up = (name: string, channels: number): ConvSpec => ({
  name,
  channels,
  kernel: 3,
  norm: "batch",
  activation: "leakyRelu",
});

/**
 * Conditional U-Net that paints a smear field (pix2pix: Isola et al. 2017; method.md "Parts", 1): one convolution at
 * stride 1, four of 4x4 with stride 2 down, nearest enlargement, concatenation and 3x3 up, sigmoid. The stain enters
 * as constant planes, which a normalisation of the first layer would erase: that layer has none.
 *
 * @returns float32 [N,3,H,W], RGB in [0,1]
 * @throws CytoError INTERNAL where a side is not a multiple of 16
 */
export const generator = (
  layers: Layers,
  inputs: PaintingInputs,
  { widths }: Pick<GeneratorOptions, "widths">,
): Value => {
  const { ops } = layers;
  requireMultiple(inputs.masks, paintingMultiple);
  const planes = [inputs.masks, stainPlanes(ops, inputs.stain, inputs.masks)];
  if (inputs.noise) planes.push(inputs.noise);
  let x = layers.conv(ops.concat(planes, 1), { ...up("in", widths[0]), norm: "none" });
  const skips = [x];
  for (let level = 1; level < widths.length; level += 1) {
    x = layers.conv(x, down(`down${level}`, widths[level]!));
    skips.push(x);
  }
  for (let level = widths.length - 2; level >= 0; level -= 1) {
    x = convUp(layers, skips[level]!, x, up(`up${level}`, widths[level]!));
  }
  return layers.conv(x, { name: "out", channels: 3, kernel: 3, norm: "none", activation: "sigmoid", gain: 1 });
};

/** [N,9] -> [N,9,H,W], height and width those of the masks, which need not be known. */
const stainPlanes = (ops: Operators, stain: Value, masks: Value): Value => {
  const blank = ops.scale(ops.slice(masks, [{ axis: 1, start: 0, end: 1 }]), 0);
  return ops.add(blank, ops.reshape(stain, [0, 0, 1, 1]));
};

/**
 * The inference graph: `masks` float32 [N,maskPlanes,H,W], `stain` float32 [N,9] and, where there are noise planes,
 * `noise` float32 [N,noisePlanes,H,W] -> `picture` float32 [N,3,H,W], RGB in [0,1].
 *
 * @throws CytoError CHECKPOINT_INVALID where the weights lack a tensor
 */
export const generatorInference = (weights: Weights, options: GeneratorOptions): Graph => {
  const graph = new Graph("cytostream-generator");
  const planes = (name: string, count: number) =>
    graph.input(name, "float32", ["fields", count, "height", "width"] as const);
  const masks = planes("masks", options.maskPlanes);
  const stain = graph.input("stain", "float32", ["fields", stainNumbers]);
  const noise = options.noisePlanes > 0 ? planes("noise", options.noisePlanes) : undefined;
  graph.output("picture", generator(new InferenceLayers(graph, weights), { masks, stain, noise }, options));
  return graph;
};
