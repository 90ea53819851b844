import { type Cell, type DensityClass, densityClasses } from "../core/index.js";
import type { CountedField, Placement } from "./field.js";
import { type RectUm, rectAround } from "./geometry.js";
import type { CountingOptions } from "./options.js";

/** One cell as one field shows it, in the coordinates of its area. */
export interface CellView {
  readonly cell: Cell;
  readonly densityIndex: number;
  readonly box: RectUm;
  readonly diameterUm: number;
  /** Whether the field's border cuts the cell at any side. */
  readonly cut: boolean;
  /** Whether this field counts the cell by the rule of its border. */
  readonly admitted: boolean;
  /** How well the field shows it, 0 to 1: the best view gives class and extent. */
  readonly quality: number;
}

const densityIndexOf = new Map<DensityClass, number>(densityClasses.map((name, index) => [name, index]));

export const fieldRect = (field: Pick<CountedField, "widthPx" | "heightPx">, placement: Placement): RectUm =>
  rectAround(placement.centreUm, field.widthPx * placement.umPerPixel, field.heightPx * placement.umPerPixel);

/**
 * The part of a field in which the right lower corner of a counted cell's box lies: short of the tolerance at the right
 * and the bottom, where it could not be told from a cell that is cut, and of the guard at the left and the top.
 */
export const countingRect = (rect: RectUm, umPerPixel: number, options: CountingOptions): RectUm => {
  const tolerance = options.borderTolerancePx * umPerPixel;
  return {
    left: rect.left + options.guardUm,
    top: rect.top + options.guardUm,
    right: rect.right - tolerance,
    bottom: rect.bottom - tolerance,
  };
};

const isFiniteCell = ({ box, centre, confidence }: Cell): boolean =>
  [box.left, box.top, box.right, box.bottom, centre.x, centre.y, confidence].every(Number.isFinite);

/** The cells of a placed field, in their order; undefined for those whose numbers are none. */
export const viewsOf = (
  field: CountedField,
  placement: Placement,
  options: CountingOptions,
): (CellView | undefined)[] => {
  const { umPerPixel } = placement;
  const { left, top } = fieldRect(field, placement);
  const { widthPx, heightPx } = field;
  const tolerance = options.borderTolerancePx;
  const guardPx = options.guardUm / umPerPixel;
  return field.cells.map((cell) => {
    if (!isFiniteCell(cell)) return undefined;
    const box = {
      left: Math.max(0, cell.box.left),
      top: Math.max(0, cell.box.top),
      right: Math.min(widthPx, cell.box.right),
      bottom: Math.min(heightPx, cell.box.bottom),
    };
    const diameterPx = Math.max(box.right - box.left, box.bottom - box.top);
    if (box.right <= box.left || box.bottom <= box.top) return undefined;
    const cutAfter = box.right >= widthPx - tolerance || box.bottom >= heightPx - tolerance;
    const margin = Math.min(box.left, box.top, widthPx - box.right, heightPx - box.bottom);
    const cut = margin <= tolerance;
    return {
      cell,
      densityIndex: densityIndexOf.get(cell.densityClass)!,
      box: {
        left: left + box.left * umPerPixel,
        top: top + box.top * umPerPixel,
        right: left + box.right * umPerPixel,
        bottom: top + box.bottom * umPerPixel,
      },
      diameterUm: diameterPx * umPerPixel,
      cut,
      admitted: !cutAfter && box.right >= guardPx && box.bottom >= guardPx,
      quality: Math.max(0, cell.confidence) * (cut ? 0.25 : 0.75 + 0.25 * Math.min(1, margin / diameterPx)),
    };
  });
};
