import type { Random } from "../../../src/core/index.js";
import type { Rgb } from "./leukocyteLook.js";
import { type Outline, radiusTowards } from "./outline.js";
import { valueNoise } from "./randomField.js";
import { clamp01, forPixelsNear, type Sprite, type SpriteGrid, tint } from "./sprite.js";

const hyalomere: Rgb = [200, 172, 190];
const violet: Rgb = [150, 92, 170];
const granule: Rgb = [98, 22, 152];

/** Paints a platelet into its empty sprite: a pale, ragged border around a violet middle full of granules. */
export const paintPlatelet = (
  sprite: Sprite,
  grid: SpriteGrid,
  what: { readonly outline: Outline; readonly random: Random },
): void => {
  const { outline, random } = what;
  const { umPerPixel, firstUm } = grid;
  const seed = random.int(0x1_0000_0000);
  const strength = 0.75 + 0.25 * random.next();
  for (let row = 0; row < sprite.height; row++) {
    for (let column = 0; column < sprite.width; column++) {
      const x = firstUm.x + column * umPerPixel;
      const y = firstUm.y + row * umPerPixel;
      const pixel = row * sprite.width + column;
      const ragged = 0.12 * valueNoise(seed, x * 2, y * 2) - 0.1;
      const depth = radiusTowards(outline, x, y) - Math.hypot(x, y) + ragged;
      const cover = clamp01(depth / 0.3 + 0.5);
      if (cover === 0) continue;
      sprite.cover[pixel] = cover * (0.8 + 0.2 * strength);
      tint(sprite, pixel, hyalomere, 1);
      const middle = clamp01(depth / (0.55 * outline.meanUm));
      const mottling = 0.55 + 0.6 * valueNoise(seed ^ 1, x * 1.7, y * 1.7);
      tint(sprite, pixel, violet, strength * clamp01(middle * (0.5 + mottling)));
    }
  }
  const count = Math.round((2.6 + 1.4 * random.next()) * Math.PI * outline.meanUm ** 2 * strength);
  for (let k = 0; k < count; k++) {
    const angle = random.next() * 2 * Math.PI;
    const away = 0.72 * outline.meanUm * Math.sqrt(random.next());
    const dot = { x: away * Math.cos(angle), y: away * Math.sin(angle), radiusUm: 0.17 + 0.14 * random.next() };
    forPixelsNear(sprite, grid, dot, (at, distanceUm) => {
      const share = clamp01((dot.radiusUm - distanceUm) / 0.14 + 0.5) * 0.92 * strength;
      if (share > 0 && sprite.cover[at]! > 0) tint(sprite, at, granule, share);
    });
  }
};
