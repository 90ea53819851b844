import type { CellClass } from "../../core/index.js";
import { body, layOutline, nucleus, type Outline, outside } from "./outline.js";

/** A cell by itself: its outline and the edges in it (as in a mask's gradient), on one raster. */
export interface CellPatch extends Outline {
  readonly cellClass: CellClass;
  /** Per pixel, 255 for 1; 0 outside the outline. */
  readonly edges: Uint8Array;
  /** Diameter of a red cell where the patch comes from, px. */
  readonly redCellPx: number;
}

/** How a patch is turned: mirrored across first, then by `angle` (radians), then enlarged. */
export interface Turn {
  readonly flip: boolean;
  readonly angle: number;
  readonly scale: number;
}

/** A patch turned about its middle, on a tight raster. An outline runs where half of a pixel is the cell's. */
export const turnPatch = (patch: CellPatch, { flip, angle, scale }: Turn): CellPatch => {
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  const spanOf = (a: number, b: number): number =>
    Math.max(Math.ceil(scale * (Math.abs(cos) * a + Math.abs(sin) * b)), 1);
  const [width, height] = [spanOf(patch.width, patch.height), spanOf(patch.height, patch.width)];
  const parts = new Uint8Array(width * height);
  const edges = new Uint8Array(width * height);
  for (let y = 0, at = 0; y < height; y++) {
    const down = (y + 0.5 - height / 2) / scale;
    for (let x = 0; x < width; x++, at++) {
      const across = (x + 0.5 - width / 2) / scale;
      const turned = cos * across + sin * down;
      const sourceX = (patch.width - 1) / 2 + (flip ? -turned : turned);
      const sourceY = (patch.height - 1) / 2 - sin * across + cos * down;
      const part = partAt(patch, sourceX, sourceY);
      parts[at] = part;
      if (part !== outside) edges[at] = edgeAt(patch, sourceX, sourceY) + 0.5;
    }
  }
  return tightPatch({ ...patch, width, height, parts, edges, redCellPx: patch.redCellPx * scale });
};

/** A patch on the smallest raster that holds it; as it is where it is empty. */
export const tightPatch = (patch: CellPatch): CellPatch => {
  const laid = layOutline(patch, { left: 0, top: 0 });
  if (!laid) return patch;
  const { left, top, outline } = laid;
  const edges = new Uint8Array(outline.parts.length);
  for (let y = 0; y < outline.height; y++) {
    const from = (top + y) * patch.width + left;
    edges.set(patch.edges.subarray(from, from + outline.width), y * outline.width);
  }
  return { ...patch, ...outline, edges };
};

/** The part that has most of the four pixels around a point, by their nearness. */
export const partAt = ({ width, height, parts }: CellPatch, x: number, y: number): number => {
  const [left, top] = [Math.floor(x), Math.floor(y)];
  let [cell, dark] = [0, 0];
  for (let corner = 0; corner < 4; corner++) {
    const [column, row] = [left + (corner & 1), top + (corner >> 1)];
    if (column < 0 || row < 0 || column >= width || row >= height) continue;
    const weight = (1 - Math.abs(x - column)) * (1 - Math.abs(y - row));
    const part = parts[row * width + column]!;
    if (part !== outside) cell += weight;
    if (part === nucleus) dark += weight;
  }
  if (cell < 0.5) return outside;
  return 2 * dark > cell ? nucleus : body;
};

/** Between pixel centres; those outside the outline count with the edge that is there, so that it does not fade. */
export const edgeAt = ({ width, height, parts, edges }: CellPatch, x: number, y: number): number => {
  const [left, top] = [Math.floor(x), Math.floor(y)];
  let [sum, weights] = [0, 0];
  for (let corner = 0; corner < 4; corner++) {
    const [column, row] = [left + (corner & 1), top + (corner >> 1)];
    if (column < 0 || row < 0 || column >= width || row >= height) continue;
    const at = row * width + column;
    if (parts[at] === outside) continue;
    const weight = (1 - Math.abs(x - column)) * (1 - Math.abs(y - row));
    sum += weight * edges[at]!;
    weights += weight;
  }
  return weights > 0 ? sum / weights : 0;
};

/** sqrt(width x height) of the raster, in red cells' diameters. */
export const patchDiameter = ({ width, height, redCellPx }: CellPatch): number => Math.sqrt(width * height) / redCellPx;

/** Whether the parts and edges of a patch fit its size and each other. */
export const isSound = ({
  width,
  height,
  parts,
  edges,
}: Pick<CellPatch, "width" | "height" | "parts" | "edges">): boolean =>
  parts.length === width * height &&
  edges.length === width * height &&
  parts.every((part) => part === outside || part === body || part === nucleus) &&
  parts.some((part) => part !== outside);
