import { densityClasses } from "../../core/index.js";
import type { Candidates } from "../clustering/candidates.js";

/** What the red cells of a field say of its scale. */
export interface RedCells {
  /** Sure red cells that lie wholly inside the field. */
  readonly count: number;
  /** Median of (width + height) / 2 of their boxes, px of the picture as it came; NaN without cells. */
  readonly diameterPx: number;
  /** Share of the field's area that their boxes cover; over 1 only where boxes overlap. */
  readonly coverage: number;
}

const erythrocyte = densityClasses.indexOf("erythrocyte");
const sure = 0.5;
/** A box that ends nearer than this to the field's edge may be cut off, field px. */
const borderPx = 2.5;

/** Measures the red cells of a clustered field of `width` by `height` field px. */
export const measureRedCells = (
  cells: Candidates,
  field: { width: number; height: number; framePixelsPerFieldPixel: number },
): RedCells => {
  const diameters: number[] = [];
  let area = 0;
  for (let i = 0; i < cells.keptCount; i++) {
    const index = cells.order[i]!;
    if (cells.classIndex[index] !== erythrocyte || cells.confidence[index]! < sure) continue;
    const left = cells.left[index]!;
    const top = cells.top[index]!;
    const right = cells.right[index]!;
    const bottom = cells.bottom[index]!;
    if (left < borderPx || top < borderPx || right > field.width - borderPx || bottom > field.height - borderPx)
      continue;
    diameters.push((right - left + bottom - top) / 2);
    area += cells.areaOf(index);
  }
  return {
    count: diameters.length,
    diameterPx: median(diameters) * field.framePixelsPerFieldPixel,
    coverage: area / (field.width * field.height),
  };
};

/** Middle value, or the mean of the two in the middle; NaN of nothing. */
export const median = (values: readonly number[]): number => {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  if (sorted.length === 0) return Number.NaN;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
};
