import { CytoError } from "../../core/index.js";
import type { PointUm, RectUm } from "../../counting/index.js";
import type { ScanRegion } from "./plan.js";

/** What the camera sees of the slide, um. */
export interface FieldSizeUm {
  readonly width: number;
  readonly height: number;
}

/** The fields of a plan in the order in which they are looked at. */
export interface FieldPlan {
  readonly centresUm: readonly PointUm[];
  /** Bounds of all of them, whole fields. */
  readonly boundsUm: RectUm;
}

/** A scan of more fields is refused: some 27 hours at a field a second. */
export const mostFields = 100_000;

export const invalidPlan = (message: string): CytoError => new CytoError("SCAN_PLAN_INVALID", message);

/** Centres along x (columns) and y (rows) of fields that cover a rectangle. */
export interface FieldGrid {
  readonly columns: readonly number[];
  readonly rows: readonly number[];
}

/** Lengths are divided with rounding errors: a part of a field this small asks for no further one. */
const roundingShare = 1e-9;

/** A length of the slide along one axis, and the fields on it. */
interface Axis {
  readonly from: number;
  readonly length: number;
  readonly fieldUm: number;
}

/** As few fields as overlap by the share that was asked for or more; one on a length shorter than a field. */
const fieldsAlong = ({ length, fieldUm }: Axis, overlap: number): number => {
  const free = length - fieldUm;
  return free <= 0 ? 1 : Math.ceil(free / (fieldUm * (1 - overlap)) - roundingShare) + 1;
};

/** Centres of so many fields, evenly from one end of the length to the other; a single one in its middle. */
const spread = ({ from, length, fieldUm }: Axis, count: number): number[] =>
  count === 1
    ? [from + length / 2]
    : Array.from({ length: count }, (_, index) => from + fieldUm / 2 + ((length - fieldUm) * index) / (count - 1));

/**
 * Fields that cover a region and stay within it; of a region smaller than a field, one in its middle.
 * @param overlap least share of a field that neighbours have in common, 0 to 0.9
 * @throws CytoError SCAN_PLAN_INVALID for more than `mostFields`
 */
export const coverRegion = (region: ScanRegion, field: FieldSizeUm, overlap: number): FieldGrid => {
  const across = { from: region.left, length: region.width, fieldUm: field.width };
  const down = { from: region.top, length: region.height, fieldUm: field.height };
  const [columns, rows] = [fieldsAlong(across, overlap), fieldsAlong(down, overlap)];
  if (columns * rows > mostFields)
    throw invalidPlan(
      `the region takes ${columns * rows} fields, at most ${mostFields} are scanned; choose a smaller one`,
    );
  return { columns: spread(across, columns), rows: spread(down, rows) };
};

/** Bounds of fields around centres; at least one centre. */
export const boundsOf = (centresUm: readonly PointUm[], field: FieldSizeUm): RectUm => {
  const bounds = {
    left: Number.POSITIVE_INFINITY,
    top: Number.POSITIVE_INFINITY,
    right: Number.NEGATIVE_INFINITY,
    bottom: Number.NEGATIVE_INFINITY,
  };
  for (const { x, y } of centresUm) {
    bounds.left = Math.min(bounds.left, x - field.width / 2);
    bounds.top = Math.min(bounds.top, y - field.height / 2);
    bounds.right = Math.max(bounds.right, x + field.width / 2);
    bounds.bottom = Math.max(bounds.bottom, y + field.height / 2);
  }
  return bounds;
};

/** Rows to and fro, beginning at the left upper corner; with a condition only the fields for which it holds. */
export const toAndFro = (
  { columns, rows }: FieldGrid,
  wanted: (x: number, y: number) => boolean = () => true,
): PointUm[] => {
  const centres: PointUm[] = [];
  let rightwards = true;
  for (const y of rows) {
    const row = columns.filter((x) => wanted(x, y)).map((x) => ({ x, y }));
    if (row.length === 0) continue;
    centres.push(...(rightwards ? row : row.reverse()));
    rightwards = !rightwards;
  }
  return centres;
};
