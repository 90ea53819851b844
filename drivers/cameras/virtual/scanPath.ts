import type { PlaceUm, RegionUm } from "./slide.js";

export interface ScanOptions {
  /** Size of a field, um. */
  readonly fieldWidthUm: number;
  readonly fieldHeightUm: number;
  /** Overlap of neighbouring fields as a share of the field, 0 to below 1. */
  readonly overlap: number;
}

/** Centres of fields that cover a region in serpentine: the first row from left to right, the next back. */
export interface ScanPath {
  readonly columns: number;
  readonly rows: number;
  readonly length: number;
  /** Centre of the field with that number, 0 to length - 1. */
  at(index: number): PlaceUm;
}

const pathFrom = (first: PlaceUm, step: PlaceUm, grid: { columns: number; rows: number }): ScanPath => ({
  ...grid,
  length: grid.columns * grid.rows,
  at(index) {
    const row = Math.floor(index / grid.columns);
    const along = index % grid.columns;
    const column = row % 2 === 0 ? along : grid.columns - 1 - along;
    return { x: first.x + column * step.x, y: first.y + row * step.y };
  },
});

const stepOf = (scan: ScanOptions): PlaceUm => ({
  x: scan.fieldWidthUm * (1 - scan.overlap),
  y: scan.fieldHeightUm * (1 - scan.overlap),
});

// Lengths that are equal but for rounding count as equal.
const slackUm = 1e-6;

/** Covers the whole region, from its left top corner; the last column and row may reach beyond it. */
export const coverRegion = (region: RegionUm, scan: ScanOptions): ScanPath => {
  const step = stepOf(scan);
  const fields = (length: number, field: number, by: number): number =>
    1 + Math.max(0, Math.ceil((length - field - slackUm) / by));
  return pathFrom({ x: region.left + scan.fieldWidthUm / 2, y: region.top + scan.fieldHeightUm / 2 }, step, {
    columns: fields(region.width, scan.fieldWidthUm, step.x),
    rows: fields(region.height, scan.fieldHeightUm, step.y),
  });
};

/** As many fields as fit into the region whole, in its middle; at least one. */
export const fitIntoRegion = (region: RegionUm, scan: ScanOptions): ScanPath => {
  const step = stepOf(scan);
  const fields = (length: number, field: number, by: number): number =>
    1 + Math.max(0, Math.floor((length - field + slackUm) / by));
  const columns = fields(region.width, scan.fieldWidthUm, step.x);
  const rows = fields(region.height, scan.fieldHeightUm, step.y);
  const first = {
    x: region.left + (region.width - (columns - 1) * step.x) / 2,
    y: region.top + (region.height - (rows - 1) * step.y) / 2,
  };
  return pathFrom(first, step, { columns, rows });
};
