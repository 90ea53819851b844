import { leukocyteClasses } from "../../core/index.js";
import type { AdamOptions, Feed, TrainingProblem } from "../../engine/index.js";
import { Graph } from "../../engine/onnx/index.js";
import {
  type CellClassifierOptions,
  cellClassifier,
  cropSidePx,
  type Layers,
  ParameterSet,
  TrainingLayers,
} from "../../networks/index.js";
import type { CropBatch } from "../datasets/index.js";
import { crossEntropy } from "../losses/classification.js";

export interface ClassifierProblemOptions {
  readonly batch: number;
  readonly network: CellClassifierOptions;
  readonly optimiser: AdamOptions;
}

export interface ClassifierProblem {
  readonly problem: TrainingProblem;
  readonly parameters: ParameterSet;
  readonly feeds: (batch: CropBatch) => Readonly<Record<string, Feed>>;
  /** The network alone, over given layers. */
  readonly forward: (graph: Graph, layers: Layers) => void;
}

export const classifierProblemName = "cells";

/** The classifier of crops going down the cross-entropy. */
export const classifierProblem = ({ batch, network, optimiser }: ClassifierProblemOptions): ClassifierProblem => {
  const graph = new Graph("cytostream-cells-training");
  const parameters = new ParameterSet(graph, "cells");
  const layers = new TrainingLayers(graph, parameters);
  const cropsShape = [batch, cropSidePx, cropSidePx, 3] as const;
  const labelsShape = [batch, leukocyteClasses.length] as const;
  const crops = graph.input("crops", "uint8", cropsShape);
  const labels = graph.input("labels", "float32", labelsShape);
  const loss = crossEntropy(layers.ops, cellClassifier(layers, crops, network), labels);
  return {
    problem: {
      name: classifierProblemName,
      graph,
      parameterSets: [parameters],
      players: [{ parameters, loss, optimiser }],
      losses: { loss },
    },
    parameters,
    forward: (alone, over) => {
      cellClassifier(over, alone.input("crops", "uint8", cropsShape), network);
    },
    feeds: (data) => ({
      crops: { type: "uint8", shape: cropsShape, data: data.crops },
      labels: { type: "float32", shape: labelsShape, data: data.labels },
    }),
  };
};
