import { type CellClass, cellClasses, createRandom, type LeukocyteClass, leukocyteClasses } from "../../core/index.js";
import { type CropGeometry, cutCrop, type StoredCrop } from "../datasets/cropPictures.js";
import type { StoredField } from "../datasets/fieldPictures.js";
import { type LabelledField, redCellDiameterUm } from "../datasets/index.js";
import { type Augmentation, copyPaste, type FieldMaker, requireRatio } from "./augmentation.js";
import { openPaintedFields } from "./paintedFields.js";
import { openPastedFields } from "./pastedFields.js";

/** Greatest side of a made field for the detector, px at 32 px a red cell; and of one about a leukocyte. */
const [fieldSidePx, cropFieldSidePx] = [224, 160];

export interface PoolRequest {
  readonly augmentation: Augmentation;
  /** What is trained on: masks, cells to paste and their surroundings are taken from these alone. */
  readonly fields: readonly LabelledField[];
  readonly count: number;
  readonly seed: number;
  readonly onMade?: ((done: number, total: number) => void) | undefined;
}

/** Fields of a sampler, made before the first step. Same request: same fields. */
export interface Pool<Item> {
  readonly items: readonly Item[];
  /** Part of the samples that they shall be. */
  readonly ratio: number;
  /** What decides them, for fingerprints; JSON-serialisable. */
  readonly identity: unknown;
}

const openMaker = (
  { augmentation, fields }: PoolRequest,
  classes: readonly CellClass[] | undefined,
): Promise<FieldMaker> =>
  augmentation.painter === copyPaste
    ? openPastedFields(augmentation, fields, classes)
    : openPaintedFields(augmentation, fields);

const make = async <Item, Class extends CellClass>(
  request: PoolRequest,
  classes: readonly Class[] | undefined,
  itemsOf: (field: StoredField, wanted: Class | undefined) => readonly Item[],
): Promise<Pool<Item>> => {
  const { augmentation, count, seed, onMade } = request;
  const ratio = requireRatio(augmentation.ratio);
  await using maker = await openMaker(request, classes);
  const items: Item[] = [];
  for (let index = 0; index < count; index++) {
    const wanted = classes?.[index % classes.length];
    const field = await maker.make({
      // Two fields of one class in a row are one with a real mask and one with a drawn one.
      index: classes ? Math.floor(index / classes.length) : index,
      random: createRandom(seed).fork(index),
      sidePx: wanted ? cropFieldSidePx : fieldSidePx,
      classes: wanted ? [wanted] : undefined,
    });
    items.push(...itemsOf(field, wanted));
    onMade?.(index + 1, count);
  }
  return { items, ratio, identity: { ...(maker.identity as object), ratio, count, seed } };
};

/** Fields for the detector. @throws CytoError MODEL_NOT_FOUND, MODEL_INVALID, DATASET_INVALID, IMAGE_UNREADABLE, USAGE */
export const makeFieldPool = (request: PoolRequest): Promise<Pool<StoredField>> =>
  make(request, undefined, (field) => [field]);

/** The crops of a class that a made field shows, cut as real ones are. */
const cropsOf = (field: StoredField, cellClass: LeukocyteClass, geometry: CropGeometry): readonly StoredCrop[] => {
  const classIndex = leukocyteClasses.indexOf(cellClass);
  const named = cellClasses.indexOf(cellClass);
  const { width, height, boxes } = field;
  const picture = { width, height, pixels: Uint8Array.from(field.pixels) };
  return Array.from(field.cellClasses).flatMap((found, cell) => {
    const at = 4 * cell;
    const box = { left: boxes[at]!, top: boxes[at + 1]!, right: boxes[at + 2]!, bottom: boxes[at + 3]! };
    const whole = box.left > 0 && box.top > 0 && box.right < width && box.bottom < height;
    if (found !== named || !whole) return [];
    const pixels = cutCrop(picture, box, redCellDiameterUm / field.redCellPx, geometry);
    return [{ dataset: field.dataset, id: `${field.id}#${cell}`, classIndex, pixels }];
  });
};

/** Crops of leukocytes for the classifier: as many fields are made for each class, and what they show of it is cut out. */
export const makeCropPool = (request: PoolRequest, geometry: CropGeometry): Promise<Pool<StoredCrop>> =>
  make(request, leukocyteClasses, (field, wanted) => cropsOf(field, wanted!, geometry));
