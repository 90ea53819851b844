import { createRandom, type Random } from "../../../src/core/index.js";
import { Graph } from "../../../src/engine/onnx/index.js";
import { cellClassifier, ParameterSet, TrainingLayers, weightsOf } from "../../../src/networks/index.js";
import type { PaintingBatch } from "../../../src/training/painter/problem.js";
import {
  type Judge,
  type PainterKind,
  type PainterSettings,
  painterSettings,
} from "../../../src/training/painter/settings.js";

const [batch, maskPlanes, sidePx] = [2, 2, 64];
const size = sidePx * sidePx;

const judge = (): Judge => {
  const network = { widths: [3, 4, 4, 4] } as const;
  const graph = new Graph("judge");
  const parameters = new ParameterSet(graph, "cells");
  cellClassifier(new TrainingLayers(graph, parameters), graph.input("crops", "uint8", [1, 96, 96, 3]), network);
  return { weights: weightsOf(parameters, parameters.initialise(createRandom(7))), network, cells: 3 };
};

/** The painters with few channels, on two pictures of 64 px. */
export const settingsOf = (kind: PainterKind): PainterSettings => {
  const settings = painterSettings(kind, maskPlanes, judge());
  const discriminator =
    settings.discriminator.kind === "patch"
      ? ({ kind: "patch", widths: [4, 4, 6, 6] } as const)
      : ({ kind: "multiScale", widths: [2, 3, 3], features: 6 } as const);
  return {
    ...settings,
    batch,
    sidePx,
    discriminator,
    generator: { ...settings.generator, widths: [4, 6, 6, 8, 8] },
  };
};

/** Discs of a colour of their own on a background: the masks say where. */
export const toyBatch = (random: Random): PaintingBatch => {
  const pictures = new Uint8Array(batch * size * 3);
  const masks = new Float32Array(batch * maskPlanes * size);
  const cells = Array.from({ length: batch }, (_, picture) => ({
    picture,
    x: 16 + random.int(32),
    y: 16 + random.int(32),
    side: 40,
    classIndex: picture,
  }));
  for (let at = 0; at < batch * size; at += 1) {
    const [picture, row, column] = [Math.floor(at / size), Math.floor((at % size) / sidePx), at % sidePx];
    const { x, y } = cells[picture]!;
    const distance = Math.hypot(column - x, row - y);
    masks[picture * maskPlanes * size + (at % size)] = distance < 12 ? 1 : 0;
    masks[(picture * maskPlanes + 1) * size + (at % size)] = Math.abs(distance - 12) < 2 ? 1 : 0;
    pictures.set(distance < 12 ? [150, 60, 170] : [240, 225, 220], at * 3);
  }
  const stain = Float32Array.from({ length: batch * 9 }, (_, at) => (at % 9) / 9);
  return { pictures, masks, stain, cells };
};
