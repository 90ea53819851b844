import type { CellClass } from "../../core/index.js";
import { densityClassOf } from "../../core/index.js";
import type { StoredField } from "../datasets/fieldPictures.js";
import { type FieldMask, outside, type Stain } from "../masks/index.js";

/** A real cell, cut out of its field. */
export interface CutCell {
  readonly cellClass: CellClass;
  readonly width: number;
  readonly height: number;
  /** Per pixel, 1 inside the cell's outline. */
  readonly inside: Uint8Array;
  /** Interleaved RGB of the whole rectangle, so that the edge has the colours that it had. */
  readonly pixels: Uint8Array;
  readonly redCellPx: number;
  /** Of its field. */
  readonly stain: Stain;
}

/** Of a cell more than this under others, what is seen is theirs. */
const mostCovered = 0.1;

const coverageOf = (mask: FieldMask): Uint8Array => {
  const layers = new Uint8Array(mask.width * mask.height);
  for (const { left, top, outline } of mask.cells)
    outline.parts.forEach((part, at) => {
      if (part === outside) return;
      const place = (top + Math.floor(at / outline.width)) * mask.width + left + (at % outline.width);
      layers[place] = layers[place]! + 1;
    });
  return layers;
};

/** The cells of a field that are seen whole and by themselves. */
export const cutCells = (field: StoredField, mask: FieldMask): readonly CutCell[] => {
  const layers = coverageOf(mask);
  return mask.cells.flatMap(({ cellClass, outline, left, top }): CutCell[] => {
    const { width, height } = outline;
    const whole = left > 1 && top > 1 && left + width < mask.width - 1 && top + height < mask.height - 1;
    if (!whole) return [];
    const pixels = new Uint8Array(3 * width * height);
    const inside = new Uint8Array(width * height);
    let [area, shared] = [0, 0];
    for (let y = 0, at = 0; y < height; y++)
      for (let x = 0; x < width; x++, at++) {
        const place = (top + y) * mask.width + left + x;
        pixels.set(field.pixels.subarray(3 * place, 3 * place + 3), 3 * at);
        if (outline.parts[at] === outside) continue;
        inside[at] = 1;
        area++;
        if (layers[place]! > 1) shared++;
      }
    // A platelet or red cell under a leukocyte is hidden; a leukocyte over red cells is not.
    if (densityClassOf(cellClass) !== "leukocyte" && shared > mostCovered * area) return [];
    return [{ cellClass, width, height, inside, pixels, redCellPx: field.redCellPx, stain: mask.stain }];
  });
};

/** How a cell is turned: mirrored across first, then by `angle` (radians), then enlarged. */
export interface CellTurn {
  readonly flip: boolean;
  readonly angle: number;
  readonly scale: number;
}

/** A turned cell: colours, and how much of each pixel is the cell's, 0 to 1. */
export interface TurnedCell {
  readonly width: number;
  readonly height: number;
  readonly colours: Float32Array;
  readonly share: Float32Array;
}

/** Turns a cell about its middle, linear between pixel centres, so that its edge is soft. */
export const turnCell = (cell: CutCell, { flip, angle, scale }: CellTurn): TurnedCell => {
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  const span = (a: number, b: number): number => Math.ceil(scale * (Math.abs(cos) * a + Math.abs(sin) * b)) + 2;
  const [width, height] = [span(cell.width, cell.height), span(cell.height, cell.width)];
  const colours = new Float32Array(3 * width * height);
  const share = new Float32Array(width * height);
  for (let y = 0, at = 0; y < height; y++) {
    const down = (y + 0.5 - height / 2) / scale;
    for (let x = 0; x < width; x++, at++) {
      const across = (x + 0.5 - width / 2) / scale;
      const turned = cos * across + sin * down;
      const sourceX = (cell.width - 1) / 2 + (flip ? -turned : turned);
      const sourceY = (cell.height - 1) / 2 - sin * across + cos * down;
      share[at] = sample(cell, { x: sourceX, y: sourceY }, colours, 3 * at);
    }
  }
  return { width, height, colours, share };
};

/** Writes the colour at a point and gives the cell's share of it. */
const sample = (cell: CutCell, { x, y }: { x: number; y: number }, colours: Float32Array, to: number): number => {
  const [left, top] = [Math.floor(x), Math.floor(y)];
  let [own, weights] = [0, 0];
  for (let corner = 0; corner < 4; corner++) {
    const [column, row] = [left + (corner & 1), top + (corner >> 1)];
    if (column < 0 || row < 0 || column >= cell.width || row >= cell.height) continue;
    const weight = (1 - Math.abs(x - column)) * (1 - Math.abs(y - row));
    const at = row * cell.width + column;
    weights += weight;
    if (cell.inside[at] === 1) own += weight;
    for (let channel = 0; channel < 3; channel++)
      colours[to + channel] = colours[to + channel]! + weight * cell.pixels[3 * at + channel]!;
  }
  if (weights > 0)
    for (let channel = 0; channel < 3; channel++) colours[to + channel] = colours[to + channel]! / weights;
  return own;
};
