import type { Frame } from "../../src/core/index.js";
import { toyColours, toyRadii } from "./toyModel.js";

export interface ToyCell {
  readonly kind: keyof typeof toyColours;
  /** Px of the picture. */
  readonly x: number;
  readonly y: number;
}

/** Radius in um of the toy's cells. */
const umPerFieldPx = 0.234375;
export const radiusUm = (kind: ToyCell["kind"]): number =>
  toyRadii[kind === "lymphocyte" ? "leukocyte" : kind] * umPerFieldPx;

/** A white picture with discs of the toy's colours, at `umPerPixel`; the frame says the scale only if told to. */
export const toyFrame = (
  cells: readonly ToyCell[],
  options: { width: number; height: number; umPerPixel: number; tell?: boolean; source?: string },
): Frame => {
  const { width, height, umPerPixel } = options;
  const pixels = new Uint8Array(width * height * 3).fill(255);
  for (const { kind, x, y } of cells) {
    const radius = radiusUm(kind) / umPerPixel;
    for (let row = Math.max(0, Math.floor(y - radius)); row < Math.min(height, y + radius); row++)
      for (let column = Math.max(0, Math.floor(x - radius)); column < Math.min(width, x + radius); column++)
        if (Math.hypot(column + 0.5 - x, row + 0.5 - y) <= radius)
          pixels.set(toyColours[kind], (row * width + column) * 3);
  }
  return {
    sequence: 0,
    capturedAtMs: 0,
    width,
    height,
    pixels,
    camera: "test",
    source: options.source ?? "toy",
    simulated: true,
    ...(options.tell === false ? {} : { umPerPixel }),
  };
};

/** Red cells on a grid, three diameters apart, at `umPerPixel`. */
export const redGrid = (width: number, height: number, umPerPixel: number): ToyCell[] => {
  const step = (3 * 2 * radiusUm("erythrocyte")) / umPerPixel;
  const cells: ToyCell[] = [];
  for (let y = step / 2; y < height - step / 4; y += step)
    for (let x = step / 2; x < width - step / 4; x += step) cells.push({ kind: "erythrocyte", x, y });
  return cells;
};
