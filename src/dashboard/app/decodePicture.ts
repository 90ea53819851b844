import type { Picture } from "./drawPicture.js";
import type { FrameParts } from "./stream.js";
import type { Taxonomy } from "./view.js";

const channelsOf = (colour: string): [number, number, number] => {
  const value = Number.parseInt(colour.slice(1), 16);
  return [value >> 16, (value >> 8) & 255, value & 255];
};

/** The planes of a density map, each in the colour of its class; the denser, the more opaque. */
const colourDensity = async (png: Blob, classes: readonly string[], taxonomy: Taxonomy): Promise<HTMLCanvasElement> => {
  const map = await createImageBitmap(png, { colorSpaceConversion: "none" });
  const canvas = document.createElement("canvas");
  canvas.width = map.width;
  canvas.height = map.height;
  const context = canvas.getContext("2d", { willReadFrequently: true });
  if (context === null) return canvas;
  context.drawImage(map, 0, 0);
  map.close();
  const colours = classes.map((name) => channelsOf(taxonomy.get(name)?.colour ?? "#888888"));
  const pixels = context.getImageData(0, 0, canvas.width, canvas.height);
  const { data } = pixels;
  for (let i = 0; i < data.length; i += 4) {
    const densities = [data[i] ?? 0, data[i + 1] ?? 0, data[i + 2] ?? 0];
    const sum = Math.max(1, densities[0]! + densities[1]! + densities[2]!);
    for (let channel = 0; channel < 3; channel++) {
      let value = 0;
      for (const [plane, colour] of colours.entries()) value += (densities[plane] ?? 0) * (colour[channel] ?? 0);
      data[i + channel] = value / sum;
    }
    data[i + 3] = 235 * (Math.max(...densities) / 255) ** 0.6;
  }
  context.putImageData(pixels, 0, 0);
  return canvas;
};

/** A received frame, decoded for drawing. The caller closes the image. */
export const decodePicture = async (parts: FrameParts, taxonomy: Taxonomy): Promise<Picture> => {
  const { header, density } = parts;
  const [image, coloured] = await Promise.all([
    createImageBitmap(parts.picture),
    density === undefined || header.density === undefined
      ? undefined
      : colourDensity(density, header.density.classes, taxonomy),
  ]);
  return { header, image, density: coloured };
};
