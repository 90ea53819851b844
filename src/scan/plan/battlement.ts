import type { PointUm } from "../../counting/index.js";
import type { FieldGrid } from "./grid.js";

export interface BattlementShape {
  /** Fields of a leg, up or down. */
  readonly fieldsDeep: number;
  /** Steps along the edge from one leg to the next. */
  readonly fieldsBetween: number;
}

/** The track through one band of rows: down a column, along its end to the next leg, up again. */
const trackOf = (columns: readonly number[], rows: readonly number[], fieldsBetween: number): PointUm[] => {
  const track: PointUm[] = [];
  let down = true;
  for (let leg = 0; leg < columns.length; leg += fieldsBetween) {
    const order = down ? rows : rows.toReversed();
    track.push(...order.map((y) => ({ x: columns[leg]!, y })));
    const next = leg + fieldsBetween;
    if (next < columns.length) track.push(...columns.slice(leg + 1, next).map((x) => ({ x, y: order.at(-1)! })));
    down = !down;
  }
  return track;
};

/**
 * The battlement track along the feathered edge (CLSI H20-A2, 2007): legs of `fieldsDeep` fields, joined at their ends. A region
 * higher than that takes further tracks below the first, to and fro.
 */
export const battlement = ({ columns, rows }: FieldGrid, { fieldsDeep, fieldsBetween }: BattlementShape): PointUm[] => {
  const track: PointUm[] = [];
  for (let first = 0, band = 0; first < rows.length; first += fieldsDeep, band++) {
    const across = band % 2 === 0 ? columns : columns.toReversed();
    track.push(...trackOf(across, rows.slice(first, first + fieldsDeep), fieldsBetween));
  }
  return track;
};
