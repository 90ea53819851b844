import type { LabelledCell, Random } from "../../core/index.js";
import { loadFieldPictures, type StoredField } from "../datasets/fieldPictures.js";
import type { LabelledField } from "../datasets/index.js";
import { createFieldMask, type FieldMask, maskOfField, type Stain } from "../masks/index.js";
import { openPainter, type Painter } from "../painter/index.js";
import { type Augmentation, type FieldMaker, storedFieldOf, type WantedField } from "./augmentation.js";
import { fieldsShowing, stainsIdentity, stainsOfPictures } from "./stains.js";

/** Diameter of a red cell at which real fields are looked at for their outlines, px. */
const outlineRedCellPx = 40;

/** Part of a mask: cells that reach out of it are cut. */
export const cropMask = (
  mask: FieldMask,
  { left, top, width, height }: { left: number; top: number; width: number; height: number },
): FieldMask => {
  const values = new Uint8Array(width * height);
  for (let row = 0; row < height; row++) {
    const from = (top + row) * mask.width + left;
    values.set(mask.gradient.subarray(from, from + width), row * width);
  }
  const cells = mask.cells.map((cell) => ({ ...cell, left: cell.left - left, top: cell.top - top }));
  const { redCellPx, stain } = mask;
  return createFieldMask({ width, height, redCellPx, stain, cells, edges: { width, height, values } });
};

/** A window of at most `side` px a side: about a cell of one of the classes where some are asked for, else anywhere. */
const windowOf = (mask: FieldMask, side: number, { random, classes }: WantedField) => {
  const [width, height] = [Math.min(mask.width, side), Math.min(mask.height, side)];
  const wanted = classes ? mask.labels.filter(({ cellClass }) => classes.includes(cellClass)) : [];
  const middle = wanted.length > 0 ? wanted[random.int(wanted.length)]!.box : undefined;
  const start = (centre: number | undefined, size: number, whole: number): number => {
    const free = whole - size;
    const place = centre === undefined ? random.next() * free : centre - size / 2;
    return Math.round(Math.min(Math.max(place, 0), free));
  };
  return {
    left: start(middle && (middle.left + middle.right) / 2, width, mask.width),
    top: start(middle && (middle.top + middle.bottom) / 2, height, mask.height),
    width,
    height,
  };
};

/** Boxes of which less than this is left, px of the picture, are no labels. */
const leastSide = 2;

const isSeen = ({ box }: LabelledCell): boolean =>
  box.right - box.left >= leastSide && box.bottom - box.top >= leastSide;

class PaintedFields implements FieldMaker {
  constructor(
    private readonly painter: Painter,
    private readonly fields: readonly LabelledField[],
    private readonly stains: readonly Stain[] | undefined,
    readonly identity: unknown,
  ) {}

  /** Every other field has the mask of a real one; the rest are drawn. */
  async make(wanted: WantedField): Promise<StoredField> {
    const { index, random } = wanted;
    const models = index % 2 === 0 ? fieldsShowing(this.fields, wanted.classes) : [];
    const real = models.length > 0;
    const mask = real
      ? await this.#maskOf(models[random.int(models.length)]!, wanted)
      : this.#drawn(wanted, this.#stain(random));
    const stain = real ? this.#stain(random) : undefined;
    const picture = await this.painter.paint(mask, { ...(stain ? { stain } : {}), seed: 1 + random.int(2 ** 31) });
    const labels = this.painter.labelsOf(mask).filter(isSeen);
    return storedFieldOf(picture, labels, { id: `painted-${index}`, redCellPx: this.painter.redCellPx });
  }

  #stain(random: Random): Stain | undefined {
    return this.stains?.[random.int(this.stains.length)];
  }

  async #maskOf(field: LabelledField, wanted: WantedField): Promise<FieldMask> {
    const [stored] = await loadFieldPictures([field], { redCellPx: outlineRedCellPx });
    const mask = maskOfField(stored!);
    const side = Math.round((wanted.sidePx * mask.redCellPx) / this.painter.redCellPx);
    return cropMask(mask, windowOf(mask, side, wanted));
  }

  #drawn({ random, sidePx, classes }: WantedField, stain: Stain | undefined): FieldMask {
    const size = { width: sidePx, height: sidePx };
    return this.painter.drawMask({ seed: random.int(2 ** 31), ...size, classes, stain });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.painter[Symbol.asyncDispose]();
  }
}

/**
 * Fields painted from masks, half of them drawn at random, half those of the real fields.
 * @throws CytoError MODEL_NOT_FOUND, MODEL_INVALID, DATASET_INVALID, IMAGE_UNREADABLE
 */
export const openPaintedFields = async (
  { painter: directory, stains, threads }: Augmentation,
  fields: readonly LabelledField[],
): Promise<FieldMaker> => {
  const measured = stains === undefined ? undefined : await stainsOfPictures(stains);
  const painter = await openPainter(directory, { threads });
  const identity = { painter: painter.ref.sha256, stains: stainsIdentity(stains) };
  return new PaintedFields(painter, fields, measured, identity);
};
