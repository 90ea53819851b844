import type { LeukocyteClass, Random } from "../../../src/core/index.js";
import { type Dot, drawLeukocyteForm, type LeukocyteForm, type NucleusStroke } from "./leukocyteForm.js";
import type { Rgb } from "./leukocyteLook.js";
import { type Outline, radiusTowards } from "./outline.js";
import { valueNoise } from "./randomField.js";
import { clamp01, forPixelsNear, type Sprite, type SpriteGrid, tint } from "./sprite.js";

/** Width over which edges inside the cell turn from one to the other, um. */
const edgeUm = 0.17;
/** How far apart strokes of a nucleus still melt into each other, um. */
const meltUm = 0.35;

const mix = (a: Rgb, b: Rgb, share: number): Rgb => [
  a[0] + (b[0] - a[0]) * share,
  a[1] + (b[1] - a[1]) * share,
  a[2] + (b[2] - a[2]) * share,
];

/** Distance from a stroke's border, um, negative inside. */
const strokeDistance = (stroke: NucleusStroke, x: number, y: number): number => {
  const { from, to } = stroke;
  const ex = to.x - from.x;
  const ey = to.y - from.y;
  const length2 = ex * ex + ey * ey;
  const along = length2 > 0 ? clamp01(((x - from.x) * ex + (y - from.y) * ey) / length2) : 0;
  return Math.hypot(x - from.x - along * ex, y - from.y - along * ey) - stroke.radiusUm;
};

/** Distance from the border of a nucleus, um, negative inside: a smooth union of strokes without the notches. */
const nucleusDistance = (form: LeukocyteForm, x: number, y: number): number => {
  let distance = Number.POSITIVE_INFINITY;
  for (const stroke of form.nucleus) {
    const next = strokeDistance(stroke, x, y);
    if (distance === Number.POSITIVE_INFINITY) {
      distance = next;
      continue;
    }
    const h = Math.max(0, meltUm - Math.abs(distance - next)) / meltUm;
    distance = Math.min(distance, next) - 0.25 * h * h * meltUm;
  }
  for (const notch of form.notches) distance = Math.max(distance, -strokeDistance(notch, x, y));
  return distance;
};

interface Cell {
  readonly sprite: Sprite;
  readonly grid: SpriteGrid;
  readonly outline: Outline;
  readonly form: LeukocyteForm;
  readonly cellClass: LeukocyteClass;
}

/** Visits the pixels of the sprite with their places in um from the cell's centre. */
const forAllPixels = (cell: Cell, visit: (pixel: number, x: number, y: number) => void): void => {
  const { sprite, grid } = cell;
  for (let row = 0; row < sprite.height; row++) {
    const y = grid.firstUm.y + row * grid.umPerPixel;
    for (let column = 0; column < sprite.width; column++) {
      visit(row * sprite.width + column, grid.firstUm.x + column * grid.umPerPixel, y);
    }
  }
};

/** Depth below the cell's border, um, negative outside. */
const depthAt = (outline: Outline, x: number, y: number): number => radiusTowards(outline, x, y) - Math.hypot(x, y);

/** Kinds whose border is darker than what it holds: cytoplasm full of ribosomes, or a cell seen edge-on at its border. */
const borderDarkening: Readonly<Partial<Record<LeukocyteClass, number>>> = {
  lymphocyte: 0.55,
  monocyte: 0.35,
  erythroblast: 0.3,
  "immature-granulocyte": 0.35,
};

const paintCytoplasm = (cell: Cell): void => {
  const { sprite, form, outline } = cell;
  const darkening = borderDarkening[cell.cellClass] ?? 0.15;
  const border = mix(form.cytoplasmPatches, [96, 62, 146], 0.45);
  forAllPixels(cell, (pixel, x, y) => {
    const ragged = 0.1 * valueNoise(form.textureSeed ^ 7, x * 1.4, y * 1.4);
    const depth = depthAt(outline, x, y) + ragged - 0.1;
    const cover = clamp01(depth / edgeUm + 0.5);
    if (cover === 0) return;
    const coarse = valueNoise(form.textureSeed, x * 0.55, y * 0.55);
    const fine = valueNoise(form.textureSeed ^ 1, x * 2.4, y * 2.4);
    const patches = clamp01(0.5 + 0.5 * coarse + 0.7 * fine);
    tint(sprite, pixel, mix(form.cytoplasm, form.cytoplasmPatches, patches), 1);
    tint(sprite, pixel, border, darkening * clamp01(1 - depth / 0.55));
    sprite.cover[pixel] = cover;
  });
};

const paintNucleus = (cell: Cell): void => {
  const { sprite, form } = cell;
  const look = form.nucleusLook;
  forAllPixels(cell, (pixel, x, y) => {
    if (sprite.cover[pixel] === 0) return;
    const ragged = 0.16 * valueNoise(form.textureSeed ^ 2, x * 1.1, y * 1.1);
    // A nucleus stays inside its cell, whatever the drawn form says.
    const outside = 0.25 - depthAt(cell.outline, x, y);
    const inside = -Math.max(nucleusDistance(form, x, y) + ragged, outside);
    const cover = clamp01(inside / edgeUm + 0.5);
    if (cover === 0) return;
    if (cover >= 0.5) sprite.nucleus[pixel] = 1;
    const clumps = valueNoise(form.textureSeed ^ 3, x / look.clumpUm, y / look.clumpUm);
    const strands = valueNoise(form.textureSeed ^ 4, x * 2.7, y * 2.7);
    const grain = valueNoise(form.textureSeed ^ 5, x * 4.3, y * 4.3);
    const open = look.openness + look.contrast * (0.3 * clumps + 0.45 * strands + 0.35 * grain);
    // The envelope of the nucleus is lined with dense chromatin.
    const lining = clamp01(inside / 0.5 - 0.3);
    tint(sprite, pixel, mix(look.dark, look.light, clamp01(open) * lining), cover);
  });
};

const paintDots = (cell: Cell, dots: readonly Dot[]): void => {
  const { sprite, grid } = cell;
  const soft = Math.max(0.1, 0.8 * grid.umPerPixel);
  for (const dot of dots) {
    forPixelsNear(sprite, grid, dot, (pixel, distanceUm) => {
      const share = clamp01((dot.radiusUm - distanceUm) / soft + 0.5) * dot.strength;
      if (share > 0 && sprite.cover[pixel]! > 0) tint(sprite, pixel, dot.colour, share);
    });
  }
};

/** Paints a leukocyte of a kind into its empty sprite. */
export const paintLeukocyte = (
  sprite: Sprite,
  grid: SpriteGrid,
  what: { readonly outline: Outline; readonly cellClass: LeukocyteClass; readonly random: Random },
): void => {
  const form = drawLeukocyteForm(what.random, what.cellClass, what.outline.meanUm);
  const cell: Cell = { sprite, grid, outline: what.outline, form, cellClass: what.cellClass };
  paintCytoplasm(cell);
  paintDots(cell, form.granulesBelowNucleus);
  paintDots(cell, form.vacuoles);
  paintNucleus(cell);
  paintDots(cell, form.granulesAboveNucleus);
};
