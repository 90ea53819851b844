import { CytoError } from "../core/index.js";
import { Graph, type Operators, type StoredTensor, type Value } from "../engine/onnx/index.js";
import { type ConvSpec, convBlock, InferenceLayers } from "./layers.js";
import type { Weights } from "./parameters.js";
import { defaultUNet, foldPlanes, type UNetOptions, uNetEncoder } from "./unet.js";

/** Brings the statistics of the encoder's levels to features: (s - mean) times `matrix`. */
export interface FeatureProjection {
  /** One value a statistic. */
  readonly mean: Float32Array;
  /** [statistics, features], row by row. */
  readonly matrix: Float32Array;
  readonly features: number;
}

/** Variance below which a channel counts as constant, so that the root has a slope and no noise. */
const leastVariance = 1e-6;

/** Statistics of all levels: mean and deviation of each channel. */
export const encoderStatistics = ({ widths }: UNetOptions = defaultUNet): number =>
  2 * widths.reduce((sum, width) => sum + width, 0);

/** A 3x3 convolution whose normalisation is in its weights already. */
const foldedBlock = (name: string, channels: number): ConvSpec => ({ ...convBlock(name, channels), norm: "none" });

/** uint8 [N,H,W,3] -> float32 [N,4,H,W] in [0,1], all pixels valid. */
const validPlanes = (ops: Operators, pictures: Value): Value => {
  const planes = ops.transpose(ops.scale(ops.cast(pictures, "float32"), 1 / 255), [0, 3, 1, 2]);
  const first = ops.slice(planes, [{ axis: 1, start: 0, end: 1 }]);
  return ops.concat([planes, ops.shift(ops.scale(first, 0), 1)], 1);
};

/** [N,C,H,W] -> [N,2C]: each channel's mean over the pixels, then each one's deviation. */
const statisticsOf = (ops: Operators, x: Value): readonly Value[] => {
  const mean = ops.reduceMean(x, [2, 3]);
  const apart = ops.sub(x, mean);
  const variance = ops.reduceMean(ops.mul(apart, apart), [2, 3], false);
  return [ops.reduceMean(x, [2, 3], false), ops.sqrt(ops.shift(variance, leastVariance))];
};

/**
 * The frozen encoder whose features a Frechet distance is taken of: what the four levels of a trained U-Net see of a
 * picture, each channel's mean and deviation over its pixels, projected. `pictures` uint8 [N,H,W,3] RGB, sides multiples
 * of 16, red cells 32 px across -> `features` float32 [N,features]; without a projection the statistics themselves.
 *
 * @param weights of the convolutions, their normalisation folded in (`<name>.weight`, `<name>.bias`)
 * @throws CytoError CHECKPOINT_INVALID where the weights lack a tensor
 */
export const featureEncoder = (
  weights: Weights,
  projection?: FeatureProjection,
  { widths }: UNetOptions = defaultUNet,
): Graph => {
  const graph = new Graph("cytostream-features");
  const pictures = graph.input("pictures", "uint8", ["pictures", "height", "width", 3]);
  const layers = new InferenceLayers(graph, weights);
  const { ops } = layers;
  const levels = uNetEncoder(layers, foldPlanes(ops, validPlanes(ops, pictures)), widths, foldedBlock);
  const statistics = ops.concat(
    levels.flatMap((level) => statisticsOf(ops, level)),
    1,
  );
  if (!projection) {
    graph.output("features", statistics);
    return graph;
  }
  const length = encoderStatistics({ widths });
  const mean = graph.constant(projection.mean, [1, length], "mean");
  const matrix = graph.constant(projection.matrix, [length, projection.features], "projection");
  graph.output("features", ops.matMul(ops.sub(statistics, mean), matrix));
  return graph;
};

/**
 * The weights of a U-Net's way down from the constants of its ONNX file, where a layer's `down0a.weight` is called
 * `down0a.weight_<number>`.
 * @throws CytoError MODEL_INVALID where they are not those of a U-Net of these widths
 */
export const encoderWeights = (constants: readonly StoredTensor[], { widths }: UNetOptions = defaultUNet): Weights => {
  const named = new Map(constants.map((constant) => [constant.name.replace(/_\d+$/, ""), constant]));
  const weights = new Map<string, Float32Array>();
  let inputs = 16;
  widths.forEach((width, level) => {
    for (const layer of [`down${level}a`, `down${level}b`]) {
      const parts = { weight: [width, inputs, 3, 3], bias: [width] };
      for (const [part, shape] of Object.entries(parts)) {
        const found = named.get(`${layer}.${part}`);
        if (found?.shape.join() !== shape.join())
          throw new CytoError("MODEL_INVALID", `The network has no ${layer}.${part} of [${shape.join(", ")}]`);
        weights.set(`${layer}.${part}`, found.data);
      }
      inputs = width;
    }
  });
  return weights;
};
