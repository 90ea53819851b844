import * as ort from "onnxruntime-node";
import { type Graph, serialise, type Value } from "../../../src/engine/onnx/index.js";

export interface Tensor {
  readonly dims: readonly number[];
  readonly data: Float32Array | Uint8Array;
}

export type Tensors = Readonly<Record<string, Tensor>>;

export interface OpenGraph extends AsyncDisposable {
  run(feeds: Tensors): Promise<Tensors>;
}

/** A session over the graph's outputs, on one thread of the CPU. */
export const openModel = async (model: Uint8Array): Promise<OpenGraph> => {
  const session = await ort.InferenceSession.create(model, {
    executionProviders: ["cpu"],
    intraOpNumThreads: 1,
    graphOptimizationLevel: "all",
  });
  return {
    run: async (feeds) => {
      const tensors = Object.fromEntries(
        session.inputNames.map((name) => {
          const { data, dims } = feeds[name]!;
          return [name, new ort.Tensor(data instanceof Uint8Array ? "uint8" : "float32", data, dims)];
        }),
      );
      const outputs = await session.run(tensors);
      return Object.fromEntries(
        Object.entries(outputs).map(([name, { data, dims }]) => [name, { data: data as Float32Array, dims }]),
      );
    },
    [Symbol.asyncDispose]: () => session.release(),
  };
};

export const openGraph = (graph: Graph): Promise<OpenGraph> => openModel(serialise(graph));

/** Runs a graph once, with the values given as its outputs. */
export const evaluate = async (
  graph: Graph,
  outputs: Readonly<Record<string, Value>>,
  feeds: Tensors,
): Promise<Tensors> => {
  for (const [name, value] of Object.entries(outputs)) graph.output(name, value);
  const opened = await openGraph(graph);
  try {
    return await opened.run(feeds);
  } finally {
    await opened[Symbol.asyncDispose]();
  }
};

export const tensor = (dims: readonly number[], data: ArrayLike<number>): Tensor => ({
  dims,
  data: Float32Array.from(data),
});

export const sizeOf = (dims: readonly number[]): number => dims.reduce((product, dim) => product * dim, 1);

/** Largest difference of two vectors against the second one's largest element (at least `floor`). */
export const relativeError = (found: ArrayLike<number>, expected: ArrayLike<number>, floor = 1e-3): number => {
  if (found.length !== expected.length) return Number.POSITIVE_INFINITY;
  let [difference, size] = [0, floor];
  for (let index = 0; index < expected.length; index += 1) {
    const gap = Math.abs(found[index]! - expected[index]!);
    difference = Number.isNaN(gap) ? Number.POSITIVE_INFINITY : Math.max(difference, gap);
    size = Math.max(size, Math.abs(expected[index]!));
  }
  return difference / size;
};
