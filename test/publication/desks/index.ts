import sharp from "sharp";
import type { LabelledCell } from "../../../src/core/index.js";
import { MemoryJobs } from "./jobs.js";
import { MemoryLabels } from "./labels.js";
import { MemoryModels } from "./models.js";

export { MemoryJobs, MemoryLabels, MemoryModels };

/** All desks, in memory. */
export const memoryDesks = () => ({
  labels: new MemoryLabels(),
  jobs: new MemoryJobs(),
  models: new MemoryModels(),
});

/** A small picture, another one for each number. */
export const samplePng = (seed = 0, width = 64, height = 48): Promise<Buffer> =>
  sharp({ create: { width, height, channels: 3, background: { r: 230, g: seed % 256, b: (seed >> 8) % 256 } } })
    .png()
    .toBuffer();

export const sampleCell = (left = 4, cellClass: LabelledCell["cellClass"] = "neutrophil"): LabelledCell => ({
  cellClass,
  box: { left, top: 5, right: left + 20, bottom: 30 },
});
