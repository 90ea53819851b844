import { type CellClass, cellClasses } from "../core/index.js";
import { CellStore, flag } from "./cellStore.js";
import { coverRect, RectIndex } from "./coverage.js";
import { applyView, classNameOf, isCounted, mergeEntries } from "./evidence.js";
import type { CountedField, PlacedCell, Placement } from "./field.js";
import { areaOf, contains, intersect, type RectUm } from "./geometry.js";
import { type Matches, matchViews } from "./matching.js";
import type { CountingOptions } from "./options.js";
import { type CellView, countingRect, fieldRect, viewsOf } from "./view.js";

export interface SlideChange {
  /** By class, cells that entered the count less those that left it. */
  readonly classes: Int32Array<ArrayBuffer>;
  /** Growth of the union of the counting frames, um2. */
  readonly grownUm2: number;
  readonly placedCells: readonly PlacedCell[];
}

const shrunk = (rect: RectUm, margin: number): RectUm => ({
  left: rect.left + margin,
  top: rect.top + margin,
  right: rect.right - margin,
  bottom: rect.bottom - margin,
});

/** The slide as seen so far: its cells, the fields that showed them, and the union of their counting frames. */
export class Slide {
  readonly store: CellStore;
  readonly fields: RectIndex;
  readonly pieces: RectIndex;
  readonly #options: CountingOptions;

  constructor(options: CountingOptions, parts?: { store: CellStore; fields: RectIndex; pieces: RectIndex }) {
    this.#options = options;
    this.store = parts?.store ?? new CellStore();
    this.fields = parts?.fields ?? new RectIndex();
    this.pieces = parts?.pieces ?? new RectIndex();
  }

  /** Whether one earlier field has shown (nearly) all that this one shows. */
  hasShown(field: CountedField, placement: Placement): boolean {
    const rect = fieldRect(field, placement);
    const enough = this.#options.repeatedOverlap * areaOf(rect);
    const earlier = this.fields.overlapping(placement.area, rect);
    return earlier.some((index) => areaOf(intersect(rect, this.fields.rectOf(index))) >= enough);
  }

  /** The cells of a field that adds nothing, with the numbers of those they show again. */
  recognise(field: CountedField, placement: Placement): PlacedCell[] {
    const views = viewsOf(field, placement, this.#options);
    const { entryOfView } = this.#match(field, placement, views);
    return field.cells.map((cell, index) => this.#placedCell(cell, views[index], entryOfView[index]!, false));
  }

  /** Takes a field's cells in: those seen before speak for the same cell again, the others are new. */
  add(field: CountedField, placement: Placement): SlideChange {
    const views = viewsOf(field, placement, this.#options);
    const matches = this.#match(field, placement, views);
    const firstNew = this.store.size;
    const rect = fieldRect(field, placement);
    const number = this.fields.add(placement.area, rect);
    const classes = new Int32Array(cellClasses.length);
    const margin = this.#options.borderTolerancePx * placement.umPerPixel;
    for (const [kept, gone] of matches.merges) {
      this.#track([kept, gone], classes, () => mergeEntries(this.store, kept, gone));
    }
    const entries = views.map((view, index) => {
      if (view === undefined) return -1;
      const known = matches.entryOfView[index]!;
      if (known === -1) return this.#addCell(view, { placement, number, margin }, classes);
      this.#track([known], classes, () => applyView(this.store, known, view, number));
      return known;
    });
    this.#noteMissed(placement.area, shrunk(rect, margin), new Set(entries), classes);
    const frame = countingRect(rect, placement.umPerPixel, this.#options);
    const grownUm2 = coverRect(this.pieces, placement.area, frame);
    const placedCells = field.cells.map((cell, index) =>
      this.#placedCell(cell, views[index], entries[index]!, entries[index]! >= firstNew),
    );
    return { classes, grownUm2, placedCells };
  }

  #match(field: CountedField, placement: Placement, views: readonly (CellView | undefined)[]): Matches {
    return matchViews({
      store: this.store,
      area: placement.area,
      views,
      rect: fieldRect(field, placement),
      rectOfField: (index) => this.fields.rectOf(index),
      slackUm: placement.method === "stage" && placement.refinement === undefined ? this.#options.stageErrorUm : 0,
      options: this.#options,
    });
  }

  #addCell(
    view: CellView,
    field: { readonly placement: Placement; readonly number: number; readonly margin: number },
    classes: Int32Array,
  ): number {
    const { area } = field.placement;
    const entry = this.store.add(area, view.box);
    this.#track([entry], classes, () => {
      applyView(this.store, entry, view, field.number);
      for (const earlier of this.fields.overlapping(area, view.box)) {
        if (earlier === field.number) continue;
        if (contains(shrunk(this.fields.rectOf(earlier), field.margin), view.box)) this.#expect(entry);
      }
    });
    return entry;
  }

  /** Cells that the field shows whole, but in which the detector found none. */
  #noteMissed(area: number, shown: RectUm, seen: ReadonlySet<number>, classes: Int32Array): void {
    this.store.near(area, shown, (entry) => {
      if (seen.has(entry) || !contains(shown, this.store.boxOf(entry))) return;
      this.#track([entry], classes, () => this.#expect(entry));
    });
  }

  #expect(entry: number): void {
    const { expected } = this.store.columns;
    expected[entry] = expected[entry]! + 1;
  }

  /** Books what an action does to the part that cells have in the count. */
  #track(entries: readonly number[], classes: Int32Array, act: () => void): void {
    const book = (step: number): void => {
      for (const entry of entries) {
        if (!isCounted(this.store, entry, this.#options.minSeenShare)) continue;
        const cellClass = this.store.columns.cellClass[entry]!;
        classes[cellClass] = classes[cellClass]! + step;
      }
    };
    book(-1);
    act();
    book(1);
  }

  #placedCell(cell: PlacedCell["cell"], view: CellView | undefined, entry: number, isNew: boolean): PlacedCell {
    if (view === undefined || entry < 0) {
      return { cell, cellClass: cell.cellClass satisfies CellClass, sighting: "unplaced", counted: false };
    }
    return {
      cell,
      id: entry,
      slideBoxUm: view.box,
      cellClass: classNameOf(this.store, entry),
      sighting: isNew ? "new" : "again",
      counted: isCounted(this.store, entry, this.#options.minSeenShare),
    };
  }
}

/** Cells on the slide that are in the count, one by one; for checks and exports. */
export function* countedCells(
  slide: Slide,
  options: CountingOptions,
): Generator<{ readonly id: number; readonly area: number; readonly cellClass: CellClass; readonly boxUm: RectUm }> {
  const { store } = slide;
  for (let id = 0; id < store.size; id++) {
    if (store.has(id, flag.merged) || !isCounted(store, id, options.minSeenShare)) continue;
    yield { id, area: store.columns.area[id]!, cellClass: classNameOf(store, id), boxUm: store.boxOf(id) };
  }
}
