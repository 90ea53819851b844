import { z } from "zod";
import { type Colour, type Picture, StainMeter } from "../../pictures/index.js";
import type { ColourChange } from "../datasets/colourJitter.js";

/** The look that a laboratory's dye, light and camera give a smear: nine numbers, 0 to 255 each. */
export interface Stain {
  readonly background: Colour;
  readonly redCells: Colour;
  readonly nuclei: Colour;
}

const colourSchema = z.strictObject({
  red: z.number().min(0).max(255),
  green: z.number().min(0).max(255),
  blue: z.number().min(0).max(255),
});

export const stainSchema = z.strictObject({ background: colourSchema, redCells: colourSchema, nuclei: colourSchema });

/** Number of a stain's values: red, green, blue of background, red cells, nuclei, in this order. */
export const stainLength = 9;

const coloursOf = ({ background, redCells, nuclei }: Stain): readonly Colour[] => [background, redCells, nuclei];

/** A stain as nine numbers, 0 to 1. */
export const stainValues = (stain: Stain): readonly number[] =>
  coloursOf(stain).flatMap(({ red, green, blue }) => [red / 255, green / 255, blue / 255]);

/** Shares of the background's light that cells let through: medians over 400 fields of two collections. */
const usualShares = {
  redCells: { red: 0.82, green: 0.73, blue: 0.84 },
  nuclei: { red: 0.38, green: 0.18, blue: 0.69 },
};

const dyed = (background: Colour, share: Colour): Colour => ({
  red: Math.round(background.red * share.red),
  green: Math.round(background.green * share.green),
  blue: Math.round(background.blue * share.blue),
});

const meter = new StainMeter();

/**
 * The stain of a picture of a smear, whether anybody labelled it or not: median colours of what looks like background,
 * red cells and nuclei. Where no red cells or nuclei are to be seen their colour is that of `other`'s, else the usual
 * one, on this picture's background.
 */
export const stainOf = (picture: Pick<Picture, "width" | "height"> & { pixels: Uint8Array }, other?: Stain): Stain => {
  const { background, redCells, nuclei } = meter.measure(picture as Picture);
  const shareOf = (name: "redCells" | "nuclei"): Colour => {
    if (!other) return usualShares[name];
    const part = (channel: keyof Colour): number => other[name][channel] / Math.max(other.background[channel], 1);
    return { red: part("red"), green: part("green"), blue: part("blue") };
  };
  return {
    background,
    redCells: redCells ?? dyed(background, shareOf("redCells")),
    nuclei: nuclei ?? dyed(background, shareOf("nuclei")),
  };
};

const middleOf = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1]!;

const middleColour = (colours: readonly Colour[]): Colour => ({
  red: middleOf(colours.map(({ red }) => red)),
  green: middleOf(colours.map(({ green }) => green)),
  blue: middleOf(colours.map(({ blue }) => blue)),
});

/**
 * The stain of a laboratory: medians over its fields. Better than one field's, in which a platelet or an overlap may have
 * been taken for a nucleus. @throws RangeError for no stain
 */
export const usualStain = (stains: readonly Stain[]): Stain => {
  if (stains.length === 0) throw new RangeError("there is no field to take the stain from");
  return {
    background: middleColour(stains.map(({ background }) => background)),
    redCells: middleColour(stains.map(({ redCells }) => redCells)),
    nuclei: middleColour(stains.map(({ nuclei }) => nuclei)),
  };
};

/** The stain of a picture after a change of its colours: what is jittered is jittered together. */
export const changeStain = (stain: Stain, change: ColourChange): Stain => {
  const source = Float32Array.from(coloursOf(stain).flatMap(({ red, green, blue }) => [red, green, blue]));
  const target = new Uint8Array(stainLength);
  const noNoise = { noise: new Float32Array(1), noiseAt: 0, noiseScale: 0 };
  change.apply({ source, from: 0, target, to: 0, step: 3, count: 3, ...noNoise });
  const colourAt = (at: number): Colour => ({ red: target[at]!, green: target[at + 1]!, blue: target[at + 2]! });
  return { background: colourAt(0), redCells: colourAt(3), nuclei: colourAt(6) };
};

/** From background to nuclei in green, the greatest difference of a stain; at least 16 levels. */
export const contrastOf = ({ background, nuclei }: Stain): number => Math.max(background.green - nuclei.green, 16);
