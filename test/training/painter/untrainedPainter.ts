import { createRandom } from "../../../src/core/index.js";
import { Graph } from "../../../src/engine/onnx/index.js";
import { generator, ParameterSet, TrainingLayers, type Weights, weightsOf } from "../../../src/networks/index.js";
import {
  collectOutlines,
  drawnPlaneCount,
  type MaskStatistics,
  measureStatistics,
} from "../../../src/training/masks/index.js";
import { type PainterKind, writePainter } from "../../../src/training/painter/index.js";
import { stain } from "../maskFixture.js";

export const smallWidths = [6, 8, 8, 10, 10] as const;

/** Statistics of a field with a few cells of three classes. */
export const toyStatistics = (): MaskStatistics => {
  const cell = (
    cellClass: "erythrocyte" | "leukocyte" | "basophil" | "platelet",
    x: number,
    y: number,
    side: number,
  ) => ({
    cellClass,
    box: { left: x, top: y, right: x + side, bottom: y + side },
  });
  const cells = [
    ...[20, 80, 140, 200].flatMap((x) => [20, 90, 160].map((y) => cell("erythrocyte", x, y, 40))),
    cell("leukocyte", 60, 210, 70),
    cell("basophil", 160, 210, 66),
    cell("platelet", 20, 220, 12),
  ];
  return measureStatistics([{ widthPx: 320, heightPx: 320, cells, incomplete: [], redCellDiameterPx: 40 }]);
};

export const untrainedWeights = (noisePlanes: number, seed = 5): Weights => {
  const graph = new Graph("untrained");
  const set = new ParameterSet(graph, "painter");
  const planes = (name: string, count: number) => graph.input(name, "float32", [1, count, 32, 32]);
  const inputs = {
    masks: planes("masks", drawnPlaneCount),
    stain: graph.input("stain", "float32", [1, 9]),
    noise: noisePlanes > 0 ? planes("noise", noisePlanes) : undefined,
  };
  generator(new TrainingLayers(graph, set), inputs, { widths: smallWidths });
  return weightsOf(set, set.initialise(createRandom(seed)));
};

/** Writes the folder of a small painter that has learnt nothing. */
export const writeUntrainedPainter = async (directory: string, method: PainterKind = "mcgan"): Promise<void> => {
  const noisePlanes = method === "cgan" ? 1 : 0;
  await writePainter(directory, {
    method,
    version: "0.1.0",
    weights: untrainedWeights(noisePlanes),
    generator: { maskPlanes: drawnPlaneCount, noisePlanes, widths: smallWidths },
    sources: {
      data: ["toy"],
      statistics: toyStatistics(),
      outlines: collectOutlines([], { seed: 1 }),
      stains: [stain],
    },
    training: { command: "cytostream train", seed: 1, data: ["toy"], steps: 0, seconds: 0 },
    figures: {},
    card: "# untrained\n",
  });
};
