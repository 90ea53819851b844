import { cellClasses, taxonomy } from "../../core/index.js";
import type { Picture } from "../../pictures/index.js";
import { type CanvasSize, gradientPlaneIndex, maskPlaneCount, positionChannels } from "./maskPlanes.js";

const channels = [1, 3, 5] as const;
const colours = cellClasses.map((cellClass) =>
  channels.map((at) => Number.parseInt(taxonomy[cellClass].colour.slice(at, at + 2), 16)),
);
const nucleusIndex = positionChannels.indexOf("nucleus");
const leukocyteIndex = cellClasses.indexOf("leukocyte");
/** Black is nothing; a cell without edges has so much of its class' colour, an edge all of it. */
const flat = 0.55;

/** A sample of mask planes as a picture for people: classes in the taxonomy's colours, nuclei dark, edges bright. */
export const pictureOfPlanes = (planes: Float32Array, sample: number, canvas: number | CanvasSize): Picture => {
  const { width, height } = typeof canvas === "number" ? { width: canvas, height: canvas } : canvas;
  const size = width * height;
  const start = sample * maskPlaneCount * size;
  const pixels = new Uint8Array(3 * size);
  const shown = [0, 0, 0];
  for (let at = 0; at < size; at++) {
    const planeAt = (plane: number): number => planes[start + plane * size + at]!;
    shown.fill(0);
    colours.forEach((colour, index) => {
      let share = planeAt(index);
      // Of a named leukocyte the name's colour is shown.
      if (index === leukocyteIndex) for (let named = 3; named < colours.length; named++) share -= planeAt(named);
      share = Math.max(share, 0);
      for (let channel = 0; channel < 3; channel++)
        shown[channel] = shown[channel]! * (1 - share) + share * colour[channel]!;
    });
    const light = (flat + (1 - flat) * planeAt(gradientPlaneIndex)) * (1 - 0.5 * planeAt(nucleusIndex));
    for (let channel = 0; channel < 3; channel++) pixels[3 * at + channel] = shown[channel]! * light + 0.5;
  }
  return { width, height, pixels };
};
