import { densityClasses } from "../../core/index.js";
import type { Candidates } from "../clustering/candidates.js";

/** What the red cells of a field say of its scale. */
export interface RedCells {
  /** Red cells that lie wholly inside the field. */
  readonly count: number;
  /** Median of sqrt(width x height) of their boxes, as in the training's labels, px of the picture; NaN without cells. */
  readonly diameterPx: number;
  /** All red cells, those that the field's edge cuts too. */
  readonly allCount: number;
  /** Share of the field's area that the boxes of all red cells cover, each weighed by the cube of its confidence. */
  readonly evidence: number;
}

const erythrocyte = densityClasses.indexOf("erythrocyte");
/** A box that ends nearer than this to the field's edge may be cut off, field px. */
const borderPx = 2.5;

/** Measures the red cells of a clustered field of `width` by `height` field px. */
export const measureRedCells = (
  cells: Candidates,
  field: { width: number; height: number; framePixelsPerFieldPixel: number },
): RedCells => {
  const diameters: number[] = [];
  let allCount = 0;
  let area = 0;
  for (let i = 0; i < cells.keptCount; i++) {
    const index = cells.order[i]!;
    if (cells.classIndex[index] !== erythrocyte) continue;
    allCount++;
    area += cells.areaOf(index) * cells.confidence[index]! ** 3;
    const cut =
      cells.left[index]! < borderPx ||
      cells.top[index]! < borderPx ||
      cells.right[index]! > field.width - borderPx ||
      cells.bottom[index]! > field.height - borderPx;
    if (!cut) diameters.push(Math.sqrt(cells.areaOf(index)));
  }
  return {
    count: diameters.length,
    diameterPx: median(diameters) * field.framePixelsPerFieldPixel,
    allCount,
    evidence: area / (field.width * field.height),
  };
};

/** Middle value, or the mean of the two in the middle; NaN of nothing. */
export const median = (values: readonly number[]): number => {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  if (sorted.length === 0) return Number.NaN;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
};
