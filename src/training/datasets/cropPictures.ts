import { type Box, isLeukocyteClass, leukocyteClasses } from "../../core/index.js";
import { decodePicture, type Picture } from "../../pictures/index.js";
import type { LabelledField } from "./dataset.js";
import { invalid, mapBounded, mapFrom } from "./files.js";
import { ownStart, type PictureCache } from "./pictureCache.js";
import { resamplePicture } from "./resample.js";

/** Side of the square around a leukocyte that the classifier sees, um. */
export const cropUm = 20.8;
/** What it is resampled to, px. */
export const cropPx = 96;

/** A square around a leukocyte of known class. */
export interface StoredCrop {
  readonly dataset: string;
  /** The field's id and the cell's place among its labels. */
  readonly id: string;
  /** Index into leukocyteClasses. */
  readonly classIndex: number;
  /** Interleaved RGB, `sidePx` squared. */
  readonly pixels: Uint8Array;
}

export interface CropGeometry {
  /** Side of the square, um. */
  readonly sideUm: number;
  /** Side of the stored picture, px. */
  readonly sidePx: number;
}

export interface CropPictureOptions {
  readonly onLoaded?: ((done: number, total: number) => void) | undefined;
  /** Where crops are kept from one training to the next. */
  readonly cache?: PictureCache | undefined;
}

const picturesAtOnce = 4;

/** The square of `sideUm` around the centre of a box, resampled to `sidePx` px; edge pixels repeated beyond the border. */
export const cutCrop = (
  picture: Picture,
  box: Box,
  umPerPixel: number,
  { sideUm, sidePx }: CropGeometry,
): Picture["pixels"] => {
  const side = sideUm / umPerPixel;
  const left = (box.left + box.right - side) / 2;
  const top = (box.top + box.bottom - side) / 2;
  return resamplePicture(picture, { left, top, width: side, height: side }, { width: sidePx, height: sidePx }).pixels;
};

const cropsOf = async (
  field: LabelledField,
  geometry: CropGeometry,
  cache: PictureCache | undefined,
): Promise<readonly StoredCrop[]> => {
  const named = field.cells.flatMap(({ cellClass, box }, index) =>
    isLeukocyteClass(cellClass) ? [{ classIndex: leukocyteClasses.indexOf(cellClass), box, index }] : [],
  );
  if (named.length === 0) return [];
  const { umPerPixel } = field;
  if (umPerPixel === undefined)
    throw invalid(`${field.picturePath}: nothing tells its scale; give um per pixel (cytostream.yaml: umPerPixel)`);
  let picture: Promise<Picture> | undefined;
  const cut = async (box: Box): Promise<Picture> => {
    picture ??= decodePicture(field.picturePath);
    const { sidePx } = geometry;
    return { width: sidePx, height: sidePx, pixels: cutCrop(await picture, box, umPerPixel, geometry) };
  };
  const crops: StoredCrop[] = [];
  for (const { classIndex, box, index } of named) {
    const how = ["crop", box.left, box.top, box.right, box.bottom, umPerPixel, geometry.sideUm, geometry.sidePx];
    const { pixels } = await (cache ? cache.get(field.picturePath, how, () => cut(box)) : cut(box));
    crops.push({ dataset: field.dataset, id: `${field.id}#${index}`, classIndex, pixels });
  }
  return crops;
};

/**
 * Cuts the leukocytes whose class is known out of fields, from full resolution.
 * @throws CytoError IMAGE_UNREADABLE, DATASET_INVALID where nothing tells a field's scale
 */
export const loadCrops = async (
  fields: readonly LabelledField[],
  geometry: CropGeometry,
  { onLoaded, cache }: CropPictureOptions = {},
): Promise<readonly StoredCrop[]> => {
  let done = 0;
  const load = async (field: LabelledField): Promise<readonly StoredCrop[]> => {
    const cut = await cropsOf(field, geometry, cache);
    onLoaded?.(++done, fields.length);
    return cut;
  };
  const start = cache ? ownStart(fields.length) : 0;
  return (await mapFrom(start, fields, (some) => mapBounded(some, picturesAtOnce, load))).flat();
};

/**
 * The crops that the classifier would see of the labelled leukocytes, unvaried: for evaluation. `pixels` are
 * [96, 96, 3].
 * @throws CytoError as loadCrops
 */
export const centredCrops = (
  fields: readonly LabelledField[],
  options: CropPictureOptions = {},
): Promise<readonly StoredCrop[]> => loadCrops(fields, { sideUm: cropUm, sidePx: cropPx }, options);
