import { createRandom } from "../../core/index.js";
import { serialise } from "../../engine/onnx/index.js";
import {
  type GeneratorOptions,
  generatorInference,
  paintingMultiple,
  stainNumbers,
  type Weights,
} from "../../networks/index.js";
import type { Picture } from "../../pictures/index.js";
import { createPainterSession, type PainterSession, type PaintingNetwork } from "../../registry/index.js";
import { measureFlatColours, paintFlat, stainValues } from "../masks/index.js";
import { meanPsnr, meanSsim } from "../metrics/index.js";
import type { MaskedField } from "./maskedFields.js";
import { createPaintingBatch, middlePlacement, SamplePainter, sameColours } from "./paintingBatches.js";

/** A crop of a field that no step sees, and what it is painted from. */
export interface HeldOutCrop {
  readonly id: string;
  readonly dataset: string;
  readonly real: Picture;
  /** float32 [drawnPlaneCount,S,S] */
  readonly masks: Float32Array;
  readonly stain: Float32Array;
  /** The mask in the field's own median colours, that no network painted. */
  readonly flat: Picture;
}

/** The middles of held-out fields, upright, in their own colours. */
export const heldOutCrops = (fields: readonly MaskedField[], sidePx: number): readonly HeldOutCrop[] => {
  const painter = new SamplePainter(sidePx);
  const colours = sameColours();
  return fields.map(({ field, mask }) => {
    const { pictures, masks } = createPaintingBatch(1, sidePx);
    const batch = { pictures, masks, stain: new Float32Array(stainNumbers), cells: [] };
    painter.paint(batch, 0, { field, mask }, { placement: middlePlacement(field, sidePx), colours });
    const real = { width: sidePx, height: sidePx, pixels: pictures as Picture["pixels"] };
    const flat = paintFlat(masks, 0, { canvasPx: sidePx, colours: measureFlatColours(field, mask) });
    const stain = Float32Array.from(stainValues(mask.stain));
    return { id: field.id, dataset: field.dataset, real, masks, stain, flat };
  });
};

/** Likeness to the real crops: PSNR in dB and SSIM, means over the crops. */
export interface Likeness {
  readonly psnr: number;
  readonly ssim: number;
}

export const likenessOf = (crops: readonly HeldOutCrop[], painted: readonly Picture[]): Likeness => {
  const pairs = crops.map(({ real }, index) => [real, painted[index]!] as const);
  return { psnr: meanPsnr(pairs) ?? Number.NaN, ssim: meanSsim(pairs) ?? Number.NaN };
};

export const flatLikeness = (crops: readonly HeldOutCrop[]): Likeness =>
  likenessOf(
    crops,
    crops.map(({ flat }) => flat),
  );

const toPicture = (planes: Float32Array, sidePx: number): Picture => {
  const area = sidePx * sidePx;
  const pixels = new Uint8Array(3 * area);
  for (let at = 0; at < area; at += 1)
    for (let channel = 0; channel < 3; channel += 1) {
      const value = Math.min(Math.max(planes[channel * area + at]!, 0), 1);
      pixels[3 * at + channel] = 255 * value + 0.5;
    }
  return { width: sidePx, height: sidePx, pixels };
};

/** Paints crops by the network with given weights, one after the other. */
export const paintCrops = async (
  crops: readonly HeldOutCrop[],
  weights: Weights,
  options: GeneratorOptions,
  threads?: number,
): Promise<readonly Picture[]> => {
  const network: PaintingNetwork = { ...options, multiple: paintingMultiple };
  const sessionOptions = { provider: "cpu", ...(threads === undefined ? {} : { threads }) } as const;
  await using session: PainterSession = await createPainterSession(
    serialise(generatorInference(weights, options)),
    network,
    sessionOptions,
  );
  const random = createRandom(1);
  const painted: Picture[] = [];
  for (const { real, masks, stain } of crops) {
    const { width, height } = real;
    const length = options.noisePlanes * width * height;
    const noise = length > 0 ? Float32Array.from({ length }, () => random.normal()) : undefined;
    painted.push(toPicture(await session.paint({ width, height, masks, stain, noise }), width));
  }
  return painted;
};
