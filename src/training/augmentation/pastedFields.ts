import {
  type Box,
  type CellClass,
  cellClasses,
  type DensityClass,
  densityClassOf,
  type LabelledCell,
  type Random,
} from "../../core/index.js";
import type { Picture } from "../../pictures/index.js";
import { loadFieldPictures, type StoredField } from "../datasets/fieldPictures.js";
import { type LabelledField, resamplePicture } from "../datasets/index.js";
import { evenlySpaced } from "../evenlySpaced.js";
import { maskOfField, type Stain, stainOf } from "../masks/index.js";
import { type Augmentation, copyPaste, type FieldMaker, storedFieldOf, type WantedField } from "./augmentation.js";
import { type CutCell, cutCells, type TurnedCell, turnCell } from "./cutCells.js";
import { fieldsShowing, recolour, stainsIdentity, stainsOfPictures } from "./stains.js";

/** Diameter of a red cell on a made field, px. */
const redCellPx = 40;
/** Fields that cells are cut out of and pasted into, at most; of each class that is asked for, so many that show it. */
const [mostFields, mostShowing] = [120, 30];
/** A leukocyte is hidden as unwillingly as so many times its area of others. */
const leukocyteWeight = 4;
/** Cells pasted into a field: at least one, up to so many. */
const mostPasted = 6;
/** Of so many places the one that hides least is taken. */
const places = 12;
/** A cell of whose box more than this is under a pasted one is not seen. */
const hiddenPart = 0.6;
/** Half-width of the range of the change in size. */
const resized = 0.1;

const areaOf = ({ left, top, right, bottom }: Box): number => Math.max(right - left, 0) * Math.max(bottom - top, 0);
const commonOf = (a: Box, b: Box): number =>
  areaOf({
    left: Math.max(a.left, b.left),
    top: Math.max(a.top, b.top),
    right: Math.min(a.right, b.right),
    bottom: Math.min(a.bottom, b.bottom),
  });

interface Ground {
  readonly picture: Picture;
  readonly stain: Stain;
  readonly cells: readonly LabelledCell[];
}

/** The place of a box of a size, inside the ground as far as it fits, that hides least of what is there. */
const placeFor = ({ width, height }: TurnedCell, { picture, cells }: Ground, random: Random): Box => {
  const drawn = Array.from({ length: places }, (): Box => {
    const left = Math.round(random.next() * Math.max(picture.width - width, 0));
    const top = Math.round(random.next() * Math.max(picture.height - height, 0));
    return { left, top, right: left + width, bottom: top + height };
  });
  const weightOf = ({ cellClass }: LabelledCell): number =>
    densityClassOf(cellClass) === "leukocyte" ? leukocyteWeight : 1;
  const hidden = (box: Box): number => cells.reduce((sum, cell) => sum + weightOf(cell) * commonOf(box, cell.box), 0);
  return drawn.reduce((best, box) => (hidden(box) < hidden(best) ? box : best));
};

/** Lays a cell's pixels, its colours by the ground's light over its own. Returns the tight box of what is seen of it. */
const paste = (picture: Picture, cell: TurnedCell, place: Box, gains: readonly number[]): Box | undefined => {
  let [left, top, right, bottom] = [picture.width, picture.height, 0, 0];
  for (let y = 0, at = 0; y < cell.height; y++)
    for (let x = 0; x < cell.width; x++, at++) {
      const [column, row] = [place.left + x, place.top + y];
      const share = cell.share[at]!;
      if (share === 0 || column >= picture.width || row >= picture.height) continue;
      const to = 3 * (row * picture.width + column);
      for (let channel = 0; channel < 3; channel++) {
        const colour = Math.min(cell.colours[3 * at + channel]! * gains[channel]!, 255);
        picture.pixels[to + channel] = picture.pixels[to + channel]! * (1 - share) + colour * share + 0.5;
      }
      if (share < 0.5) continue;
      [left, right] = [Math.min(left, column), Math.max(right, column + 1)];
      [top, bottom] = [Math.min(top, row), Math.max(bottom, row + 1)];
    }
  return right > left ? { left, top, right, bottom } : undefined;
};

const gainsOf = (ground: Stain, cell: Stain): readonly number[] =>
  (["red", "green", "blue"] as const).map(
    (channel) => ground.background[channel] / Math.max(cell.background[channel], 1),
  );

/** A window of a field of at most `sidePx` at `redCellPx` a red cell, with what is labelled in it. */
const groundOf = (field: StoredField, sidePx: number, random: Random): Ground => {
  const zoom = redCellPx / field.redCellPx;
  const side = sidePx / zoom;
  const [width, height] = [Math.min(field.width, side), Math.min(field.height, side)];
  const left = random.next() * (field.width - width);
  const top = random.next() * (field.height - height);
  const size = { width: Math.max(Math.round(width * zoom), 1), height: Math.max(Math.round(height * zoom), 1) };
  const source = { width: field.width, height: field.height, pixels: Uint8Array.from(field.pixels) };
  const cells = Array.from(field.cellClasses, (index, cell): LabelledCell => {
    const [x0, y0, x1, y1] = field.boxes.subarray(4 * cell, 4 * cell + 4);
    const clamp = (value: number, high: number): number => Math.min(Math.max(value, 0), high);
    const box = {
      left: clamp((x0! - left) * zoom, size.width),
      top: clamp((y0! - top) * zoom, size.height),
      right: clamp((x1! - left) * zoom, size.width),
      bottom: clamp((y1! - top) * zoom, size.height),
    };
    return { cellClass: cellClasses[index]!, box };
  }).filter(({ box }) => box.right - box.left >= 2 && box.bottom - box.top >= 2);
  return { picture: resamplePicture(source, { left, top, width, height }, size), stain: stainOf(field), cells };
};

class PastedFields implements FieldMaker {
  /** By class of the density map, then by class. */
  readonly #cells = new Map<DensityClass, Map<CellClass, CutCell[]>>();

  constructor(
    private readonly fields: readonly StoredField[],
    cells: readonly CutCell[],
    private readonly stains: readonly Stain[] | undefined,
    readonly identity: unknown,
  ) {
    for (const cell of cells) {
      const classes = this.#cells.get(densityClassOf(cell.cellClass)) ?? new Map<CellClass, CutCell[]>();
      this.#cells.set(densityClassOf(cell.cellClass), classes);
      const list = classes.get(cell.cellClass);
      if (list) list.push(cell);
      else classes.set(cell.cellClass, [cell]);
    }
  }

  async make({ index, random, sidePx, classes }: WantedField): Promise<StoredField> {
    const ground = groundOf(this.fields[random.int(this.fields.length)]!, (sidePx * redCellPx) / 32, random);
    let { cells } = ground;
    const count = classes ? 1 : 1 + random.int(mostPasted);
    for (let pasted = 0; pasted < count; pasted++) {
      const cell = this.#drawCell(random, classes);
      if (!cell) break;
      const { cellClass } = cell;
      const scale = (redCellPx / cell.redCellPx) * (1 + resized * (2 * random.next() - 1));
      const turned = turnCell(cell, { flip: random.next() < 0.5, angle: 2 * Math.PI * random.next(), scale });
      const place = placeFor(turned, { ...ground, cells }, random);
      const box = paste(ground.picture, turned, place, gainsOf(ground.stain, cell.stain));
      if (!box) continue;
      cells = [
        ...cells.filter((other) => commonOf(other.box, box) <= hiddenPart * areaOf(other.box)),
        { cellClass, box },
      ];
    }
    const stain = this.stains?.[random.int(this.stains.length)];
    const picture = stain ? recolour(ground.picture, ground.stain, stain) : ground.picture;
    return storedFieldOf(picture, cells, { id: `pasted-${index}`, redCellPx });
  }

  /** Each class of the density map as often as any other, and in it each class. */
  #drawCell(random: Random, wanted: readonly CellClass[] | undefined): CutCell | undefined {
    const lists = [...this.#cells.values()]
      .map((classes) => [...classes].filter(([name]) => wanted === undefined || wanted.includes(name)))
      .filter(({ length }) => length > 0);
    const classes = lists[random.int(Math.max(lists.length, 1))];
    if (!classes) return undefined;
    const [, cells] = classes[random.int(classes.length)]!;
    return cells[random.int(cells.length)];
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}

/**
 * Real fields into which real cells are pasted, cut out by their outlines, turned, and brought to the field's light: what
 * any painter has to beat. Each class of the density map comes as often as any other, and in it each class. With stains of another laboratory the whole field is
 * brought to one of them.
 * @throws CytoError DATASET_INVALID, IMAGE_UNREADABLE
 */
export const openPastedFields = async (
  { stains }: Augmentation,
  fields: readonly LabelledField[],
  asked: readonly CellClass[] = [],
): Promise<FieldMaker> => {
  const measured = stains === undefined ? undefined : await stainsOfPictures(stains);
  const showing = asked.flatMap((name) => evenlySpaced(fieldsShowing(fields, [name]), mostShowing));
  const chosen = [...new Set([...showing, ...evenlySpaced(fields, mostFields)])];
  const stored = await loadFieldPictures(chosen, { redCellPx });
  const cells = stored.flatMap((field) => cutCells(field, maskOfField(field)));
  return new PastedFields(stored, cells, measured, { painter: copyPaste, stains: stainsIdentity(stains) });
};
