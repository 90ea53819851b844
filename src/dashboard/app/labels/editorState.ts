import type { Box, CellClass, LabelledCell } from "../../../core/index.js";
import { fitBox, neighbour, type Point, type Size } from "./geometry.js";

/** The cells of a field while somebody corrects them. Pure. */
export interface Editing {
  readonly size: Size;
  readonly cells: readonly LabelledCell[];
  readonly selected: number | undefined;
  /** Class of the next new box. */
  readonly drawnClass: CellClass;
  /** What there was before each change, the newest last. */
  readonly past: readonly (readonly LabelledCell[])[];
}

export type EditingEvent =
  | { readonly type: "begin"; readonly cells: readonly LabelledCell[]; readonly size: Size }
  | { readonly type: "select"; readonly cell: number | undefined }
  | { readonly type: "step"; readonly towards: Point }
  | { readonly type: "box"; readonly cell: number; readonly box: Box }
  | { readonly type: "class"; readonly cellClass: CellClass }
  | { readonly type: "add"; readonly box: Box }
  | { readonly type: "remove" }
  | { readonly type: "undo" };

export const maxUndo = 200;

export const beginEditing = (cells: readonly LabelledCell[], size: Size, drawnClass: CellClass): Editing => ({
  size,
  cells,
  selected: undefined,
  drawnClass,
  past: [],
});

const changed = (editing: Editing, cells: readonly LabelledCell[]): Editing => ({
  ...editing,
  cells,
  past: [...editing.past, editing.cells].slice(-maxUndo),
});

const replaced = (editing: Editing, index: number, cell: LabelledCell): Editing =>
  changed(
    editing,
    editing.cells.map((known, at) => (at === index ? cell : known)),
  );

const sameBox = (a: Box, b: Box): boolean =>
  a.left === b.left && a.top === b.top && a.right === b.right && a.bottom === b.bottom;

const withClass = (editing: Editing, cellClass: CellClass): Editing => {
  const cell = editing.selected === undefined ? undefined : editing.cells[editing.selected];
  const drawn = { ...editing, drawnClass: cellClass };
  if (cell === undefined || editing.selected === undefined || cell.cellClass === cellClass) return drawn;
  // What the detector thought of the cell was thought of another class.
  return replaced(drawn, editing.selected, { cellClass, box: cell.box });
};

const withBox = (editing: Editing, index: number, given: Box): Editing => {
  const cell = editing.cells[index];
  const box = fitBox(given, editing.size);
  return cell === undefined || sameBox(cell.box, box) ? editing : replaced(editing, index, { ...cell, box });
};

const without = (editing: Editing): Editing => {
  const { selected, cells } = editing;
  if (selected === undefined || cells[selected] === undefined) return editing;
  const left = cells.filter((_cell, index) => index !== selected);
  return { ...changed(editing, left), selected: left.length === 0 ? undefined : Math.min(selected, left.length - 1) };
};

const undone = (editing: Editing): Editing => {
  const cells = editing.past.at(-1);
  if (cells === undefined) return editing;
  const { selected } = editing;
  const kept = selected !== undefined && selected < cells.length ? selected : undefined;
  return { ...editing, cells, selected: kept, past: editing.past.slice(0, -1) };
};

export const reduceEditing = (editing: Editing, event: EditingEvent): Editing => {
  switch (event.type) {
    case "begin":
      return beginEditing(event.cells, event.size, editing.drawnClass);
    case "select":
      return { ...editing, selected: event.cell };
    case "step":
      return { ...editing, selected: neighbour(editing.cells, editing.selected, event.towards) };
    case "box":
      return withBox(editing, event.cell, event.box);
    case "class":
      return withClass(editing, event.cellClass);
    case "add": {
      const cell = { cellClass: editing.drawnClass, box: fitBox(event.box, editing.size) };
      return { ...changed(editing, [...editing.cells, cell]), selected: editing.cells.length };
    }
    case "remove":
      return without(editing);
    case "undo":
      return undone(editing);
  }
};
