import type { Box } from "../../core/index.js";
import type { Bitmap } from "./bitmap.js";

/** What a pixel of an outline belongs to. */
export const outside = 0;
export const body = 1;
export const nucleus = 2;

/** Which pixels a cell covers. Tight: each side of the rectangle holds a pixel of the cell. */
export interface Outline {
  readonly width: number;
  readonly height: number;
  /** `outside`, `body` or `nucleus` (a part of the cell, too) per pixel, row by row. */
  readonly parts: Uint8Array;
}

/** An outline laid on a raster whose origin is at `left`, `top`, whole px. */
export interface LaidOutline {
  readonly left: number;
  readonly top: number;
  readonly outline: Outline;
}

/** The smallest box around a laid outline; right and bottom are exclusive. */
export const boxOfOutline = ({ left, top, outline }: LaidOutline): Box => ({
  left,
  top,
  right: left + outline.width,
  bottom: top + outline.height,
});

/** Number of px that an outline covers. */
export const areaOfOutline = ({ parts }: Outline): number =>
  parts.reduce((sum, part) => sum + (part === outside ? 0 : 1), 0);

/**
 * A raster of parts as a laid outline: cut at the borders of a field of `field.width` x `field.height` px where one is
 * given, and made tight. Undefined where nothing of the cell is left.
 */
export const layOutline = (
  { width, height, parts }: Outline,
  { left, top }: { readonly left: number; readonly top: number },
  field?: { readonly width: number; readonly height: number },
): LaidOutline | undefined => {
  const [firstX, firstY] = field ? [Math.max(0, -left), Math.max(0, -top)] : [0, 0];
  const [endX, endY] = field
    ? [Math.min(width, field.width - left), Math.min(height, field.height - top)]
    : [width, height];
  let [x0, y0, x1, y1] = [width, height, 0, 0];
  for (let y = firstY; y < endY; y++) {
    for (let x = firstX; x < endX; x++) {
      if (parts[y * width + x] === outside) continue;
      x0 = Math.min(x0, x);
      x1 = Math.max(x1, x + 1);
      y0 = Math.min(y0, y);
      y1 = y + 1;
    }
  }
  if (x1 <= x0) return undefined;
  const tight = new Uint8Array((x1 - x0) * (y1 - y0));
  for (let y = y0; y < y1; y++) tight.set(parts.subarray(y * width + x0, y * width + x1), (y - y0) * (x1 - x0));
  return { left: left + x0, top: top + y0, outline: { width: x1 - x0, height: y1 - y0, parts: tight } };
};

/** Parts of a cell from the bitmaps of it and, where it has one, of its nucleus. */
export const partsOf = (cell: Bitmap, nucleusBits?: Bitmap): Outline => ({
  width: cell.width,
  height: cell.height,
  parts: cell.bits.map((bit, at) => (bit === 0 ? outside : nucleusBits?.bits[at] ? nucleus : body)),
});
