import type { SlideCell } from "./cells.js";
import { glassAt, squarePx } from "./glass.js";
import { referenceWhite } from "./leukocyteLook.js";
import { type LightPainter, type PixelRect, stepsPerLevel } from "./lightPainter.js";
import { radiusTowards } from "./outline.js";
import { hashPlace } from "./randomField.js";
import type { Slide } from "./slide.js";
import { clamp01, type Sprite } from "./sprite.js";
import { SpriteCache } from "./spriteCache.js";

/** Optical density of red cells in red and blue relative to green, measured on smears; green's is 1. */
const haemoglobin = { red: 0.68, green: 1, blue: 0.56 };
/** Where two red cells lie upon each other, the thinner one adds this share of its density: both are squeezed flat. */
const overlapDensity = 0.55;
/** Width over which the border of a red cell turns from glass to cell, um. */
const redCellEdgeUm = 0.3;

/** Steps of optical density in a unit, and the largest that is told apart. */
const densitySteps = 1024;
const largestDensity = 2 * densitySteps - 1;
const transmissionBits = 15;
const stainShades = 16;

interface Canvas extends PixelRect {
  /** Natural optical density of haemoglobin in green, one per pixel, in steps. */
  readonly density: Uint16Array;
  /** Interleaved RGB in steps. */
  readonly light: Uint16Array<ArrayBuffer>;
}

/** Transmission of red, green and blue by steps of density, fixed point, for shades from violet to orange stain. */
const transmissionTables = (): readonly Uint16Array[] =>
  Array.from({ length: stainShades }, (_, shade) => {
    const hue = (shade / (stainShades - 1)) * 2 - 1;
    const powers = [haemoglobin.red - 0.07 * hue, haemoglobin.green, haemoglobin.blue + 0.07 * hue];
    const table = new Uint16Array(3 * (largestDensity + 1));
    for (let k = 0; k <= largestDensity; k++) {
      for (let c = 0; c < 3; c++) {
        table[3 * k + c] = Math.round(Math.exp((-k / densitySteps) * powers[c]!) * (1 << transmissionBits));
      }
    }
    return table;
  });

const shadesOfStain = transmissionTables();

/** Adds a red cell to the canvas. */
const layRedCell = (canvas: Canvas, cell: SlideCell, umPerPixel: number): void => {
  const look = cell.redCell!;
  const { outline, centreUm } = cell;
  const centreX = centreUm.x / umPerPixel - canvas.leftPx - 0.5;
  const centreY = centreUm.y / umPerPixel - canvas.topPx - 0.5;
  const reach = outline.largestUm + redCellEdgeUm / 2;
  const fromX = Math.max(0, Math.ceil(centreX - reach / umPerPixel));
  const toX = Math.min(canvas.width - 1, Math.floor(centreX + reach / umPerPixel));
  const fromY = Math.max(0, Math.ceil(centreY - reach / umPerPixel));
  const toY = Math.min(canvas.height - 1, Math.floor(centreY + reach / umPerPixel));
  const pallor2 = look.pallorRadius * look.pallorRadius;
  const { density, width } = canvas;
  for (let y = fromY; y <= toY; y++) {
    const dy = (y - centreY) * umPerPixel;
    for (let x = fromX; x <= toX; x++) {
      const dx = (x - centreX) * umPerPixel;
      const r2 = dx * dx + dy * dy;
      if (r2 > reach * reach) continue;
      const radius = radiusTowards(outline, dx, dy);
      const r = Math.sqrt(r2);
      const cover = (radius - r) / redCellEdgeUm + 0.5;
      if (cover <= 0) continue;
      const relative = r / radius;
      const shoulder = relative > 0.72 ? (relative - 0.72) / 0.28 : 0;
      const px = dx - look.pallorOffsetUm.x;
      const py = dy - look.pallorOffsetUm.y;
      const q = (px * px + py * py) / (radius * radius * pallor2);
      const pallor = look.pallorDepth / (1 + q * q * q);
      const full = look.density * densitySteps * (1 - 0.2 * shoulder * shoulder) * (1 - pallor);
      const added = cover < 1 ? full * cover * cover * (3 - 2 * cover) : full;
      const at = y * width + x;
      const there = density[at]!;
      const sum = added > there ? added + overlapDensity * there : there + overlapDensity * added;
      density[at] = sum < largestDensity ? sum + 0.5 : largestDensity;
    }
  }
};

/** Lays a painted cell over the canvas, lit as the glass around its middle is. */
const laySprite = (canvas: Canvas, sprite: Sprite, glass: readonly [number, number, number]): void => {
  const shiftX = sprite.leftPx - canvas.leftPx;
  const shiftY = sprite.topPx - canvas.topPx;
  const gains = [0, 1, 2].map((c) => (stepsPerLevel * glass[c]!) / referenceWhite[c]!);
  for (let y = Math.max(0, -shiftY); y < Math.min(sprite.height, canvas.height - shiftY); y++) {
    for (let x = Math.max(0, -shiftX); x < Math.min(sprite.width, canvas.width - shiftX); x++) {
      const from = y * sprite.width + x;
      const cover = sprite.cover[from]!;
      if (cover === 0) continue;
      const into = 3 * ((y + shiftY) * canvas.width + x + shiftX);
      for (let c = 0; c < 3; c++) {
        const below = canvas.light[into + c]!;
        canvas.light[into + c] = below + (sprite.colour[3 * from + c]! * gains[c]! - below) * cover + 0.5;
      }
    }
  }
};

/** Draws the cells by rules: needs no model and no preparation. */
export class FieldPainter implements LightPainter {
  readonly #slide: Slide;
  readonly #umPerPixel: number;
  readonly #sprites: SpriteCache;
  #density = new Uint16Array(0);
  #light = new Uint16Array(0);

  constructor(slide: Slide, umPerPixel: number) {
    this.#slide = slide;
    this.#umPerPixel = umPerPixel;
    this.#sprites = new SpriteCache(umPerPixel);
  }

  async prepare(): Promise<void> {}

  paint(rect: PixelRect): Uint16Array<ArrayBuffer> {
    const canvas = this.#canvasFor(rect);
    const umPerPixel = this.#umPerPixel;
    const cells = this.#slide.cellsIn({
      left: (rect.leftPx - 2) * umPerPixel,
      top: (rect.topPx - 2) * umPerPixel,
      width: (rect.width + 4) * umPerPixel,
      height: (rect.height + 4) * umPerPixel,
    });
    for (const cell of cells) if (cell.redCell) layRedCell(canvas, cell, umPerPixel);
    this.#lightCanvas(canvas);
    for (const cell of cells) {
      if (cell.redCell) continue;
      laySprite(canvas, this.#sprites.get(cell), glassAt(this.#slide.conditions, cell.centreUm.x, cell.centreUm.y));
    }
    return canvas.light;
  }

  #canvasFor(rect: PixelRect): Canvas {
    const size = rect.width * rect.height;
    // The field's surroundings grow and shrink with its blur: the memory is kept for the largest so far.
    if (this.#density.length < size) {
      this.#density = new Uint16Array(size);
      this.#light = new Uint16Array(3 * size);
    }
    const density = this.#density.subarray(0, size).fill(0);
    return { ...rect, density, light: this.#light.subarray(0, 3 * size) };
  }

  #lightCanvas(canvas: Canvas): void {
    const lastX = canvas.leftPx + canvas.width - 1;
    const lastY = canvas.topPx + canvas.height - 1;
    for (let row = Math.floor(canvas.topPx / squarePx); row * squarePx <= lastY; row++) {
      for (let column = Math.floor(canvas.leftPx / squarePx); column * squarePx <= lastX; column++) {
        this.#lightSquare(canvas, column, row);
      }
    }
  }

  #lightSquare(canvas: Canvas, column: number, row: number): void {
    const middleX = (column + 0.5) * squarePx * this.#umPerPixel;
    const middleY = (row + 0.5) * squarePx * this.#umPerPixel;
    const glass = glassAt(this.#slide.conditions, middleX, middleY);
    const hue = clamp01(0.5 + 0.45 * this.#slide.conditions.stain(middleX, middleY));
    const table = shadesOfStain[Math.round(hue * (stainShades - 1))]!;
    const [red, green, blue] = glass.map((level) => Math.round(level * stepsPerLevel)) as [number, number, number];
    const { density, light, width } = canvas;
    const fromX = Math.max(0, column * squarePx - canvas.leftPx);
    const toX = Math.min(canvas.width, (column + 1) * squarePx - canvas.leftPx);
    const fromY = Math.max(0, row * squarePx - canvas.topPx);
    const toY = Math.min(canvas.height, (row + 1) * squarePx - canvas.topPx);
    for (let y = fromY; y < toY; y++) {
      for (let at = y * width + fromX; at < y * width + toX; at++) {
        const k = 3 * density[at]!;
        const into = 3 * at;
        light[into] = (red * table[k]!) >> transmissionBits;
        light[into + 1] = (green * table[k + 1]!) >> transmissionBits;
        light[into + 2] = (blue * table[k + 2]!) >> transmissionBits;
      }
    }
    this.#sprinkle(canvas, column, row);
  }

  /** Specks of stain on the glass, the same for the same square: one in some of them. */
  #sprinkle(canvas: Canvas, column: number, row: number): void {
    const dice = hashPlace(this.#slide.options.seed ^ 0x5bd1e995, column, row);
    const areaMm2 = (squarePx * this.#umPerPixel) ** 2 / 1e6;
    const specksPerMm2 = 90;
    if (dice / 0x1_0000_0000 > areaMm2 * specksPerMm2) return;
    const more = hashPlace(dice, 1, 2);
    const radiusPx = (0.12 + 0.14 * ((more & 0xff) / 255)) / this.#umPerPixel;
    const reach = Math.min(squarePx / 2 - 1, radiusPx + 1);
    const span = squarePx - 2 * reach;
    const x0 = column * squarePx + reach + span * (((more >>> 8) & 0xff) / 256) - canvas.leftPx;
    const y0 = row * squarePx + reach + span * (((more >>> 16) & 0xff) / 256) - canvas.topPx;
    for (let y = Math.max(0, Math.ceil(y0 - reach)); y <= Math.min(canvas.height - 1, y0 + reach); y++) {
      for (let x = Math.max(0, Math.ceil(x0 - reach)); x <= Math.min(canvas.width - 1, x0 + reach); x++) {
        const cover = clamp01(radiusPx - Math.hypot(x - x0, y - y0) + 0.5) * 0.8;
        const into = 3 * (y * canvas.width + x);
        canvas.light[into] = canvas.light[into]! * (1 - 0.75 * cover);
        canvas.light[into + 1] = canvas.light[into + 1]! * (1 - 0.85 * cover);
        canvas.light[into + 2] = canvas.light[into + 2]! * (1 - 0.55 * cover);
      }
    }
  }
}
