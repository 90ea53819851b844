import { cellClasses, leukocyteClasses, taxonomy } from "../core/index.js";
import type { CountedResult, Counts, DetectedField, PlacedCell } from "../counting/index.js";
import type { CellsInput, FieldPlacement, FrameInput, PublishedCell } from "../publication/index.js";

/** A field that has passed all stations up to publication. */
export type CountedFrame = DetectedField & CountedResult;

/** A cell under the name that all its views together give it, where it is on the slide. */
const publishedCell = ({ cell, cellClass, slideBoxUm }: PlacedCell): PublishedCell => ({
  ...cell,
  cellClass,
  ...(slideBoxUm === undefined
    ? {}
    : { positionUm: { x: (slideBoxUm.left + slideBoxUm.right) / 2, y: (slideBoxUm.top + slideBoxUm.bottom) / 2 } }),
});

const placementOf = ({ outcome, detection }: CountedFrame): FieldPlacement => ({
  umPerPixel: detection.scale.umPerPixel,
  ...("placement" in outcome ? { positionUm: outcome.placement.centreUm } : {}),
});

/** The cells of a field, and the field with its picture, as they are published. */
export const fieldMessages = (field: CountedFrame): { readonly cells: CellsInput; readonly frame: FrameInput } => {
  const { pixels: _, ...facts } = field.frame;
  const { models, provider, density } = field.detection;
  const placement = placementOf(field);
  const cells = field.placedCells.map(publishedCell);
  return {
    cells: { type: "cells", frame: facts, placement, models, provider, cells },
    frame: { type: "frame", frame: field.frame, placement, cells, ...(density === undefined ? {} : { density }) },
  };
};

/** Cells in all, by class without their children, for the metrics. */
export const cellTotals = (counts: Counts): ReadonlyMap<string, number> => {
  const named = leukocyteClasses.map((cellClass) => [cellClass, counts.classes[cellClass].count] as const);
  const roots = cellClasses
    .filter((cellClass) => taxonomy[cellClass].parent === null && cellClass !== "leukocyte")
    .map((cellClass) => [cellClass, counts.classes[cellClass].count] as const);
  return new Map([...roots, ...named, ["leukocyte", counts.unsureLeukocytes.count]]);
};
