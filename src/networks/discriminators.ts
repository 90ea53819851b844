import { CytoError, type Random } from "../core/index.js";
import { type Operators, staticShape, type Value } from "../engine/onnx/index.js";
import type { ConvSpec, Layers } from "./layers.js";

/** What a discriminator judges: is the picture real, and does it match the mask. */
export interface JudgedPair {
  /** float32 [N,3,S,S], RGB in [0,1] */
  readonly picture: Value;
  /** float32 [N,maskPlanes,S,S] */
  readonly masks: Value;
}

/** [N,3+maskPlanes,S,S], colours around 0. */
const joined = (ops: Operators, { picture, masks }: JudgedPair): Value =>
  ops.concat([ops.shift(ops.scale(picture, 2), -1), masks], 1);

export interface PatchDiscriminatorOptions {
  /** Channels at strides 2, 4, 8, and of a further layer at stride 8. */
  readonly widths: readonly [number, number, number, number];
}

export const defaultPatchDiscriminator: PatchDiscriminatorOptions = { widths: [32, 64, 128, 192] };

/**
 * PatchGAN (Isola et al. 2017, section 3.2.2): five 4x4 convolutions, each logit sees 70x70 px of the pair. Batch
 * normalisation between the first and the last.
 *
 * @returns logits [N,1,S/8-2,S/8-2], positive for real
 */
export const patchDiscriminator = (
  layers: Layers,
  pair: JudgedPair,
  { widths }: PatchDiscriminatorOptions = defaultPatchDiscriminator,
): Value => {
  let x = joined(layers.ops, pair);
  widths.forEach((channels, level) => {
    x = layers.conv(x, {
      name: `patch${level}`,
      channels,
      kernel: 4,
      stride: level < 3 ? 2 : 1,
      pads: 1,
      norm: level === 0 ? "none" : "batch",
      activation: "leakyRelu",
    });
  });
  return layers.conv(x, {
    name: "real",
    channels: 1,
    kernel: 4,
    pads: 1,
    norm: "none",
    activation: "none",
    gain: 1,
  });
};

export interface MultiScaleDiscriminatorOptions {
  /** Channels of each kernel size at strides 2, 4, 8; a block has three times as many. */
  readonly widths: readonly [number, number, number];
  /** Features of the fully connected layer. */
  readonly features: number;
}

export const defaultMultiScaleDiscriminator: MultiScaleDiscriminatorOptions = { widths: [16, 32, 48], features: 128 };

/** Part of the features that dropout silences. */
export const dropoutRate = 0.3;

const kernels = [3, 5, 7] as const;
/** The finest grid of the pooling field; the others have half the cells of the one before. */
const finestGrid = 8;
const coarserGrids = 3;

/**
 * The multi-scale discriminator MD (method.md "Parts", 2): three blocks of parallel 3x3, 5x5 and 7x7 convolutions
 * with stride 2, joined by concatenation; a field of mean-pooling grids of 8, 4, 2 and 1 cells a side, concatenated; a
 * fully connected layer with dropout; one logit.
 *
 * @param dropout float32 [N,features] to multiply the features by, see `dropoutMask`: fed, so that a step can be
 *   repeated bit for bit; none to use all features
 * @returns logits [N,1], positive for real
 * @throws CytoError INTERNAL where the pair is not square or its side no multiple of 64
 */
export const multiScaleDiscriminator = (
  layers: Layers,
  pair: JudgedPair,
  dropout?: Value,
  { widths, features }: MultiScaleDiscriminatorOptions = defaultMultiScaleDiscriminator,
): Value => {
  const { ops } = layers;
  let x = joined(ops, pair);
  widths.forEach((channels, block) => {
    const spec = (kernel: number): ConvSpec => ({
      name: `block${block}.kernel${kernel}`,
      channels,
      kernel,
      stride: 2,
      norm: block === 0 ? "none" : "batch",
      activation: "leakyRelu",
    });
    x = ops.concat(
      kernels.map((kernel) => layers.conv(x, spec(kernel))),
      1,
    );
  });
  const hidden = layers.linear(poolingField(ops, x), { name: "features", features, activation: "leakyRelu" });
  const kept = dropout ? ops.mul(hidden, dropout) : hidden;
  return layers.linear(kept, { name: "real", features: 1, activation: "none" });
};

/** Means over grids of 8x8, 4x4, 2x2 and 1x1 cells, concatenated: [N,C,s,s] -> [N,85*C]. */
const poolingField = (ops: Operators, x: Value): Value => {
  const [n, , h, w] = staticShape(x) as readonly [number, number, number, number];
  if (h !== w || h % finestGrid !== 0) {
    throw new CytoError("INTERNAL", `A pooling field of ${finestGrid} cells a side does not fit on ${w}x${h}`);
  }
  const cell = h / finestGrid;
  const grids = [cell === 1 ? x : ops.averagePool(x, { kernel: cell, stride: cell })];
  for (let coarser = 0; coarser < coarserGrids; coarser += 1) {
    grids.push(ops.averagePool(grids.at(-1)!, { kernel: 2, stride: 2 }));
  }
  return ops.concat(
    grids.map((grid) => ops.reshape(grid, [n, -1])),
    1,
  );
};

/** Factors of dropout (Srivastava et al. 2014): 0 with probability `rate`, else 1 / (1 - rate), so that means are kept. */
export const dropoutMask = (random: Random, length: number, rate: number = dropoutRate): Float32Array =>
  Float32Array.from({ length }, () => (random.next() < rate ? 0 : 1 / (1 - rate)));
