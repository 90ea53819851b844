import type { TrainingEngine } from "../../engine/index.js";
import { Graph, serialise } from "../../engine/onnx/index.js";
import {
  type ActivationRange,
  ObservingLayers,
  type UNetOptions,
  uNet,
  uNetQuantised,
  type Weights,
} from "../../networks/index.js";
import type { FieldSampler } from "../datasets/index.js";

export interface QuantisationRequest {
  readonly engine: TrainingEngine;
  readonly weights: Weights;
  readonly network: UNetOptions;
  /** Where the calibration fields come from: training fields, varied as in training. */
  readonly sampler: FieldSampler;
}

const calibrationBatches = 12;
const problemName = "ranges";
const low = "low:";
const high = "high:";

/**
 * The detector in 8 bits. Each activation's range is the mean over calibration batches of the batch's extremes, which
 * lets a lone outlier saturate rather than coarsen every other value.
 */
export const quantiseDetector = async (request: QuantisationRequest): Promise<Uint8Array> =>
  serialise(uNetQuantised(request.weights, await calibrateRanges(request), request.network));

const calibrateRanges = async ({
  engine,
  weights,
  network,
  sampler,
}: QuantisationRequest): Promise<ReadonlyMap<string, ActivationRange>> => {
  const graph = new Graph("cytostream-unet-ranges");
  const shape = [sampler.batch, sampler.canvasPx, sampler.canvasPx, 4] as const;
  const layers = new ObservingLayers(graph, weights);
  uNet(layers, graph.input("field", "uint8", shape), network);
  const observations = Object.fromEntries(
    [...layers.observed].flatMap(([name, value]) => {
      const range = layers.ops.range(value);
      return [
        [low + name, range.low],
        [high + name, range.high],
      ];
    }),
  );
  const problem = { name: problemName, graph, parameterSets: [], players: [], losses: {}, observations };
  await using run = await engine.load([problem], {});
  const sums = new Map<string, number>();
  for (let batch = 0; batch < calibrationBatches; batch += 1) {
    const feeds = { field: { type: "uint8" as const, shape, data: sampler.next().field } };
    const result = await run.step({ problem: problemName, feeds, learningRate: 0, averageDecay: 0 });
    for (const [name, data] of Object.entries(result.observations)) sums.set(name, (sums.get(name) ?? 0) + data[0]!);
  }
  const mean = (name: string) => sums.get(name)! / calibrationBatches;
  return new Map([...layers.observed.keys()].map((name) => [name, { low: mean(low + name), high: mean(high + name) }]));
};
