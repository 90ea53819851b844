import type { CellClass, DensityClass, LeukocyteClass } from "./taxonomy.js";

/** An axis-aligned box in pixels of the picture it was found in; right and bottom are exclusive. */
export interface Box {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

/** A labelled cell of a data set or of a simulated slide. */
export interface LabelledCell {
  readonly cellClass: CellClass;
  readonly box: Box;
}

/** A cell found in a field. */
export interface Cell {
  /** As deep as the detector is sure: a leukocyte class, or `leukocyte` when unsure. */
  readonly cellClass: CellClass;
  /** The channel of the density map in which it was found. */
  readonly densityClass: DensityClass;
  /** The mode of the density map, px of the picture. */
  readonly centre: Readonly<{ x: number; y: number }>;
  readonly box: Box;
  /** Calibrated probability-like score in [0, 1] that a cell of `densityClass` is here. */
  readonly confidence: number;
  /** Integral of the density over the basin of the mode, in squared px of the density map. */
  readonly mass: number;
  /** Probabilities over the leukocyte classes, for leukocytes that the classifier has looked at. */
  readonly leukocyteProbabilities?: Readonly<Record<LeukocyteClass, number>>;
}
