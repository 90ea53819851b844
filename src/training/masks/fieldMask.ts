import { type CellClass, densityClassOf, type LabelledCell } from "../../core/index.js";
import { boxOfOutline, type LaidOutline, layOutline, nucleus, outside } from "./outline.js";
import type { Plane } from "./segment.js";
import type { Stain } from "./stain.js";

/** A cell of a mask. */
export interface MaskedCell extends LaidOutline {
  readonly cellClass: CellClass;
}

/**
 * What a painted field is to show, and what it is labelled with: which cells are where, the edges inside them, and the
 * stain. The labels are the boxes of the outlines, so what is painted is labelled exactly.
 */
export interface FieldMask {
  /** px. */
  readonly width: number;
  readonly height: number;
  /** Diameter of a red cell, px. */
  readonly redCellPx: number;
  /** Outlines within the field, at least one px each. */
  readonly cells: readonly MaskedCell[];
  /** Class and bounding box of each of `cells`, px. */
  readonly labels: readonly LabelledCell[];
  /** Sobel magnitude over contrast inside cells, else 0; 255 stands for 1. Row by row. */
  readonly gradient: Uint8Array;
  readonly stain: Stain;
}

/** Whether a mask's cell lies in a channel; `nucleus` is that of all cells' nuclei. A leukocyte's class lies in `leukocyte`, too. */
export type PositionChannel = CellClass | "nucleus";

export const liesIn = (cellClass: CellClass, channel: PositionChannel): boolean =>
  channel === "nucleus" || channel === cellClass || channel === densityClassOf(cellClass);

/**
 * Adds one to `layers` (row by row, the mask's size) for each cell of a channel on each pixel that it covers.
 * @returns whether there was one
 */
export const addLayers = (
  mask: Pick<FieldMask, "width" | "cells">,
  channel: PositionChannel,
  layers: Uint8Array,
): boolean => {
  const above = channel === "nucleus" ? nucleus - 1 : outside;
  let any = false;
  for (const { cellClass, left, top, outline } of mask.cells) {
    if (!liesIn(cellClass, channel)) continue;
    any = true;
    for (let y = 0, from = 0; y < outline.height; y++) {
      const row = (top + y) * mask.width + left;
      for (let x = 0; x < outline.width; x++, from++) {
        if (outline.parts[from]! > above) layers[row + x] = layers[row + x]! + 1;
      }
    }
  }
  return any;
};

export interface FieldMaskParts extends Pick<FieldMask, "width" | "height" | "redCellPx" | "stain"> {
  /** May reach out of the field, where they are cut, or lie outside, where they are left out. */
  readonly cells: readonly MaskedCell[];
  /** Edges of the mask's size; what is outside the cells is not kept. */
  readonly edges: Plane;
}

/** A mask of cells. @throws RangeError where the edges are not of the mask's size */
export const createFieldMask = ({ width, height, redCellPx, stain, edges, ...parts }: FieldMaskParts): FieldMask => {
  if (edges.width !== width || edges.height !== height)
    throw new RangeError(`edges of ${edges.width} x ${edges.height} px for a mask of ${width} x ${height} px`);
  const cells = parts.cells.flatMap(({ cellClass, outline, left, top }): MaskedCell[] => {
    const laid = layOutline(outline, { left, top }, { width, height });
    return laid ? [{ cellClass, ...laid }] : [];
  });
  const covered = new Uint8Array(width * height);
  for (const { left, top, outline } of cells) {
    for (let y = 0, from = 0; y < outline.height; y++) {
      const row = (top + y) * width + left;
      for (let x = 0; x < outline.width; x++, from++) if (outline.parts[from] !== outside) covered[row + x] = 1;
    }
  }
  const gradient = edges.values.map((value, at) => value * covered[at]!);
  const labels = cells.map((cell): LabelledCell => ({ cellClass: cell.cellClass, box: boxOfOutline(cell) }));
  return { width, height, redCellPx, cells, labels, gradient, stain };
};
