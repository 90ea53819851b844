import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { createRandom } from "../../src/core/index.js";
import { type Feed, onnxruntimeEngine } from "../../src/engine/index.js";
import { Graph, readConstants, serialise } from "../../src/engine/onnx/index.js";
import {
  cellClassifier,
  cellClassifierInference,
  generator,
  generatorInference,
  type Layers,
  ParameterSet,
  stainNumbers,
  TrainingLayers,
  uNet,
  uNetInference,
  type Weights,
  weightsOf,
} from "../../src/networks/index.js";
import { type ManifestDraft, writeModel } from "../../src/registry/index.js";
import { warmStart } from "../../src/training/warmStart.js";
import { classifierDraft, detectorDraft, temporaryFolders } from "../registry/modelFixture.js";

const temporaryFolder = temporaryFolders();
const widths = [4, 6, 6, 8] as const;
const painterWidths = [4, 6, 6, 8, 8] as const;
const planes = 12;

interface Network {
  readonly forward: (graph: Graph, layers: Layers) => void;
  readonly inference: (weights: Weights) => Graph;
  readonly feeds: Readonly<Record<string, Feed>>;
  readonly draft: ManifestDraft;
}

const bytes = (shape: readonly number[], seed: number): Feed => {
  const random = createRandom(seed);
  const length = shape.reduce((product, dim) => product * dim, 1);
  return { type: "uint8", shape, data: Uint8Array.from({ length }, () => random.int(256)) };
};
const numbers = (shape: readonly number[], seed: number): Feed => {
  const random = createRandom(seed);
  const length = shape.reduce((product, dim) => product * dim, 1);
  return { type: "float32", shape, data: Float32Array.from({ length }, () => random.next()) };
};

const networks: Readonly<Record<string, Network>> = {
  "the detector": {
    forward: (graph, layers) => uNet(layers, graph.input("field", "uint8", [2, 32, 32, 4]), { widths }),
    inference: (weights) => uNetInference(weights, { widths }),
    feeds: { field: bytes([2, 32, 32, 4], 1), other: numbers([1], 2) },
    draft: detectorDraft(),
  },
  "the classifier": {
    forward: (graph, layers) => cellClassifier(layers, graph.input("crops", "uint8", [2, 96, 96, 3]), { widths }),
    inference: (weights) => cellClassifierInference(weights, { widths }),
    feeds: { crops: bytes([2, 96, 96, 3], 1) },
    draft: classifierDraft(),
  },
  // Its enlarging convolutions lie in the file as 2x2 kernels. A folder of a detector serves: only the file is read.
  "the painter": {
    forward: (graph, layers) => {
      const masks = graph.input("masks", "float32", [2, planes, 32, 32]);
      generator(
        layers,
        { masks, stain: graph.input("stain", "float32", [2, stainNumbers]) },
        { widths: painterWidths },
      );
    },
    inference: (weights) => generatorInference(weights, { maskPlanes: planes, noisePlanes: 0, widths: painterWidths }),
    feeds: { masks: numbers([2, planes, 32, 32], 1), stain: numbers([2, stainNumbers], 2) },
    draft: detectorDraft(),
  },
};

/** A network as after some training: nothing is 0 or 1. */
const trained = ({ forward }: Network) => {
  const graph = new Graph("training");
  const set = new ParameterSet(graph, "network");
  forward(graph, new TrainingLayers(graph, set));
  const random = createRandom(3);
  const fresh = set.initialise(random);
  const average = fresh.average.map((value) => value + 0.1 * random.normal());
  const statistics = fresh.statistics.map((value) => value + 0.3 * random.next());
  return { set, fresh, weights: weightsOf(set, { average, statistics }) };
};

describe.each(Object.entries(networks))("a start from the file of a model: %s", (_, network) => {
  it("gives the same network again, its statistics told by the data", async () => {
    const folder = await temporaryFolder();
    const { set, fresh, weights } = trained(network);
    const onnxBytes = serialise(network.inference(weights));
    await writeModel(join(folder, "model"), network.draft, { onnxBytes, card: "#\n" });
    const unfolding = {
      engine: onnxruntimeEngine({ intraOpThreads: 1 }),
      forward: network.forward,
      nextFeeds: () => network.feeds,
    };
    // The folder of a training holds its model in model/; both are understood.
    const start = await warmStart(folder, set, fresh, unfolding);
    expect(start.parameters).not.toEqual(fresh.parameters);
    expect(start.average).toEqual(start.parameters);
    const again = readConstants(serialise(network.inference(weightsOf(set, start))));
    readConstants(onnxBytes).forEach(({ name, data }, index) => {
      const there = again[index]!;
      expect(there.name).toBe(name);
      const size = Math.max(...data.map(Math.abs), 1e-3);
      for (const [at, value] of data.entries()) expect(Math.abs(there.data[at]! - value)).toBeLessThan(2e-4 * size);
    });
  });

  it("refuses the file of another network", async () => {
    const folder = await temporaryFolder();
    const { set, fresh } = trained(network);
    await writeModel(folder, network.draft, { onnxBytes: Uint8Array.from([0x3a, 0]), card: "#\n" });
    const engine = onnxruntimeEngine({ intraOpThreads: 1 });
    const unfolding = { engine, forward: network.forward, nextFeeds: () => network.feeds };
    await expect(warmStart(folder, set, fresh, unfolding)).rejects.toMatchObject({ code: "MODEL_INVALID" });
    await writeFile(join(folder, "manifest.json"), "{}");
    await expect(warmStart(folder, set, fresh, unfolding)).rejects.toMatchObject({ code: "CHECKPOINT_INVALID" });
  });
});
