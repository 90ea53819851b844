import { type Box, densityClassOf, type LabelledCell } from "../../core/index.js";

/** Mean diameter of a human red cell on a smear. */
export const redCellDiameterUm = 7.5;

/** A box nearer to the picture's border than this is taken to be cut by it. Annotators leave a pixel or two. */
export const borderPx = 2.5;

/** Fewer red cells than this do not make a median. */
const enoughRedCells = 3;

export const median = (values: readonly number[]): number | undefined => {
  if (values.length === 0) return undefined;
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
};

/** Whether a box is cut by the border of its picture. */
export const isCut = ({ left, top, right, bottom }: Box, widthPx: number, heightPx: number): boolean =>
  left < borderPx || top < borderPx || right > widthPx - borderPx || bottom > heightPx - borderPx;

export interface FieldLabels {
  readonly widthPx: number;
  readonly heightPx: number;
  readonly cells: readonly LabelledCell[];
}

const diameterOf = ({ left, top, right, bottom }: Box): number => Math.sqrt((right - left) * (bottom - top));

/**
 * Median of sqrt(width x height) over the field's red cells that no border cuts; over all of them where fewer than three
 * are whole; undefined where there are fewer than three at all.
 */
export const ownRedCellDiameterPx = ({ widthPx, heightPx, cells }: FieldLabels): number | undefined => {
  const red = cells.filter(({ cellClass }) => densityClassOf(cellClass) === "erythrocyte").map(({ box }) => box);
  const whole = red.filter((box) => !isCut(box, widthPx, heightPx));
  const boxes = whole.length >= enoughRedCells ? whole : red;
  return boxes.length >= enoughRedCells ? median(boxes.map(diameterOf)) : undefined;
};

/**
 * Red-cell diameter of every field: its own where it has one, else the median of the fields of the same picture size,
 * else that of all fields; undefined where no field has one.
 */
export const redCellDiametersPx = (fields: readonly FieldLabels[]): readonly (number | undefined)[] => {
  const own = fields.map(ownRedCellDiameterPx);
  const bySize = new Map<string, number[]>();
  const all: number[] = [];
  fields.forEach(({ widthPx, heightPx }, index) => {
    const diameter = own[index];
    if (diameter === undefined) return;
    all.push(diameter);
    const size = `${widthPx}x${heightPx}`;
    bySize.set(size, [...(bySize.get(size) ?? []), diameter]);
  });
  const overall = median(all);
  return fields.map(({ widthPx, heightPx }, index) =>
    own[index] !== undefined ? own[index] : (median(bySize.get(`${widthPx}x${heightPx}`) ?? []) ?? overall),
  );
};
