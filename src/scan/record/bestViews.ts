import type { FieldOutcome } from "../../counting/index.js";
import type { FieldEntry } from "./entries.js";

/** The field that shows a cell best, by its number in the plan, and the cell's row in that field. */
export interface BestView {
  readonly field: number;
  readonly row: number;
}

/** A cell this near to the border of its field may be cut by it, px; worth this share of a whole one. */
const borderPx = 2;
const cutWorth = 0.25;

/**
 * How well a field shows a cell: the detector's confidence, more where it lies whole and well inside. As the counter weighs views.
 */
const worthOf = ({ widthPx, heightPx }: FieldEntry, row: readonly number[]): number => {
  const [, , , , left = 0, top = 0, right = 0, bottom = 0, confidence = 0] = row;
  const margin = Math.min(left, top, widthPx - right, heightPx - bottom);
  const diameter = Math.max(right - left, bottom - top, 1);
  return confidence * (margin <= borderPx ? cutWorth : 0.75 + 0.25 * Math.min(1, margin / diameter));
};

/** For each cell of the slide, by its number, the view that shows it best. 12 bytes a cell. */
export class BestViews {
  #fields = new Int32Array(1024).fill(-1);
  #rows = new Int32Array(1024);
  #worth = new Float32Array(1024);

  /** Takes a field's cells in; the outcome's cells are in the order of the entry's rows. */
  add(entry: FieldEntry, { placedCells }: FieldOutcome): void {
    placedCells.forEach(({ id }, row) => {
      if (id === undefined) return;
      this.#reserve(id);
      const worth = worthOf(entry, entry.cells[row]!);
      if (this.#fields[id]! >= 0 && this.#worth[id]! >= worth) return;
      this.#fields[id] = entry.index;
      this.#rows[id] = row;
      this.#worth[id] = worth;
    });
  }

  of(id: number): BestView | undefined {
    const field = this.#fields[id] ?? -1;
    return field < 0 ? undefined : { field, row: this.#rows[id]! };
  }

  #reserve(id: number): void {
    if (id < this.#fields.length) return;
    const length = 2 ** Math.ceil(Math.log2(id + 1));
    const [fields, rows, worth] = [this.#fields, this.#rows, this.#worth];
    this.#fields = new Int32Array(length).fill(-1);
    this.#rows = new Int32Array(length);
    this.#worth = new Float32Array(length);
    this.#fields.set(fields);
    this.#rows.set(rows);
    this.#worth.set(worth);
  }
}
