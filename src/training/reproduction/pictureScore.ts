import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { Picture } from "../../pictures/index.js";
import type { StoredField } from "../datasets/fieldPictures.js";
import { type LabelledField, resamplePicture } from "../datasets/index.js";
import { openFeatures, PatchFeatures, patchPx, tilePicture, tilesOf } from "../features/index.js";
import {
  createMaskPlanes,
  type FieldMask,
  MaskPainter,
  measureFlatColours,
  paintFlat,
  pictureOfPlanes,
  uprightPlacement,
} from "../masks/index.js";
import { frechetDistance, psnr, ssim } from "../metrics/index.js";
import { openPainter, paintedRedCellPx } from "../painter/index.js";
import { loadMaskedFields } from "../painter/maskedFields.js";
import { cutSquare, writeStrip } from "./strips.js";

/** How near painted pictures of held-out masks come to the real ones. */
export interface PictureFigures {
  /** Means over fields, dB and -1 to 1. */
  readonly psnr: number;
  readonly ssim: number;
  /** Frechet distance of the patches of real and painted fields. */
  readonly fid: number;
  readonly fields: number;
  readonly patches: number;
  /** Name and hash of the network that features are taken from. */
  readonly features: { readonly name: string; readonly sha256: string; readonly dimensions: number };
  readonly byDataset: Readonly<
    Record<string, { readonly psnr: number; readonly ssim: number; readonly fields: number }>
  >;
}

export interface PictureScoreRequest {
  /** Folder of the painter's model; without it each part of a mask has its median colour. */
  readonly painter?: string | undefined;
  /** Held-out fields. */
  readonly fields: readonly LabelledField[];
  /** ONNX file or model folder. */
  readonly features: string;
  /** Folder for strips of samples. */
  readonly folder: string;
  readonly threads?: number | undefined;
  readonly onField?: ((done: number, total: number) => void) | undefined;
}

type Paint = (field: StoredField, mask: FieldMask) => Promise<Picture>;

const planesOf = (mask: FieldMask): { planes: Float32Array; canvasPx: number } => {
  const canvasPx = Math.ceil((Math.max(mask.width, mask.height) * paintedRedCellPx) / mask.redCellPx);
  const planes = createMaskPlanes(1, canvasPx);
  new MaskPainter(canvasPx).paint(planes, 0, mask, { placement: uprightPlacement(mask, paintedRedCellPx) });
  return { planes, canvasPx };
};

const sizeOf = (mask: FieldMask): { width: number; height: number } => ({
  width: Math.max(Math.round((mask.width * paintedRedCellPx) / mask.redCellPx), 1),
  height: Math.max(Math.round((mask.height * paintedRedCellPx) / mask.redCellPx), 1),
});

/** The upper left part of a picture. */
const cornerOf = (picture: Picture, { width, height }: { width: number; height: number }): Picture =>
  resamplePicture(picture, { left: 0, top: 0, width, height }, { width, height });

const flatPaint: Paint = async (field, mask) => {
  const { planes, canvasPx } = planesOf(mask);
  return cornerOf(paintFlat(planes, 0, { canvasPx, colours: measureFlatColours(field, mask) }), sizeOf(mask));
};

const realPicture = (field: StoredField, size: { width: number; height: number }): Picture =>
  resamplePicture(
    { width: field.width, height: field.height, pixels: Uint8Array.from(field.pixels) },
    { left: 0, top: 0, width: field.width, height: field.height },
    size,
  );

/** A painted picture as a field, so that it is cut into the same patches as the real one. */
const patchesOfPicture = (picture: Picture): readonly Picture[] => {
  const field = { ...picture, redCellPx: paintedRedCellPx } as StoredField;
  return tilesOf(field, patchPx).map((tile) => tilePicture(field, tile, patchPx));
};

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

/** Samples shown in a strip: evenly spaced fields, the parts of them that fit into a square. */
const samples = 8;

interface Compared {
  readonly dataset: string;
  readonly psnr: number;
  readonly ssim: number;
}

const summarise = (compared: readonly Compared[]) => ({
  psnr: mean(compared.map(({ psnr: value }) => value)),
  ssim: mean(compared.map(({ ssim: value }) => value)),
  fields: compared.length,
});

/**
 * Paints the masks of held-out fields, each in its own field's stain, and compares the pictures with the real ones at 32 px
 * a red cell. Writes strips of samples: real.png, masks.png, samples.png.
 * @throws CytoError MODEL_NOT_FOUND, MODEL_INVALID, IMAGE_UNREADABLE, OUTPUT_FAILED
 */
export const scorePictures = async (request: PictureScoreRequest): Promise<PictureFigures> => {
  const { fields, folder, threads } = request;
  await using network = await openFeatures(request.features, threads);
  await using painter = request.painter === undefined ? undefined : await openPainter(request.painter, { threads });
  const paint: Paint = painter ? (_, mask) => painter.paint(mask) : flatPaint;
  const masked = await loadMaskedFields(fields, { threads });
  const [real, painted] = [new PatchFeatures(network), new PatchFeatures(network)];
  const compared: Compared[] = [];
  const shown = new Set(Array.from({ length: samples }, (_, at) => Math.floor(((at + 0.5) * masked.length) / samples)));
  const strips = { real: [] as Picture[], masks: [] as Picture[], samples: [] as Picture[] };
  for (const [index, { field, mask }] of masked.entries()) {
    const picture = await paint(field, mask);
    const original = realPicture(field, picture);
    compared.push({ dataset: field.dataset, psnr: psnr(original, picture), ssim: ssim(original, picture) });
    for (const patch of patchesOfPicture(original)) await real.add(patch);
    for (const patch of patchesOfPicture(picture)) await painted.add(patch);
    if (shown.has(index)) {
      const { planes, canvasPx } = planesOf(mask);
      strips.real.push(cutSquare(original));
      strips.samples.push(cutSquare(picture));
      strips.masks.push(cutSquare(cornerOf(pictureOfPlanes(planes, 0, canvasPx), picture)));
    }
    request.onField?.(index + 1, masked.length);
  }
  await mkdir(folder, { recursive: true });
  for (const [name, pictures] of Object.entries(strips)) await writeStrip(join(folder, `${name}.png`), pictures);
  const datasets = [...new Set(compared.map(({ dataset }) => dataset))];
  return {
    ...summarise(compared),
    fid: frechetDistance(real.statistics.gaussian(), painted.statistics.gaussian()),
    patches: real.statistics.count,
    features: { name: network.name, sha256: network.sha256, dimensions: network.dimensions },
    byDataset: Object.fromEntries(
      datasets.map((name) => [name, summarise(compared.filter(({ dataset }) => dataset === name))]),
    ),
  };
};
