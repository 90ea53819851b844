import type { FieldMask, Stain } from "../../src/training/masks/index.js";
import { outside } from "../../src/training/masks/index.js";

export const stain: Stain = {
  background: { red: 250, green: 226, blue: 200 },
  redCells: { red: 205, green: 165, blue: 168 },
  nuclei: { red: 110, green: 60, blue: 140 },
};

type GivenCell = FieldMask["cells"][number];

/** Pixels of a field that a given cell covers, by looking at each. */
export const coveredBy = ({ left, top, outline }: GivenCell, { width, height }: FieldMask): number[] =>
  Array.from({ length: width * height }, (_, at) => at).filter((at) => {
    const [x, y] = [(at % width) - left, Math.floor(at / width) - top];
    return (
      x >= 0 && y >= 0 && x < outline.width && y < outline.height && outline.parts[y * outline.width + x] !== outside
    );
  });

export const boxAround = (pixels: readonly number[], width: number) => {
  const columns = pixels.map((at) => at % width);
  const rows = pixels.map((at) => Math.floor(at / width));
  return {
    left: Math.min(...columns),
    top: Math.min(...rows),
    right: Math.max(...columns) + 1,
    bottom: Math.max(...rows) + 1,
  };
};
