import type { CellClass } from "../../../core/index.js";
import type { Taxonomy } from "../view.js";
import type { Editing, EditingEvent } from "./editorState.js";

export interface PaletteProps {
  readonly editing: Editing;
  readonly taxonomy: Taxonomy;
  readonly dispatch: (event: EditingEvent) => void;
}

/** The classes in the order of their keys: 1 to 9, then 0. */
export const classOfKey = (taxonomy: Taxonomy, key: string): CellClass | undefined => {
  if (!/^\d$/.test(key)) return undefined;
  return [...taxonomy.keys()][(Number(key) + 9) % 10] as CellClass | undefined;
};

/** Classes to choose from, with their keys and how many cells of each there are in the field. */
export const Palette = ({ editing, taxonomy, dispatch }: PaletteProps) => {
  const selected = editing.selected === undefined ? undefined : editing.cells[editing.selected];
  const current = selected?.cellClass ?? editing.drawnClass;
  return (
    <fieldset class="palette">
      <legend>{selected === undefined ? "Class of a new box" : "Class of the selected cell"}</legend>
      {[...taxonomy.values()].map((entry, index) => {
        const count = editing.cells.filter(({ cellClass }) => cellClass === entry.class).length;
        return (
          <button
            key={entry.class}
            type="button"
            class="class-choice"
            data-class={entry.class}
            aria-pressed={entry.class === current}
            onClick={() => dispatch({ type: "class", cellClass: entry.class as CellClass })}
          >
            <kbd>{(index + 1) % 10}</kbd>
            <span class="swatch" style={{ backgroundColor: entry.colour }} aria-hidden="true" />
            <span class="choice-name">{entry.label}</span>
            <span class="number muted">{count === 0 ? "" : count}</span>
          </button>
        );
      })}
    </fieldset>
  );
};
