import { type Cell, type CellClass, type DensityClass, densityClassOf, type LabelledCell } from "../../core/index.js";
import { assign, type Edge } from "./assignment.js";

/** Of a cell found in a field, what scoring looks at. */
export type FoundCell = Pick<Cell, "cellClass" | "centre" | "box" | "confidence" | "leukocyteProbabilities">;

/** Of a labelled field, what scoring looks at. */
export interface TruthField {
  readonly id: string;
  readonly widthPx: number;
  readonly heightPx: number;
  readonly cells: readonly LabelledCell[];
  /** Without it no box can be called a sliver. */
  readonly redCellDiameterPx?: number;
  /** Classes of which the labels leave cells out; see `scoreProtocol`. */
  readonly incomplete?: readonly DensityClass[];
}

/** A labelled field and what a detector found in it at its thresholds. */
export interface FieldResult {
  readonly truth: TruthField;
  readonly found: readonly FoundCell[];
}

/**
 * How deep classes are compared. `density`: red cell, leukocyte, platelet. `named`: leukocytes by their class; a truth
 * that says only leukocyte matches every leukocyte, a finding that says only leukocyte matches no named one.
 */
export type ClassDepth = "density" | "named";

/** The class under which a cell is scored. */
export const classAt = (cellClass: CellClass, depth: ClassDepth): CellClass =>
  depth === "named" ? cellClass : densityClassOf(cellClass);

const fits = (truth: CellClass, found: CellClass, depth: ClassDepth): boolean =>
  truth === "leukocyte" || depth === "density" ? densityClassOf(truth) === densityClassOf(found) : truth === found;

/**
 * Matches truths and findings one to one: same class, found centre inside the true box; as many as can be, then with the
 * least total distance between centres. Returns for each truth the index of its finding, or -1.
 */
export const matchCells = (
  truths: readonly LabelledCell[],
  found: readonly Pick<FoundCell, "cellClass" | "centre">[],
  depth: ClassDepth,
): Int32Array => {
  const edges: Edge[] = [];
  truths.forEach(({ cellClass, box }, truth) => {
    const [middleX, middleY] = [(box.left + box.right) / 2, (box.top + box.bottom) / 2];
    found.forEach(({ centre, ...other }, index) => {
      const inside = centre.x >= box.left && centre.x <= box.right && centre.y >= box.top && centre.y <= box.bottom;
      if (!inside || !fits(cellClass, other.cellClass, depth)) return;
      edges.push({ truth, found: index, cost: Math.hypot(centre.x - middleX, centre.y - middleY) });
    });
  });
  return assign(edges, truths.length, found.length);
};
