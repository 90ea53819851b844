import { cellClasses, densityClasses, densityClassOf } from "../../core/index.js";
import { decodePicture, type Picture } from "../../pictures/index.js";
import type { LabelledField } from "./dataset.js";
import { invalid, mapBounded, mapFrom } from "./files.js";
import { ownStart, type PictureCache } from "./pictureCache.js";
import { resamplePicture } from "./resample.js";
import { mergeTwiceListed } from "./twiceListed.js";

/** A field kept in memory at about the scale of training. */
export interface StoredField {
  readonly id: string;
  readonly dataset: string;
  readonly width: number;
  readonly height: number;
  /** Interleaved RGB. */
  readonly pixels: Uint8Array;
  /** Diameter of its red cells, px of `pixels`. */
  readonly redCellPx: number;
  /** Left, top, right, bottom per cell, px of `pixels`; cells listed twice are here once. */
  readonly boxes: Float32Array;
  /** Index into densityClasses, per cell. */
  readonly classes: Uint8Array;
  /** Index into cellClasses, per cell: as deep as the label names it. */
  readonly cellClasses: Uint8Array;
  /** Per density class, whether the labels leave cells of it out. */
  readonly incomplete: readonly boolean[];
}

export interface FieldPictureOptions {
  /** Fields whose red cells are larger are shrunk to this diameter, px; smaller ones stay as they are. Default 40. */
  readonly redCellPx?: number | undefined;
  readonly onLoaded?: ((done: number, total: number) => void) | undefined;
  /** Where pictures at the scale that is asked for are kept from one training to the next. */
  readonly cache?: PictureCache | undefined;
}

const picturesAtOnce = 4;

const store = async (field: LabelledField, redCellPx: number, cache?: PictureCache): Promise<StoredField> => {
  const diameter = field.redCellDiameterPx;
  if (diameter === undefined)
    throw invalid(`${field.picturePath}: nothing tells its scale; give um per pixel (cytostream.yaml: umPerPixel)`);
  const { widthPx, heightPx } = field;
  const width = Math.max(Math.round(widthPx * Math.min(redCellPx / diameter, 1)), 1);
  const height = Math.max(Math.round(heightPx * Math.min(redCellPx / diameter, 1)), 1);
  const shrink = async (): Promise<Picture> => {
    const picture = await decodePicture(field.picturePath);
    return resamplePicture(picture, { left: 0, top: 0, ...picture }, { width, height });
  };
  const small = await (cache ? cache.get(field.picturePath, ["field", width, height], shrink) : shrink());
  const [scaleX, scaleY] = [width / widthPx, height / heightPx];
  const cells = mergeTwiceListed(field.cells);
  const boxes = cells.flatMap(({ box }) => [
    box.left * scaleX,
    box.top * scaleY,
    box.right * scaleX,
    box.bottom * scaleY,
  ]);
  return {
    id: field.id,
    dataset: field.dataset,
    width,
    height,
    pixels: small.pixels,
    redCellPx: diameter * Math.sqrt(scaleX * scaleY),
    boxes: Float32Array.from(boxes),
    classes: Uint8Array.from(cells, ({ cellClass }) => densityClasses.indexOf(densityClassOf(cellClass))),
    cellClasses: Uint8Array.from(cells, ({ cellClass }) => cellClasses.indexOf(cellClass)),
    incomplete: densityClasses.map((densityClass) => field.incomplete.includes(densityClass)),
  };
};

/**
 * Decodes fields and keeps them as 8-bit RGB at a size at which a red cell is `redCellPx` across (0.1-0.3 MB a field).
 * @throws CytoError IMAGE_UNREADABLE, DATASET_INVALID where nothing tells a field's scale
 */
export const loadFieldPictures = async (
  fields: readonly LabelledField[],
  { redCellPx = 40, onLoaded, cache }: FieldPictureOptions = {},
): Promise<readonly StoredField[]> => {
  let done = 0;
  const load = async (field: LabelledField): Promise<StoredField> => {
    const stored = await store(field, redCellPx, cache);
    onLoaded?.(++done, fields.length);
    return stored;
  };
  return mapFrom(cache ? ownStart(fields.length) : 0, fields, (some) => mapBounded(some, picturesAtOnce, load));
};
