import { isLeukocyteClass } from "../../../src/core/index.js";
import { randomOf, type SlideCell } from "./cells.js";
import { paintLeukocyte } from "./leukocytePainter.js";
import { paintPlatelet } from "./plateletPainter.js";
import type { Sprite, SpriteGrid } from "./sprite.js";

/** Room around a cell for its soft edge, px. */
const marginPx = 2;

/** An empty sprite that holds the cell whole. */
const emptySprite = (cell: SlideCell, umPerPixel: number): Sprite => {
  const { centreUm, outline } = cell;
  const leftPx = Math.floor((centreUm.x - outline.reachUm.left) / umPerPixel) - marginPx;
  const topPx = Math.floor((centreUm.y - outline.reachUm.top) / umPerPixel) - marginPx;
  const width = Math.ceil((centreUm.x + outline.reachUm.right) / umPerPixel) + marginPx - leftPx;
  const height = Math.ceil((centreUm.y + outline.reachUm.bottom) / umPerPixel) + marginPx - topPx;
  return {
    leftPx,
    topPx,
    width,
    height,
    colour: new Float32Array(3 * width * height),
    cover: new Float32Array(width * height),
    nucleus: new Uint8Array(width * height),
  };
};

/** Paints a leukocyte or platelet; the same cell at the same scale gives the same sprite. */
export const paintSprite = (cell: SlideCell, umPerPixel: number): Sprite => {
  const sprite = emptySprite(cell, umPerPixel);
  const grid: SpriteGrid = {
    umPerPixel,
    firstUm: {
      x: (sprite.leftPx + 0.5) * umPerPixel - cell.centreUm.x,
      y: (sprite.topPx + 0.5) * umPerPixel - cell.centreUm.y,
    },
  };
  const random = randomOf(cell);
  if (isLeukocyteClass(cell.cellClass)) {
    paintLeukocyte(sprite, grid, { outline: cell.outline, cellClass: cell.cellClass, random });
  } else {
    paintPlatelet(sprite, grid, { outline: cell.outline, random });
  }
  return sprite;
};

/** Sprites of the cells seen last, so that overlapping fields do not paint them again. */
export class SpriteCache {
  readonly #umPerPixel: number;
  readonly #limit: number;
  readonly #sprites = new Map<number, Sprite>();

  /** @param limit sprites kept; a leukocyte's takes about 200 kB at 0.16 um per pixel */
  constructor(umPerPixel: number, limit = 64) {
    this.#umPerPixel = umPerPixel;
    this.#limit = limit;
  }

  get(cell: SlideCell): Sprite {
    const kept = this.#sprites.get(cell.id);
    if (kept) return kept;
    const sprite = paintSprite(cell, this.#umPerPixel);
    this.#sprites.set(cell.id, sprite);
    for (const oldest of this.#sprites.keys()) {
      if (this.#sprites.size <= this.#limit) break;
      this.#sprites.delete(oldest);
    }
    return sprite;
  }
}
