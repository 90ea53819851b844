import type { Picture } from "../../../pictures/index.js";

const gapPx = 4;
const paper = 255;
const columns = 4;

/** Pictures beside one another, four to a row, on white. */
export const sampleSheet = (pictures: readonly Picture[]): Picture => {
  const cell = {
    width: Math.max(1, ...pictures.map(({ width }) => width)) + gapPx,
    height: Math.max(1, ...pictures.map(({ height }) => height)) + gapPx,
  };
  const across = Math.max(Math.min(columns, pictures.length), 1);
  const width = across * cell.width + gapPx;
  const height = Math.max(Math.ceil(pictures.length / across), 1) * cell.height + gapPx;
  const pixels = new Uint8Array(3 * width * height).fill(paper);
  pictures.forEach((picture, index) => {
    const left = gapPx + (index % across) * cell.width;
    const top = gapPx + Math.floor(index / across) * cell.height;
    for (let y = 0; y < picture.height; y += 1) {
      const row = picture.pixels.subarray(3 * y * picture.width, 3 * (y + 1) * picture.width);
      pixels.set(row, 3 * ((top + y) * width + left));
    }
  });
  return { width, height, pixels };
};
