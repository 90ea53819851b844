import type { Colour, Picture } from "../../pictures/index.js";
import type { StoredField } from "../datasets/fieldPictures.js";
import { addLayers, type FieldMask } from "./fieldMask.js";
import { maskPlaneCount, positionChannels } from "./maskPlanes.js";
import { medianColour } from "./medianColour.js";
import type { Stain } from "./stain.js";

/** A colour for each kind of thing that a mask tells apart. */
export interface FlatColours {
  readonly background: Colour;
  readonly redCells: Colour;
  /** Where two red cells or more lie on one another. */
  readonly overlaps: Colour;
  readonly cytoplasm: Colour;
  readonly nuclei: Colour;
  readonly platelets: Colour;
}

const mixed = (a: Colour, b: Colour, share: number): Colour => ({
  red: a.red + share * (b.red - a.red),
  green: a.green + share * (b.green - a.green),
  blue: a.blue + share * (b.blue - a.blue),
});

/** Light that passes two cells is dimmed twice (Beer and Lambert). */
const twice = (cell: Colour, background: Colour): Colour => {
  const through = (channel: keyof Colour): number => cell[channel] ** 2 / Math.max(background[channel], 1);
  return { red: through("red"), green: through("green"), blue: through("blue") };
};

/** Colours that a stain tells; cytoplasm and platelets lie between background and nuclei. */
export const flatColoursOf = ({ background, redCells, nuclei }: Stain): FlatColours => ({
  background,
  redCells,
  overlaps: twice(redCells, background),
  cytoplasm: mixed(background, nuclei, 0.4),
  nuclei,
  platelets: mixed(background, nuclei, 0.6),
});

/** Median colours of a real field inside its mask; what it lacks as its stain tells. */
export const measureFlatColours = (field: StoredField, mask: FieldMask): FlatColours => {
  const size = mask.width * mask.height;
  const layersOf = (channel: (typeof positionChannels)[number]): Uint8Array => {
    const layers = new Uint8Array(size);
    addLayers(mask, channel, layers);
    return layers;
  };
  const [red, white, platelet, nucleus] = [
    layersOf("erythrocyte"),
    layersOf("leukocyte"),
    layersOf("platelet"),
    layersOf("nucleus"),
  ];
  const other = flatColoursOf(mask.stain);
  const isFree = (at: number): boolean => white[at] === 0 && platelet[at] === 0;
  const medianOf = (chosen: (pixel: number) => boolean): Colour | undefined => medianColour(field.pixels, chosen);
  return {
    background: medianOf((at) => isFree(at) && red[at] === 0) ?? other.background,
    redCells: medianOf((at) => isFree(at) && red[at] === 1) ?? other.redCells,
    overlaps: medianOf((at) => isFree(at) && red[at]! > 1) ?? other.overlaps,
    cytoplasm: medianOf((at) => white[at]! > 0 && nucleus[at] === 0) ?? other.cytoplasm,
    nuclei: medianOf((at) => nucleus[at]! > 0) ?? other.nuclei,
    platelets: medianOf((at) => platelet[at]! > 0 && white[at] === 0) ?? other.platelets,
  };
};

const indexOf = (channel: (typeof positionChannels)[number]): number => positionChannels.indexOf(channel);
const [redIndex, whiteIndex, plateletIndex] = [indexOf("erythrocyte"), indexOf("leukocyte"), indexOf("platelet")];
const nucleusIndex = indexOf("nucleus");

/** The picture that no network painted: each part of a mask in its one colour. The baseline of every comparison. */
export const paintFlat = (
  planes: Float32Array,
  sample: number,
  { canvasPx, colours }: { readonly canvasPx: number; readonly colours: FlatColours },
): Picture => {
  const size = canvasPx * canvasPx;
  const start = sample * maskPlaneCount * size;
  const pixels = new Uint8Array(3 * size);
  for (let at = 0; at < size; at++) {
    const shareOf = (index: number): number => planes[start + index * size + at]!;
    const layers = 2 * shareOf(redIndex);
    let colour = mixed(colours.background, colours.redCells, Math.min(layers, 1));
    colour = mixed(colour, colours.overlaps, Math.max(layers - 1, 0));
    colour = mixed(colour, colours.platelets, shareOf(plateletIndex));
    colour = mixed(colour, colours.cytoplasm, shareOf(whiteIndex));
    colour = mixed(colour, colours.nuclei, shareOf(nucleusIndex));
    pixels[3 * at] = colour.red + 0.5;
    pixels[3 * at + 1] = colour.green + 0.5;
    pixels[3 * at + 2] = colour.blue + 0.5;
  }
  return { width: canvasPx, height: canvasPx, pixels };
};
