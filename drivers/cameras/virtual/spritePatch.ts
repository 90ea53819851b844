import { body, gradientPlane, type LaidPatch, nucleus, outside } from "../../../src/training/masks/index.js";
import type { SlideCell } from "./cells.js";
import { referenceWhite } from "./leukocyteLook.js";
import type { Sprite } from "./sprite.js";
import { paintSprite } from "./spriteCache.js";

/** Green of a drawn cell on the glass. */
const greenOf = ({ width, height, colour, cover }: Sprite): Uint8Array => {
  const glass = referenceWhite[1];
  const values = new Uint8Array(width * height);
  for (let at = 0; at < values.length; at++) values[at] = glass + (colour[3 * at + 1]! - glass) * cover[at]! + 0.5;
  return values;
};

/** As soft as an objective shows it: a drawing has edges of one pixel. */
const soften = (values: Uint8Array, width: number, height: number): Uint8Array => {
  const at = (x: number, y: number): number =>
    values[Math.min(Math.max(y, 0), height - 1) * width + Math.min(Math.max(x, 0), width - 1)]!;
  const across = (x: number, y: number): number => at(x - 1, y) + 2 * at(x, y) + at(x + 1, y);
  return values.map((_, index) => {
    const [x, y] = [index % width, Math.floor(index / width)];
    return (across(x, y - 1) + 2 * across(x, y) + across(x, y + 1)) / 16 + 0.5;
  });
};

/** How much darker than glass the nucleus is in the mean, at least 16 levels; of a cell without one, what is darkest in it. */
const contrastOf = (green: Uint8Array, nuclei: Uint8Array): number => {
  let [sum, count] = [0, 0];
  nuclei.forEach((isNucleus, at) => {
    sum += isNucleus * green[at]!;
    count += isNucleus;
  });
  const dark = count > 0 ? sum / count : green.reduce((least, value) => Math.min(least, value), 255);
  return Math.max(referenceWhite[1] - dark, 16);
};

/**
 * A leukocyte or platelet as it is drawn, as outline and edges on the grid of mask pixels: the nucleus of its class, its granules,
 * exactly where the truth has it.
 */
export const spritePatch = (
  cell: SlideCell,
  { redCellPx, umPerPixel }: { readonly redCellPx: number; readonly umPerPixel: number },
): LaidPatch => {
  const sprite = paintSprite(cell, umPerPixel);
  const { width, height, cover, leftPx, topPx } = sprite;
  const green = greenOf(sprite);
  const parts = new Uint8Array(width * height);
  for (let at = 0; at < parts.length; at++) {
    if (cover[at]! >= 0.5) parts[at] = sprite.nucleus[at] === 1 ? nucleus : body;
  }
  const plane = { width, height, values: soften(green, width, height) };
  const { values } = gradientPlane(plane, { contrast: contrastOf(green, sprite.nucleus), redCellPx });
  const edges = values.map((value, at) => (parts[at] === outside ? 0 : value));
  return { left: leftPx, top: topPx, patch: { cellClass: cell.cellClass, width, height, parts, edges, redCellPx } };
};
