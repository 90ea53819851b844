import { basename, resolve } from "node:path";
import { decodePicture, type Picture } from "../../pictures/index.js";
import { type LabelledField, openDataset } from "../datasets/index.js";
import { evenlySpaced } from "../evenlySpaced.js";
import { type Stain, stainOf, stainValues, usualStain } from "../masks/index.js";

/** Pictures of a laboratory whose stains are measured, at most, evenly spaced. */
const mostPictures = 120;

/**
 * The stains of a data set's training pictures; nothing is asked of their labels.
 * @throws CytoError DATASET_INVALID, IMAGE_UNREADABLE
 */
export const stainsOfPictures = async (directory: string): Promise<readonly Stain[]> => {
  const dataset = await openDataset(directory);
  const fields = await dataset.fields(dataset.splits.includes("train") ? "train" : dataset.splits[0]!);
  const stains: Stain[] = [];
  for (const { picturePath } of evenlySpaced(fields, mostPictures))
    stains.push(stainOf(await decodePicture(picturePath)));
  const usual = usualStain(stains);
  // Measured again with the laboratory's own colours for what a picture does not show.
  const measured: Stain[] = [];
  for (const { picturePath } of evenlySpaced(fields, mostPictures))
    measured.push(stainOf(await decodePicture(picturePath), usual));
  return measured;
};

/** What tells one laboratory's pictures from another's, for fingerprints. */
export const stainsIdentity = (directory: string | undefined): string | undefined =>
  directory === undefined ? undefined : basename(resolve(directory));

const channels = 3;
const keepBetween = (value: number, low: number, high: number): number => Math.min(Math.max(value, low), high);

/**
 * A picture in another stain: background on background, nuclei on nuclei, what lies between by the optical density that
 * each channel has (Lambert and Beer). It tells nothing of colours that mix otherwise, such as granules.
 */
export const recolour = (
  picture: Pick<Picture, "width" | "height"> & { readonly pixels: Uint8Array },
  from: Stain,
  to: Stain,
): Picture => {
  const [a, b] = [stainValues(from), stainValues(to)];
  const tables = Array.from({ length: channels }, (_, channel) => {
    const [light, newLight] = [Math.max(a[channel]!, 0.02), Math.max(b[channel]!, 0.02)];
    const density = Math.log(Math.max(a[6 + channel]!, 0.01) / light);
    const newDensity = Math.log(Math.max(b[6 + channel]!, 0.01) / newLight);
    const power = density < -0.05 ? keepBetween(newDensity / density, 0.4, 2.5) : 1;
    return Uint8Array.from({ length: 256 }, (_, value) =>
      keepBetween(255 * newLight * (value / 255 / light) ** power + 0.5, 0, 255),
    );
  });
  const pixels = new Uint8Array(picture.pixels.length);
  for (let at = 0; at < pixels.length; at++) pixels[at] = tables[at % channels]![picture.pixels[at]!]!;
  return { width: picture.width, height: picture.height, pixels };
};

/** Fields whose labels name a cell of one of the classes; all fields where no class is asked for. */
export const fieldsShowing = (
  fields: readonly LabelledField[],
  classes: readonly string[] | undefined,
): readonly LabelledField[] =>
  classes === undefined
    ? fields
    : fields.filter(({ cells }) => cells.some(({ cellClass }) => classes.includes(cellClass)));
