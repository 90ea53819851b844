import { type CellClass, cellClasses } from "../core/index.js";
import { CellStore } from "./cellStore.js";
import { growUnion, RectIndex } from "./coverage.js";
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
  /** Cells whose place is no longer known, in all. */
  readonly forgottenCells: number;
}

const shrunk = (rect: RectUm, margin: number): RectUm => ({
  left: rect.left + margin,
  top: rect.top + margin,
  right: rect.right - margin,
  bottom: rect.bottom - margin,
});

export interface SlideParts {
  readonly store: CellStore;
  /** Rectangles of the fields taken in. */
  readonly fields: RectIndex;
  /** Their counting frames, by the same numbers. */
  readonly frames: RectIndex;
  /** By field, how many cells there were before it. */
  readonly cellsBefore: number[];
  /** Cells forgotten: the public number of the first one that is still known. */
  readonly forgottenCells: number;
}

const emptyParts = (): SlideParts => ({
  store: new CellStore(),
  fields: new RectIndex(),
  frames: new RectIndex(),
  cellsBefore: [],
  forgottenCells: 0,
});

/** Share of the mean spacing of cells by which a match may be off at most for want of a place. */
const slackSpacing = 0.25;

/** The bound of fields follows from that of cells. */
const cellsPerField = 8;

/** The slide as seen so far: its cells, the fields that showed them, and the union of their counting frames. */
export class Slide {
  readonly #options: CountingOptions;
  #parts: SlideParts;

  constructor(options: CountingOptions, parts: SlideParts = emptyParts()) {
    this.#options = options;
    this.#parts = parts;
  }

  get parts(): SlideParts {
    return this.#parts;
  }

  get store(): CellStore {
    return this.#parts.store;
  }

  /** Whether one earlier field has shown (nearly) all that this one shows. */
  hasShown(field: CountedField, placement: Placement): boolean {
    const rect = fieldRect(field, placement);
    const enough = this.#options.repeatedOverlap * areaOf(rect);
    const earlier = this.#parts.fields.overlapping(placement.area, rect);
    return earlier.some((index) => areaOf(intersect(rect, this.#parts.fields.rectOf(index))) >= enough);
  }

  /** The cells of a field that adds nothing, with the numbers of those they show again. */
  recognise(field: CountedField, placement: Placement): PlacedCell[] {
    const views = viewsOf(field, placement, this.#options);
    const { entryOfView } = this.#match(field, placement, views);
    return field.cells.map((cell, index) => this.#placedCell(cell, views[index], entryOfView[index]!, false));
  }

  /** Takes a field's cells in: those seen before speak for the same cell again, the others are new. */
  add(field: CountedField, placement: Placement): SlideChange {
    const { maxCells } = this.#options;
    const { fields, frames, cellsBefore } = this.#makeRoom(maxCells);
    const views = viewsOf(field, placement, this.#options);
    const matches = this.#match(field, placement, views);
    const firstNew = this.store.size;
    const rect = fieldRect(field, placement);
    const margin = this.#options.borderTolerancePx * placement.umPerPixel;
    const earlier = fields.overlapping(placement.area, rect).map((index) => shrunk(fields.rectOf(index), margin));
    const number = fields.add(placement.area, rect);
    cellsBefore.push(firstNew);
    const classes = new Int32Array(cellClasses.length);
    for (const [kept, gone] of matches.merges) {
      this.#track([kept, gone], classes, () => mergeEntries(this.store, kept, gone));
    }
    const entries = views.map((view, index) => {
      if (view === undefined) return -1;
      const known = matches.entryOfView[index]!;
      if (known === -1) return this.#addCell(view, { area: placement.area, number, earlier }, classes);
      this.#track([known], classes, () => applyView(this.store, known, view, number));
      return known;
    });
    this.#noteMissed(placement.area, shrunk(rect, margin), new Set(entries), classes);
    const frame = countingRect(rect, placement.umPerPixel, this.#options);
    const grownUm2 = growUnion(frames, placement.area, frame);
    const placedCells = field.cells.map((cell, index) =>
      this.#placedCell(cell, views[index], entries[index]!, entries[index]! >= firstNew),
    );
    return { classes, grownUm2, placedCells, forgottenCells: this.#parts.forgottenCells };
  }

  /** Forgets the places of the oldest fields when there are too many; what they brought to the count stays. */
  #makeRoom(maxCells: number): SlideParts {
    const { store, fields, frames, cellsBefore, forgottenCells } = this.#parts;
    const left = (first: number): number =>
      Math.max(store.size - (cellsBefore[first] ?? store.size), cellsPerField * (fields.size - first));
    if (left(0) <= maxCells) return this.#parts;
    let first = 0;
    while (first < fields.size && left(first) > maxCells / 2) first += 1;
    const firstCell = cellsBefore[first] ?? store.size;
    this.#parts = {
      store: store.from(firstCell, first),
      fields: fields.from(first),
      frames: frames.from(first),
      cellsBefore: cellsBefore.slice(first).map((before) => before - firstCell),
      forgottenCells: forgottenCells + firstCell,
    };
    return this.#parts;
  }

  #match(field: CountedField, placement: Placement, views: readonly (CellView | undefined)[]): Matches {
    return matchViews({
      store: this.store,
      area: placement.area,
      views,
      rect: fieldRect(field, placement),
      rectOfField: (index) => this.#parts.fields.rectOf(index),
      slackUm: this.#slackOf(field, placement),
      options: this.#options,
    });
  }

  /** What a stage may be off by where the cells could not tell, short of mistaking one cell for its neighbour. */
  #slackOf(field: CountedField, placement: Placement): number {
    if (placement.method !== "stage" || placement.refinement !== undefined) return 0;
    const spacingUm = Math.sqrt(areaOf(fieldRect(field, placement)) / Math.max(1, field.cells.length));
    return Math.min(2 * this.#options.stageErrorUm, slackSpacing * spacingUm);
  }

  #addCell(
    view: CellView,
    field: { readonly area: number; readonly number: number; readonly earlier: readonly RectUm[] },
    classes: Int32Array,
  ): number {
    const entry = this.store.add(field.area, view.box);
    this.#track([entry], classes, () => {
      applyView(this.store, entry, view, field.number);
      for (const shown of field.earlier) if (contains(shown, view.box)) this.#expect(entry);
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
      id: this.#parts.forgottenCells + entry,
      slideBoxUm: view.box,
      cellClass: classNameOf(this.store, entry),
      sighting: isNew ? "new" : "again",
      counted: isCounted(this.store, entry, this.#options.minSeenShare),
    };
  }
}

/** Cells that are in the count and not forgotten, one by one; of some classes only where a condition is given. */
export function* countedCells(
  slide: Slide,
  options: CountingOptions,
  wanted: (cellClass: CellClass) => boolean = () => true,
): Generator<{ readonly id: number; readonly area: number; readonly cellClass: CellClass; readonly boxUm: RectUm }> {
  const { store, forgottenCells } = slide.parts;
  for (let id = 0; id < store.size; id++) {
    const cellClass = classNameOf(store, id);
    if (!wanted(cellClass) || !isCounted(store, id, options.minSeenShare)) continue;
    yield {
      id: forgottenCells + id,
      area: store.columns.area[id]!,
      cellClass,
      boxUm: store.boxOf(id),
    };
  }
}
