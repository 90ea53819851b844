import type { Graph, Value } from "../src/engine/onnx/index.js";

/** Multiply-adds of a graph's convolutions and matrix products, times two. */
export const flopOf = (graph: Graph): number =>
  graph.nodes.reduce((sum, node) => {
    const [output, weights] = [node.outputs[0], node.inputs[1]];
    if (!output || !weights) return sum;
    const size = (value: Value) => value.shape.reduce<number>((product, dim) => product * Number(dim), 1);
    if (node.opType === "Conv") return sum + (2 * size(output) * size(weights)) / Number(weights.shape[0]);
    if (node.opType === "ConvTranspose")
      return sum + (2 * size(node.inputs[0]!) * size(weights)) / Number(weights.shape[0]);
    if (node.opType === "MatMul") return sum + 2 * size(output) * Number(node.inputs[0]!.shape.at(-1));
    if (node.opType === "FusedMatMul") return sum + 2 * size(output) * Number(node.inputs[0]!.shape.at(-1));
    return sum;
  }, 0);
