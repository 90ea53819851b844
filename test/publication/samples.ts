import {
  type Cell,
  type CellClass,
  cellClasses,
  createRandom,
  densityClassOf,
  type Frame,
  leukocyteClasses,
} from "../../src/core/index.js";
import { countsOf, emptyTally } from "../../src/counting/index.js";
import type {
  CellsInput,
  CountsInput,
  FrameInput,
  PublishedDensity,
  StatusInput,
} from "../../src/publication/index.js";

/** Made-up results for tests of publication and dashboard: well-formed, painted coarsely, the same for the same seed. */

const colours: Readonly<Record<string, readonly [number, number, number]>> = {
  background: [238, 229, 226],
  erythrocyte: [217, 142, 146],
  leukocyte: [108, 74, 150],
  platelet: [150, 104, 160],
};

const radii = { erythrocyte: 32, leukocyte: 58, platelet: 11 } as const;

export const sampleCells = (seed: number, width: number, height: number, count = 60): Cell[] => {
  const random = createRandom(seed);
  return Array.from({ length: count }, (_unused, index): Cell => {
    const leukocyte = leukocyteClasses[(seed + index) % leukocyteClasses.length] ?? "neutrophil";
    const cellClass: CellClass = index < 2 ? leukocyte : index < 8 ? "platelet" : "erythrocyte";
    const densityClass = densityClassOf(cellClass);
    const radius = radii[densityClass];
    const [x, y] = [random.next() * width, random.next() * height];
    return {
      cellClass,
      densityClass,
      centre: { x, y },
      box: { left: x - radius, top: y - radius, right: x + radius, bottom: y + radius },
      confidence: 0.9,
      mass: 12,
    };
  });
};

const paint = (pixels: Uint8Array, width: number, height: number, cell: Cell): void => {
  const radius = radii[cell.densityClass];
  const colour = colours[cell.densityClass] ?? [0, 0, 0];
  const { x: cx, y: cy } = cell.centre;
  for (let y = Math.max(0, Math.floor(cy - radius)); y < Math.min(height, cy + radius); y++) {
    for (let x = Math.max(0, Math.floor(cx - radius)); x < Math.min(width, cx + radius); x++) {
      const distance = Math.hypot(x - cx, y - cy) / radius;
      if (distance > 1) continue;
      const pallor = cell.densityClass === "erythrocyte" ? Math.max(0, 0.55 - distance) * 80 : 0;
      for (let c = 0; c < 3; c++) pixels[(y * width + x) * 3 + c] = Math.min(255, (colour[c] ?? 0) + pallor);
    }
  }
};

export const sampleFrame = (sequence: number, cells: readonly Cell[], width = 1280, height = 960): Frame => {
  const pixels = new Uint8Array(width * height * 3);
  const background = colours.background ?? [255, 255, 255];
  for (let i = 0; i < pixels.length; i++) pixels[i] = background[i % 3] ?? 0;
  for (const cell of cells) paint(pixels, width, height, cell);
  const row = Math.floor(sequence / 12);
  const column = row % 2 === 0 ? sequence % 12 : 11 - (sequence % 12);
  return {
    sequence,
    capturedAtMs: 1767225600000 + sequence * 100,
    width,
    height,
    pixels,
    camera: "virtual",
    source: "seed 1",
    simulated: true,
    stagePositionUm: { x: column * 110, y: row * 82 },
    umPerPixel: 0.1,
  };
};

export const sampleDensity = (cells: readonly Cell[], width = 1280, height = 960): PublishedDensity => {
  const framePixelsPerMapPixel = 5;
  const [mapWidth, mapHeight] = [width / framePixelsPerMapPixel, height / framePixelsPerMapPixel];
  const classes = ["erythrocyte", "leukocyte", "platelet"] as const;
  const planes = new Float32Array(3 * mapWidth * mapHeight);
  for (const { densityClass, centre } of cells) {
    const plane = classes.indexOf(densityClass) * mapWidth * mapHeight;
    const sigma = radii[densityClass] / framePixelsPerMapPixel / 3;
    for (let y = 0; y < mapHeight; y++) {
      const dy = y + 0.5 - centre.y / framePixelsPerMapPixel;
      if (Math.abs(dy) > 4 * sigma) continue;
      for (let x = 0; x < mapWidth; x++) {
        const dx = x + 0.5 - centre.x / framePixelsPerMapPixel;
        const value = Math.exp(-(dx * dx + dy * dy) / (2 * sigma * sigma));
        const index = plane + y * mapWidth + x;
        planes[index] = Math.max(planes[index] ?? 0, value);
      }
    }
  }
  return { classes, width: mapWidth, height: mapHeight, framePixelsPerMapPixel, planes };
};

export const sampleFrameInput = (sequence: number, width = 1280, height = 960): FrameInput => {
  const cells = sampleCells(sequence, width, height);
  return {
    type: "frame",
    frame: sampleFrame(sequence, cells, width, height),
    cells,
    density: sampleDensity(cells, width, height),
  };
};

const models = { detector: { name: "unet", version: "1.0.0" }, classifier: { name: "cells", version: "1.0.0" } };

export const sampleCellsInput = (sequence: number, count = 60): CellsInput => {
  const cells = sampleCells(sequence, 1280, 960, count);
  const { pixels: _pixels, ...frame } = sampleFrame(sequence, [], 1280, 960);
  return { type: "cells", frame, models, provider: "cpu", cells };
};

const perField: Readonly<Partial<Record<CellClass, number>>> = {
  erythrocyte: 144.6,
  platelet: 9.3,
  leukocyte: 0.02,
  neutrophil: 0.5,
  lymphocyte: 0.25,
  monocyte: 0.06,
  eosinophil: 0.025,
  basophil: 0.01,
  "immature-granulocyte": 0.01,
};

/** Counts of so many fields, made by counting itself. */
export const sampleCounts = (fields: number, stale = false): CountsInput => ({
  type: "counts",
  stale,
  counts: countsOf(
    {
      ...emptyTally,
      classes: cellClasses.map((name) => Math.round((perField[name] ?? 0) * fields)),
      fields: { counted: fields, repeated: 0, unplaced: 0, separate: 0 },
      areas: 1,
      knownUm2: fields * 12288,
      simulated: true,
      lastSequence: fields - 1,
    },
    0.95,
  ),
});

export const sampleStatus = (state: StatusInput["camera"]["state"] = "streaming", stale = false): StatusInput => ({
  type: "status",
  simulated: true,
  stale,
  uptimeMs: 98_000,
  camera: { name: "virtual", source: "seed 1", state, lastFrameAtMs: 1767225600000 },
  models,
  provider: "cpu",
  scale: { umPerPixel: 0.1, origin: "frame" },
  rates: { cameraHz: 25, detectionHz: 13.1, latencyMs: 81 },
  drops: { replacedByNewer: 1166 },
  quality: { focus: 0.93, light: 0.88, stain: 0.74 },
});
