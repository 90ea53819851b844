import type { Picture } from "../../pictures/index.js";
import { pictureOfPlanes } from "../masks/index.js";
import type { HeldOutCrop } from "./heldOut.js";

const gapPx = 4;
const paper = 255;

/** Real, mask and painted picture under one another, crop beside crop, `columns` to a band. */
export const contactSheet = (crops: readonly HeldOutCrop[], painted: readonly Picture[], columns = 8): Picture => {
  const side = crops[0]?.real.width ?? 1;
  const perRow = Math.min(columns, Math.max(crops.length, 1));
  const bands = Math.max(Math.ceil(crops.length / columns), 1);
  const width = perRow * (side + gapPx) + gapPx;
  const height = bands * (3 * (side + gapPx) + 2 * gapPx);
  const pixels = new Uint8Array(3 * width * height).fill(paper);
  const put = (picture: Picture, column: number, row: number, band: number): void => {
    const left = gapPx + column * (side + gapPx);
    const top = gapPx + band * (3 * (side + gapPx) + 2 * gapPx) + row * (side + gapPx);
    for (let y = 0; y < side; y += 1)
      pixels.set(picture.pixels.subarray(3 * y * side, 3 * (y + 1) * side), 3 * ((top + y) * width + left));
  };
  crops.forEach(({ real, masks }, index) => {
    const [column, band] = [index % columns, Math.floor(index / columns)];
    put(real, column, 0, band);
    put(pictureOfPlanes(masks, 0, side), column, 1, band);
    put(painted[index]!, column, 2, band);
  });
  return { width, height, pixels };
};
