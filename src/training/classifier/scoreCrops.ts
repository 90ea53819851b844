import { leukocyteClasses } from "../../core/index.js";
import type { TrainingEngine } from "../../engine/index.js";
import { Graph } from "../../engine/onnx/index.js";
import {
  type CellClassifierOptions,
  cellClassifier,
  cropSidePx,
  InferenceLayers,
  type Weights,
} from "../../networks/index.js";
import type { StoredCrop } from "../datasets/index.js";
import type { ScoredSamples } from "./calibration.js";

const batch = 32;
const problemName = "score";

/** Logits of a trained classifier on crops of 96 px. */
export const scoreCrops = async (
  engine: TrainingEngine,
  crops: readonly StoredCrop[],
  { weights, network }: { readonly weights: Weights; readonly network: CellClassifierOptions },
): Promise<ScoredSamples> => {
  const graph = new Graph("cytostream-cells-scoring");
  const shape = [batch, cropSidePx, cropSidePx, 3] as const;
  const logits = cellClassifier(new InferenceLayers(graph, weights), graph.input("crops", "uint8", shape), network);
  const problem = { name: problemName, graph, parameterSets: [], players: [], losses: {}, observations: { logits } };
  await using run = await engine.load([problem], {});
  const classes = leukocyteClasses.length;
  const all = new Float32Array(crops.length * classes);
  const cropBytes = cropSidePx * cropSidePx * 3;
  for (let start = 0; start < crops.length; start += batch) {
    const data = new Uint8Array(batch * cropBytes);
    const part = crops.slice(start, start + batch);
    part.forEach((crop, index) => {
      data.set(crop.pixels, index * cropBytes);
    });
    const feeds = { crops: { type: "uint8" as const, shape, data } };
    const result = await run.step({ problem: problemName, feeds, learningRate: 0, averageDecay: 0 });
    all.set(result.observations.logits!.subarray(0, part.length * classes), start * classes);
  }
  return { logits: all, truths: crops.map((crop) => crop.classIndex), classes };
};
