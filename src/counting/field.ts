import type { Cell, CellClass } from "../core/index.js";
import type { ModelRef } from "../detection/index.js";
import type { PointUm, RectUm } from "./geometry.js";
import type { Thumbnail } from "./thumbnail.js";

/** A field of view with the cells that were found in it: what the counter takes in. */
export interface CountedField {
  readonly sequence: number;
  readonly widthPx: number;
  readonly heightPx: number;
  readonly umPerPixel: number;
  /** How the scale is known; `estimated` scales are smoothed over the fields. Default `config`. */
  readonly scaleOrigin?: "frame" | "config" | "estimated";
  /** Centre of the field on the slide; x rises to the picture's right, y downwards. */
  readonly stagePositionUm?: PointUm;
  readonly cells: readonly Cell[];
  /** Needed to find the place of a field without a stage position. */
  readonly thumbnail?: Thumbnail;
  readonly simulated: boolean;
  readonly models?: readonly ModelRef[];
}

/** Where a field was placed, and how. */
export interface Placement {
  /** Areas are connected parts of the slide with coordinates of their own; those with a stage share area 0. */
  readonly area: number;
  /** Centre of the field in the coordinates of its area. */
  readonly centreUm: PointUm;
  /**
   * `stage`: by the stage's position; `registration`: by its overlap with an earlier picture; `origin`: first field of
   * the scan; `separate`: no overlap with an earlier field was found, so it starts an area of its own.
   */
  readonly method: "stage" | "registration" | "origin" | "separate";
  readonly umPerPixel: number;
  /** The correction that the cells in the overlap asked for, and the pairs of cells that agreed on it. */
  readonly refinement?: { readonly x: number; readonly y: number; readonly pairs: number };
  /** Correlation of the two pictures over their common part, for `registration`. */
  readonly similarity?: number;
  /** Peak of the phase correlation over the next one, for `registration`. */
  readonly peakRatio?: number;
}

/** A cell of a field with its place on the slide. */
export interface PlacedCell {
  readonly cell: Cell;
  /** Number of the cell on the slide, the same for all its views; undefined where the field was not placed. */
  readonly id?: number;
  /** Box of this view in the coordinates of the area. */
  readonly slideBoxUm?: RectUm;
  /** Class after all views so far. */
  readonly cellClass: CellClass;
  /** `new`: not seen before; `again`: seen in an earlier field too. */
  readonly sighting: "new" | "again" | "unplaced";
  /** Whether the cell is in the count after this field. */
  readonly counted: boolean;
}

export type FieldOutcome = {
  readonly sequence: number;
  readonly placedCells: readonly PlacedCell[];
} & (
  | { readonly kind: "counted"; readonly placement: Placement }
  /** The field shows what an earlier one has shown; nothing was added. */
  | { readonly kind: "repeated"; readonly placement: Placement }
  /** `featureless`: no stage position, no cells and no texture to go by; `invalid`: sizes or scale are no numbers. */
  | { readonly kind: "unplaced"; readonly reason: "featureless" | "invalid" }
);
