import type { Box } from "../../core/index.js";
import { type CellPatch, edgeAt, partAt, type Turn } from "./cellPatch.js";
import { outside } from "./outline.js";

/** A patch on a raster of its own that lies at `left`, `top`, whole px. */
export interface LaidPatch {
  readonly left: number;
  readonly top: number;
  readonly patch: CellPatch;
}

/** Where a turned patch's cell reaches to, px of the patch from its middle. */
interface Extents {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

type Pose = Omit<Turn, "scale">;

const rims = new WeakMap<CellPatch, Float32Array>();

/** The outermost pixels of each row of a cell, from the patch's middle: x, y, x, y … However it is turned, they reach farthest. */
const rimOf = (patch: CellPatch): Float32Array => {
  const known = rims.get(patch);
  if (known) return known;
  const { width, height, parts } = patch;
  const places: number[] = [];
  for (let row = 0; row < height; row++) {
    const line = parts.subarray(row * width, (row + 1) * width);
    const first = line.findIndex((part) => part !== outside);
    if (first < 0) continue;
    const last = line.findLastIndex((part) => part !== outside);
    for (const column of [first, last]) places.push(column - (width - 1) / 2, row - (height - 1) / 2);
  }
  const rim = Float32Array.from(places);
  rims.set(patch, rim);
  return rim;
};

/** How far the cell of a patch reaches to each side once it is turned. */
const extentsOf = (patch: CellPatch, { flip, angle }: Pose): Extents => {
  const rim = rimOf(patch);
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  const most = Number.POSITIVE_INFINITY;
  let [left, top, right, bottom] = [most, most, -most, -most];
  for (let at = 0; at < rim.length; at += 2) {
    const x = flip ? -rim[at]! : rim[at]!;
    const y = rim[at + 1]!;
    const across = cos * x - sin * y;
    const down = sin * x + cos * y;
    if (across < left) left = across;
    if (across > right) right = across;
    if (down < top) top = down;
    if (down > bottom) bottom = down;
  }
  return { left: left - 0.5, top: top - 0.5, right: right + 0.5, bottom: bottom + 0.5 };
};

/** Logarithm of the width over the height of a patch's cell once it is turned. */
export const turnedAspect = (patch: CellPatch, pose: Pose): number => {
  const { left, top, right, bottom } = extentsOf(patch, pose);
  return Math.log((right - left) / (bottom - top));
};

/**
 * A patch turned, then stretched along both axes until its cell just fills a box; the box need not lie on whole px. Where
 * the sides of the box and those of the turned cell are in about the same ratio, little is stretched.
 *
 * @param box px of the raster that the patch is laid on
 * @param redCellPx diameter of a red cell there, px
 */
export const fitPatch = (
  patch: CellPatch,
  pose: Pose,
  { box, redCellPx }: { readonly box: Box; readonly redCellPx: number },
): LaidPatch => {
  const extents = extentsOf(patch, pose);
  const [left, top] = [Math.floor(box.left), Math.floor(box.top)];
  const width = Math.max(Math.ceil(box.right) - left, 1);
  const height = Math.max(Math.ceil(box.bottom) - top, 1);
  const stepX = (extents.right - extents.left) / (box.right - box.left);
  const stepY = (extents.bottom - extents.top) / (box.bottom - box.top);
  const [cos, sin] = [Math.cos(pose.angle), Math.sin(pose.angle)];
  const parts = new Uint8Array(width * height);
  const edges = new Uint8Array(width * height);
  for (let row = 0, at = 0; row < height; row++) {
    const down = extents.top + (top + row + 0.5 - box.top) * stepY;
    for (let column = 0; column < width; column++, at++) {
      const across = extents.left + (left + column + 0.5 - box.left) * stepX;
      const turned = cos * across + sin * down;
      const x = (patch.width - 1) / 2 + (pose.flip ? -turned : turned);
      const y = (patch.height - 1) / 2 - sin * across + cos * down;
      const part = partAt(patch, x, y);
      parts[at] = part;
      if (part !== outside) edges[at] = edgeAt(patch, x, y) + 0.5;
    }
  }
  return { left, top, patch: { cellClass: patch.cellClass, width, height, parts, edges, redCellPx } };
};
