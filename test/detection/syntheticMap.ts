import type { MapOutput } from "../../src/detection/index.js";

export interface SyntheticCell {
  readonly classIndex: number;
  /** Field px. */
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  readonly peak?: number;
}

/** A map as the detector's network would give it: elliptical Gaussians of sigma 0.2 half boxes, exact extents. */
export const syntheticMap = (cells: readonly SyntheticCell[], width: number, height: number): MapOutput => {
  const pixels = width * height;
  const density = new Float32Array(3 * pixels);
  const extent = new Float32Array(12 * pixels);
  const stride = 2;
  for (const cell of cells) {
    const sigmaX = Math.max(0.7, (0.2 * cell.width) / 2 / stride);
    const sigmaY = Math.max(0.7, (0.2 * cell.height) / 2 / stride);
    for (let row = 0; row < height; row++)
      for (let column = 0; column < width; column++) {
        const dx = (column + 0.5 - cell.x / stride) / sigmaX;
        const dy = (row + 0.5 - cell.y / stride) / sigmaY;
        if (dx * dx + dy * dy > 50) continue;
        const value = (cell.peak ?? 1) * Math.exp(-(dx * dx + dy * dy) / 2);
        const at = row * width + column;
        const plane = cell.classIndex * pixels;
        if (value <= density[plane + at]!) continue;
        density[plane + at] = value;
        const x = stride * (column + 0.5);
        const y = stride * (row + 0.5);
        const edges = [
          x - cell.x + cell.width / 2,
          y - cell.y + cell.height / 2,
          cell.x + cell.width / 2 - x,
          cell.y + cell.height / 2 - y,
        ];
        for (let edge = 0; edge < 4; edge++)
          extent[(4 * cell.classIndex + edge) * pixels + at] = Math.max(0, edges[edge]!);
      }
  }
  return { density, extent, width, height, stride, fieldWidth: width * stride, fieldHeight: height * stride };
};
