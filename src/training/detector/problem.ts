import { densityClasses } from "../../core/index.js";
import type { AdamOptions, Feed, TrainingProblem } from "../../engine/index.js";
import { Graph } from "../../engine/onnx/index.js";
import {
  densityStride,
  type Layers,
  ParameterSet,
  TrainingLayers,
  type UNetOptions,
  uNet,
} from "../../networks/index.js";
import type { FieldBatch } from "../datasets/index.js";
import { type DetectionLossOptions, detectionLoss } from "../losses/detection.js";

export interface DetectorProblemOptions {
  readonly batch: number;
  readonly canvasPx: number;
  readonly network: UNetOptions;
  readonly loss: DetectionLossOptions;
  readonly optimiser: AdamOptions;
}

export interface DetectorProblem {
  readonly problem: TrainingProblem;
  readonly parameters: ParameterSet;
  /** The graph's inputs from a batch. */
  readonly feeds: (batch: FieldBatch) => Readonly<Record<string, Feed>>;
  /** The network alone, over given layers. */
  readonly forward: (graph: Graph, layers: Layers) => void;
}

export const detectorProblemName = "detector";

/** One U-Net going down the detection loss. */
export const detectorProblem = (options: DetectorProblemOptions): DetectorProblem => {
  const { batch, canvasPx } = options;
  const graph = new Graph("cytostream-unet-training");
  const parameters = new ParameterSet(graph, "unet");
  const layers = new TrainingLayers(graph, parameters);
  const side = canvasPx / densityStride;
  const classes = densityClasses.length;
  const shapes = {
    field: [batch, canvasPx, canvasPx, 4],
    density: [batch, classes, side, side],
    extent: [batch, classes, 4, side, side],
    extentWeight: [batch, classes, side, side],
    valid: [batch, classes, side, side],
  } as const;
  const field = graph.input("field", "uint8", shapes.field);
  const target = (name: Exclude<keyof typeof shapes, "field">) => graph.input(name, "float32", shapes[name]);
  const targets = {
    density: target("density"),
    extent: target("extent"),
    extentWeight: target("extentWeight"),
    valid: target("valid"),
  };
  const loss = detectionLoss(layers.ops, uNet(layers, field, options.network), targets, options.loss);
  const problem: TrainingProblem = {
    name: detectorProblemName,
    graph,
    parameterSets: [parameters],
    players: [{ parameters, loss: loss.total, optimiser: options.optimiser }],
    losses: { loss: loss.total, density: loss.density, extent: loss.extent, overlap: loss.overlap },
  };
  const feeds = (data: FieldBatch): Record<string, Feed> =>
    Object.fromEntries(
      Object.entries(shapes).map(([name, shape]) => [
        name,
        {
          type: name === "field" ? ("uint8" as const) : ("float32" as const),
          shape,
          data: data[name as keyof FieldBatch],
        },
      ]),
    );
  const forward = (alone: Graph, over: Layers): void => {
    uNet(over, alone.input("field", "uint8", shapes.field), options.network);
  };
  return { problem, parameters, feeds, forward };
};
