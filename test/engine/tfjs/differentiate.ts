import type { Tensor } from "@tensorflow/tfjs-core";
import type { Graph, Value } from "../../../src/engine/onnx/index.js";
import { Constants } from "../../../src/engine/tfjs/constants.js";
import type { TensorFlow } from "../../../src/engine/tfjs/library.js";
import { programOf } from "../../../src/engine/tfjs/program.js";
import { Values } from "../../../src/engine/tfjs/values.js";
import type { Tensors } from "../onnx/runGraph.js";

export interface Differentiated {
  readonly result: Float32Array;
  /** Of the loss by the wanted inputs, in their order. */
  readonly gradients: readonly Float32Array[];
}

/** Runs a graph through the engine's interpreter and differentiates a scalar of it by some of the graph's inputs. */
export const differentiate = (
  tf: TensorFlow,
  request: {
    readonly graph: Graph;
    readonly loss: Value;
    readonly result: Value;
    readonly feeds: Tensors;
    readonly wanted: readonly string[];
  },
): Differentiated => {
  const { graph, loss, result, feeds, wanted } = request;
  const problem = { name: "case", graph, parameterSets: [], players: [], losses: { loss }, observations: { result } };
  const program = programOf(problem);
  const constants = new Constants(tf, program.constants);
  let found: Differentiated | undefined;
  tf.tidy(() => {
    const values = new Values(tf, constants);
    const tensors = wanted.map((name) => tf.tensor(feeds[name]!.data as Float32Array, [...feeds[name]!.dims]));
    const compute = (...inputs: Tensor[]): Tensor => {
      for (const { name } of program.feeds) {
        const place = wanted.indexOf(name);
        const { data, dims } = feeds[name]!;
        values.set(name, place < 0 ? tf.tensor(data as Float32Array, [...dims]) : inputs[place]!.clone());
      }
      values.run(program.instructions, new Set([loss.name, result.name]));
      return values.get(loss.name).plain();
    };
    const gradients = tf
      .grads(compute)(tensors)
      .map((gradient) => gradient.dataSync<"float32">().slice());
    found = { result: values.get(result.name).plain().dataSync<"float32">().slice(), gradients };
    values.dispose();
  });
  constants.dispose();
  return found!;
};
