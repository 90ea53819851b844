import type { Picture } from "../../pictures/index.js";
import type { StoredField } from "../datasets/fieldPictures.js";
import { resamplePicture } from "../datasets/index.js";

/** Diameter of a red cell at which pictures are painted and compared, px. */
export const tileRedCellPx = 32;
/** Side of the pictures whose features are taken, px: two red cells. */
export const patchPx = 64;

/** Where a tile lies on a field that is laid at `tileRedCellPx` a red cell, px of it. */
export interface Tile {
  readonly left: number;
  readonly top: number;
}

const zoomOf = ({ redCellPx }: Pick<StoredField, "redCellPx">): number => tileRedCellPx / redCellPx;

/**
 * The tiles of a side that lie side by side and wholly inside a field, from its middle outwards as much as fit; none where
 * the field is smaller.
 */
export const tilesOf = (
  field: Pick<StoredField, "width" | "height" | "redCellPx">,
  sidePx: number,
): readonly Tile[] => {
  const zoom = zoomOf(field);
  const starts = (length: number): number[] => {
    const count = Math.floor(length / sidePx);
    const margin = (length - count * sidePx) / 2;
    return Array.from({ length: count }, (_, index) => Math.floor(margin) + index * sidePx);
  };
  const across = starts(field.width * zoom);
  return starts(field.height * zoom).flatMap((top) => across.map((left) => ({ left, top })));
};

/** What a field shows in a tile, resampled by area as the detector's fields are. */
export const tilePicture = (field: StoredField, { left, top }: Tile, sidePx: number): Picture => {
  const zoom = zoomOf(field);
  const window = { left: left / zoom, top: top / zoom, width: sidePx / zoom, height: sidePx / zoom };
  const source = { width: field.width, height: field.height, pixels: Uint8Array.from(field.pixels) };
  return resamplePicture(source, window, { width: sidePx, height: sidePx });
};

/** A square picture's patches, side by side; its side is a multiple of theirs. */
export const patchesOf = ({ width, pixels }: Picture): readonly Picture[] => {
  const count = Math.floor(width / patchPx);
  return Array.from({ length: count * count }, (_, index) => {
    const [left, top] = [(index % count) * patchPx, Math.floor(index / count) * patchPx];
    const patch = new Uint8Array(3 * patchPx * patchPx);
    for (let row = 0; row < patchPx; row++) {
      const from = 3 * ((top + row) * width + left);
      patch.set(pixels.subarray(from, from + 3 * patchPx), 3 * row * patchPx);
    }
    return { width: patchPx, height: patchPx, pixels: patch };
  });
};
