import type { Rgb } from "./leukocyteLook.js";
import type { SlideConditions } from "./slide.js";

/** Light and stain are evened out over squares of so many pixels of the slide. */
export const squarePx = 32;

/** The empty glass where light and stain are those of the slide's mean, 0 to 255. */
export const meanGlass: Rgb = [251, 225, 200];

/** Colour of the empty glass at a place, 0 to 255. */
export const glassAt = (conditions: SlideConditions, xUm: number, yUm: number): [number, number, number] => {
  const light = conditions.light(xUm, yUm);
  const stain = conditions.stain(xUm, yUm);
  return [meanGlass[0] + 2 * light, meanGlass[1] + 3 * light - 1.5 * stain, meanGlass[2] + 3 * light + 2 * stain];
};
