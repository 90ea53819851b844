import type { Rgb } from "./leukocyteLook.js";

/** A painted cell on the slide's grid of pixels, whole. */
export interface Sprite {
  /** Left top pixel on the slide. */
  readonly leftPx: number;
  readonly topPx: number;
  readonly width: number;
  readonly height: number;
  /** Colour, three per pixel, 0 to 255 against the reference white. */
  readonly colour: Float32Array;
  /** How much of what lies below is covered, one per pixel, 0 to 1. */
  readonly cover: Float32Array;
  /** 1 where the nucleus is, one per pixel. */
  readonly nucleus: Uint8Array;
}

/** Where a sprite's pixels lie relative to the cell's centre. */
export interface SpriteGrid {
  readonly umPerPixel: number;
  /** Centre of pixel (0, 0), um from the cell's centre. */
  readonly firstUm: Readonly<{ x: number; y: number }>;
}

/** Calls `visit` for each pixel whose centre is within `radiusUm` of a place given in um from the cell's centre. */
export const forPixelsNear = (
  sprite: Sprite,
  grid: SpriteGrid,
  dot: Readonly<{ x: number; y: number; radiusUm: number }>,
  visit: (pixel: number, distanceUm: number) => void,
): void => {
  const { umPerPixel, firstUm } = grid;
  const reach = dot.radiusUm + umPerPixel;
  const fromX = Math.max(0, Math.ceil((dot.x - reach - firstUm.x) / umPerPixel));
  const toX = Math.min(sprite.width - 1, Math.floor((dot.x + reach - firstUm.x) / umPerPixel));
  const fromY = Math.max(0, Math.ceil((dot.y - reach - firstUm.y) / umPerPixel));
  const toY = Math.min(sprite.height - 1, Math.floor((dot.y + reach - firstUm.y) / umPerPixel));
  for (let y = fromY; y <= toY; y++) {
    const dy = firstUm.y + y * umPerPixel - dot.y;
    for (let x = fromX; x <= toX; x++) {
      const dx = firstUm.x + x * umPerPixel - dot.x;
      visit(y * sprite.width + x, Math.sqrt(dx * dx + dy * dy));
    }
  }
};

/** A share kept within 0 to 1. */
export const clamp01 = (value: number): number => Math.min(1, Math.max(0, value));

/** Mixes a colour into a sprite's pixel. */
export const tint = (sprite: Sprite, pixel: number, colour: Rgb, share: number): void => {
  const at = 3 * pixel;
  const { colour: into } = sprite;
  into[at] = into[at]! + (colour[0] - into[at]!) * share;
  into[at + 1] = into[at + 1]! + (colour[1] - into[at + 1]!) * share;
  into[at + 2] = into[at + 2]! + (colour[2] - into[at + 2]!) * share;
};
