import type { CellClass } from "../core/index.js";
import { type Counts, countsOf } from "./counts.js";
import type { CountedField, FieldOutcome, PlacedCell } from "./field.js";
import type { RectUm } from "./geometry.js";
import { type CountingOptions, countingOptions } from "./options.js";
import { areasUsed, initialPlacementState, medianOf, type PlacementState, placeField } from "./placement.js";
import { countedCells, Slide } from "./slide.js";
import { decodeState, encodeState } from "./stateCodec.js";
import { emptyTally, reduceTally, type Tally } from "./tally.js";

/** A cell in the count. */
export interface SlideCell {
  readonly id: number;
  readonly area: number;
  readonly cellClass: CellClass;
  /** Extent by its best view, in the coordinates of the area. */
  readonly boxUm: RectUm;
}

/** Counts the cells of one slide, each once. One field at a time; no I/O, no clock. */
export interface Counter {
  /** Takes a field in. Never throws for what a field holds: what cannot be used comes back as an outcome. */
  add(field: CountedField): FieldOutcome;
  /** The counts so far; the same object until a field changes them. */
  snapshot(): Counts;
  /** Every cell in the count whose place is not forgotten; of some classes only where a condition is given. */
  cells(wanted?: (cellClass: CellClass) => boolean): IterableIterator<SlideCell>;
  /** All that is needed to go on later, for `restoreCounter`. */
  save(): Uint8Array<ArrayBuffer>;
}

/** Largest side of a field, um, and distance of the stage from its origin. */
const largestFieldUm = 20_000;
const farthestUm = 1e8;

const isPositive = (value: number): boolean => Number.isFinite(value) && value > 0;

const isUsable = (field: CountedField): boolean => {
  const { widthPx, heightPx, umPerPixel, stagePositionUm: stage } = field;
  if (![widthPx, heightPx, umPerPixel].every(isPositive)) return false;
  if (Math.max(widthPx, heightPx) * umPerPixel > largestFieldUm) return false;
  return stage === undefined || (Math.abs(stage.x) <= farthestUm && Math.abs(stage.y) <= farthestUm);
};

const unplacedCells = (field: CountedField): PlacedCell[] =>
  field.cells.map((cell) => ({ cell, cellClass: cell.cellClass, sighting: "unplaced", counted: false }));

interface CounterParts {
  readonly slide: Slide;
  readonly placing: PlacementState;
  readonly tally: Tally;
}

class SlideCounter implements Counter {
  readonly #options: CountingOptions;
  readonly #slide: Slide;
  #placing: PlacementState;
  #tally: Tally;
  #counts: Counts | undefined;

  constructor(options: CountingOptions, parts: CounterParts) {
    this.#options = options;
    this.#slide = parts.slide;
    this.#placing = parts.placing;
    this.#tally = parts.tally;
  }

  add(field: CountedField): FieldOutcome {
    this.#counts = undefined;
    if (!isUsable(field)) return this.#leaveOut(field, "invalid");
    const { state, placement } = placeField(this.#placing, field, this.#slide.store, this.#options);
    if (placement === undefined) return this.#leaveOut(field, "featureless");
    const { sequence } = field;
    if (this.#slide.hasShown(field, placement)) {
      // The pictures kept stay those of counted fields: a slow stage is measured against them, without drift.
      this.#placing = { ...state, recent: this.#placing.recent };
      this.#tally = reduceTally(this.#tally, { kind: "repeated", sequence, areas: areasUsed(this.#placing) });
      return { kind: "repeated", sequence, placement, placedCells: this.#slide.recognise(field, placement) };
    }
    this.#placing = state;
    const change = this.#slide.add(field, placement);
    this.#tally = reduceTally(this.#tally, {
      kind: "counted",
      sequence,
      areas: areasUsed(state),
      classes: change.classes,
      separate: placement.method === "separate",
      grownUm2: change.grownUm2,
      forgottenCells: change.forgottenCells,
      ...(field.scaleOrigin === "estimated" ? { estimatedUmPerPixel: placement.umPerPixel } : {}),
      simulated: field.simulated,
      models: field.models ?? [],
    });
    return { kind: "counted", sequence, placement, placedCells: change.placedCells };
  }

  snapshot(): Counts {
    this.#counts ??= countsOf(this.#tally, this.#options.level, medianOf(this.#placing.scaleEstimates));
    return this.#counts;
  }

  cells(wanted?: (cellClass: CellClass) => boolean): IterableIterator<SlideCell> {
    return countedCells(this.#slide, this.#options, wanted);
  }

  save(): Uint8Array<ArrayBuffer> {
    return encodeState({ slide: this.#slide, placing: this.#placing, tally: this.#tally });
  }

  #leaveOut(field: CountedField, reason: "featureless" | "invalid"): FieldOutcome {
    const { sequence } = field;
    this.#tally = reduceTally(this.#tally, { kind: "unplaced", sequence, areas: areasUsed(this.#placing) });
    return { kind: "unplaced", reason, sequence, placedCells: unplacedCells(field) };
  }
}

/** @throws CytoError CONFIG_INVALID for an option out of its range */
export const createCounter = (given: Partial<CountingOptions> = {}): Counter => {
  const options = countingOptions(given);
  return new SlideCounter(options, { slide: new Slide(options), placing: initialPlacementState, tally: emptyTally });
};

/**
 * A counter that goes on where another one was saved; give it the same options.
 * @throws CytoError COUNTING_STATE_INVALID for bytes that `save` did not write or that were damaged; CONFIG_INVALID
 */
export const restoreCounter = (saved: Uint8Array, given: Partial<CountingOptions> = {}): Counter => {
  const options = countingOptions(given);
  return new SlideCounter(options, decodeState(saved, options));
};
