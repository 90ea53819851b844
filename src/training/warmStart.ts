import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { CytoError } from "../core/index.js";
import type { Feed, ParameterSetDefinition, ParameterState, TrainingEngine } from "../engine/index.js";
import { Graph, readConstants } from "../engine/onnx/index.js";
import { foldedTensors, type Layers, UnfoldingLayers, type Weights } from "../networks/index.js";
import { readManifest } from "../registry/index.js";
import { checkpointPath, readCheckpoint } from "./trainer/index.js";

/** What it takes to start from a model's file, in which normalisations are folded into the weights. */
export interface Unfolding {
  readonly engine: TrainingEngine;
  /** Declares the network over given layers, and its inputs by the names of the feeds. */
  readonly forward: (graph: Graph, layers: Layers) => void;
  /** Inputs of the next batch of the training to come; more than are asked for do no harm. */
  readonly nextFeeds: () => Readonly<Record<string, Feed>>;
}

const unfoldingBatches = 12;
const problemName = "unfolding";

const flatOf = (set: ParameterSetDefinition, fresh: ParameterState, weights: Weights, directory: string) => {
  const tensorOf = (name: string, length: number): Float32Array => {
    const tensor = weights.get(name);
    if (tensor?.length !== length)
      throw new CytoError("MODEL_INVALID", `${directory} has no tensor ${name} of ${length} numbers`);
    return tensor;
  };
  const parameters = new Float32Array(set.length);
  for (const { name, offset, length } of set.entries) parameters.set(tensorOf(name, length), offset);
  const statistics = new Float32Array(set.statisticsLength);
  let offset = 0;
  for (const { name, value } of set.statistics) {
    const length = Number(value.shape[0]);
    statistics.set(tensorOf(name, length), offset);
    offset += length;
  }
  return { ...fresh, parameters, average: parameters.slice(), statistics };
};

/** The weights of a model folder as training has them: batches of the data tell what its normalisations did. */
const startOfModel = async (
  directory: string,
  file: string,
  { engine, forward, nextFeeds }: Unfolding,
): Promise<Weights> => {
  const tensors = foldedTensors(readConstants(await readFile(join(directory, file))));
  const graph = new Graph("cytostream-unfolding");
  const layers = new UnfoldingLayers(graph, tensors);
  forward(graph, layers);
  const observations = Object.fromEntries(layers.observed);
  const problem = { name: problemName, graph, parameterSets: [], players: [], losses: {}, observations };
  const asked = new Set(graph.inputs.map(({ name }) => name));
  const sums = new Map<string, Float32Array>();
  await using run = await engine.load([problem], {});
  for (let batch = 0; batch < unfoldingBatches; batch += 1) {
    const feeds = Object.fromEntries(Object.entries(nextFeeds()).filter(([name]) => asked.has(name)));
    const result = await run.step({ problem: problemName, feeds, learningRate: 0, averageDecay: 0 });
    for (const [name, data] of Object.entries(result.observations)) {
      const sum = sums.get(name) ?? new Float32Array(data.length);
      data.forEach((value, index) => {
        sum[index] = sum[index]! + value / unfoldingBatches;
      });
      sums.set(name, sum);
    }
  }
  return layers.weights(sums);
};

const modelIn = async (directory: string) => {
  for (const folder of [directory, join(directory, "model")]) {
    const manifest = await readManifest(folder).catch(() => undefined);
    if (manifest) return { folder, manifest };
  }
  return undefined;
};

/**
 * Start values from another training's folder, or from a model's: averaged weights and statistics, with the optimiser's memory
 * empty. A model's file holds no statistics; they are measured on batches of the training to come, and a training goes on from
 * a model nearly as from the checkpoint that it was made of.
 * @throws CytoError CHECKPOINT_INVALID, MODEL_INVALID where there is neither, or it is of another network
 */
export const warmStart = async (
  directory: string,
  set: ParameterSetDefinition,
  fresh: ParameterState,
  unfolding?: Unfolding,
): Promise<ParameterState> => {
  const checkpoint = await readCheckpoint(checkpointPath(directory));
  const model = checkpoint || !unfolding ? undefined : await modelIn(directory);
  if (model && unfolding) {
    const weights = await startOfModel(model.folder, model.manifest.file, unfolding);
    return flatOf(set, fresh, weights, model.folder);
  }
  const state = checkpoint?.states[set.name];
  if (state?.average.length !== set.length || state.statistics.length !== fresh.statistics.length) {
    throw new CytoError("CHECKPOINT_INVALID", `${directory} holds no checkpoint of the network ${set.name}`);
  }
  return {
    ...fresh,
    parameters: state.average.slice(),
    average: state.average.slice(),
    statistics: state.statistics.slice(),
  };
};

/** The command that trained what a training started from, for its card; undefined where that is not known. */
export const commandBefore = async (from: string | undefined): Promise<string | undefined> => {
  if (from === undefined) return undefined;
  return (await modelIn(from))?.manifest.training.command;
};
