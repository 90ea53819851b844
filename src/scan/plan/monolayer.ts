import { type Cell, CytoError } from "../../core/index.js";
import type { PointUm } from "../../counting/index.js";
import { boundsOf, coverRegion, type FieldPlan, type FieldSizeUm, toAndFro } from "./grid.js";
import type { ScanPlan, ScanRegion } from "./plan.js";

export type MonolayerPlan = Extract<ScanPlan, { kind: "monolayer" }>;

/** What a field of the coarse pass tells of how its red cells lie. */
export interface RedCellLayer {
  readonly perMm2: number;
  /** Share of the field that red cells cover, each taken as an ellipse in its box. */
  readonly coveredShare: number;
  /** Share of the red cells that lie over another one, or under it. */
  readonly overlappingShare: number;
}

/** A field of the coarse pass, by its number in that pass. */
export interface CoarseField {
  readonly index: number;
  readonly layer: RedCellLayer;
}

/** Red cells whose boxes share this much of the smaller one lie over each other: discs closer than 0.6 of their diameter. */
const overlappingBoxes = 0.4;
/**
 * Where cells lie side by side: they cover a good part of the glass, and few lie over another. On labelled fields that people chose to
 * photograph (txl-pbc, BCCD), red cells cover 24 to 61 %, and in 95 of 100 fields at most 36 % lie over another one. Towards the thick
 * end cells pile up, towards the feathered edge they thin out.
 */
const leastCovered = 0.1;
const mostCovered = 0.7;
const mostOverlapping = 0.4;

const isRedCell = ({ densityClass }: Cell): boolean => densityClass === "erythrocyte";

/** Of each cell, whether another one shares enough of its box. By left edges, so that only near ones are compared. */
const overlapping = (cells: readonly Cell[]): boolean[] => {
  const order = cells.map((_, index) => index).sort((a, b) => cells[a]!.box.left - cells[b]!.box.left);
  const over = cells.map(() => false);
  order.forEach((first, rank) => {
    const a = cells[first]!.box;
    for (let next = rank + 1; next < order.length; next++) {
      const b = cells[order[next]!]!.box;
      if (b.left >= a.right) break;
      const width = Math.min(a.right, b.right) - b.left;
      const height = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
      if (height <= 0) continue;
      const smaller = Math.min((a.right - a.left) * (a.bottom - a.top), (b.right - b.left) * (b.bottom - b.top));
      if (width * height >= overlappingBoxes * smaller) over[first] = over[order[next]!] = true;
    }
  });
  return over;
};

/** How the red cells of a field lie; field and cells in px. */
export const redCellLayer = (
  cells: readonly Cell[],
  field: { readonly widthPx: number; readonly heightPx: number; readonly umPerPixel: number },
): RedCellLayer => {
  const red = cells.filter(isRedCell);
  const areaPx = field.widthPx * field.heightPx;
  const covered = red.reduce((sum, { box }) => sum + (box.right - box.left) * (box.bottom - box.top), 0);
  const over = overlapping(red).filter(Boolean).length;
  return {
    perMm2: red.length / ((areaPx * field.umPerPixel ** 2) / 1e6),
    coveredShare: Math.min(1, (Math.PI / 4) * (covered / areaPx)),
    overlappingShare: red.length === 0 ? 0 : over / red.length,
  };
};

export const isMonolayer = ({ coveredShare, overlappingShare }: RedCellLayer): boolean =>
  coveredShare >= leastCovered && coveredShare <= mostCovered && overlappingShare <= mostOverlapping;

interface CoarseGrid {
  readonly columns: number;
  readonly rows: number;
}

/** Parts of the region, about square, as many as are looked at, but not smaller than a field. */
const coarseGrid = ({ region, coarseFields }: MonolayerPlan, field: FieldSizeUm): CoarseGrid => {
  const within = (value: number, most: number): number => Math.max(1, Math.min(value, most));
  const most = { columns: Math.ceil(region.width / field.width), rows: Math.ceil(region.height / field.height) };
  const square = Math.round(Math.sqrt((coarseFields * region.width) / region.height));
  const columns = within(square, Math.min(most.columns, coarseFields));
  const rows = within(Math.floor(coarseFields / columns), most.rows);
  return { columns: within(Math.floor(coarseFields / rows), most.columns), rows };
};

/** The parts in the order of the coarse pass: to and fro. */
const partsOf = ({ columns, rows }: CoarseGrid): { column: number; row: number }[] =>
  Array.from({ length: columns * rows }, (_, index) => {
    const row = Math.floor(index / columns);
    const step = index % columns;
    return { row, column: row % 2 === 0 ? step : columns - 1 - step };
  });

const clampedInto = (from: number, length: number, fieldUm: number, at: number): number =>
  length <= fieldUm ? from + length / 2 : Math.min(Math.max(at, from + fieldUm / 2), from + length - fieldUm / 2);

/** The coarse pass: a field in the middle of each part of the region. */
export const planCoarsePass = (plan: MonolayerPlan, field: FieldSizeUm): FieldPlan => {
  const { region } = plan;
  const grid = coarseGrid(plan, field);
  const centresUm = partsOf(grid).map(({ column, row }) => ({
    x: clampedInto(
      region.left,
      region.width,
      field.width,
      region.left + (column + 0.5) * (region.width / grid.columns),
    ),
    y: clampedInto(region.top, region.height, field.height, region.top + (row + 0.5) * (region.height / grid.rows)),
  }));
  return { centresUm, boundsUm: boundsOf(centresUm, field) };
};

/** The largest set of good parts that touch at their sides, as keys `row * columns + column`; the first of equally large ones. */
const largestPart = (good: ReadonlySet<number>, { columns, rows }: CoarseGrid): Set<number> => {
  const left = new Set([...good].sort((a, b) => a - b));
  let largest = new Set<number>();
  for (const seed of left) {
    const part = new Set([seed]);
    // A set hands out what is added to it while it is gone through.
    for (const key of part) {
      left.delete(key);
      const [column, row] = [key % columns, Math.floor(key / columns)];
      const beside = [
        column > 0 ? key - 1 : -1,
        column < columns - 1 ? key + 1 : -1,
        row > 0 ? key - columns : -1,
        row < rows - 1 ? key + columns : -1,
      ];
      for (const other of beside) if (left.has(other)) part.add(other);
    }
    if (part.size > largest.size) largest = part;
  }
  return largest;
};

const boundingRegion = (keys: ReadonlySet<number>, { columns, rows }: CoarseGrid, region: ScanRegion): ScanRegion => {
  const columnsOf = [...keys].map((key) => key % columns);
  const rowsOf = [...keys].map((key) => Math.floor(key / columns));
  const [firstColumn, lastColumn] = [Math.min(...columnsOf), Math.max(...columnsOf)];
  const [firstRow, lastRow] = [Math.min(...rowsOf), Math.max(...rowsOf)];
  const [width, height] = [region.width / columns, region.height / rows];
  return {
    left: region.left + firstColumn * width,
    top: region.top + firstRow * height,
    width: (lastColumn - firstColumn + 1) * width,
    height: (lastRow - firstRow + 1) * height,
  };
};

/**
 * The scan after the coarse pass: the largest connected part where red cells lie side by side, covered to and fro.
 * @param seen all fields of the coarse pass, in any order
 * @throws CytoError SCAN_NO_MONOLAYER where there is no such part, SCAN_PLAN_INVALID for too many fields
 */
export const planMonolayer = (plan: MonolayerPlan, field: FieldSizeUm, seen: readonly CoarseField[]): FieldPlan => {
  const grid = coarseGrid(plan, field);
  const parts = partsOf(grid);
  const good = new Set(
    seen
      .filter(({ layer }) => isMonolayer(layer))
      .map(({ index }) => parts[index]!.row * grid.columns + parts[index]!.column),
  );
  if (good.size === 0)
    throw new CytoError(
      "SCAN_NO_MONOLAYER",
      `in none of ${seen.length} places of the region do red cells lie side by side`,
    );
  const part = largestPart(good, grid);
  const keyAt = ({ x, y }: PointUm): number => {
    const column = Math.floor(((x - plan.region.left) / plan.region.width) * grid.columns);
    const row = Math.floor(((y - plan.region.top) / plan.region.height) * grid.rows);
    return Math.min(Math.max(row, 0), grid.rows - 1) * grid.columns + Math.min(Math.max(column, 0), grid.columns - 1);
  };
  const region = boundingRegion(part, grid, plan.region);
  const centresUm = toAndFro(coverRegion(region, field, plan.overlap), (x, y) => part.has(keyAt({ x, y })));
  return { centresUm, boundsUm: boundsOf(centresUm, field) };
};
