import type { AttributeValue, Constant, ElementType, Graph, GraphNode, Value } from "./graph.js";
import { ProtobufWriter } from "./protobuf.js";

/** TensorProto.DataType of onnx.proto3. */
const dataTypes: Readonly<Record<ElementType, number>> = { float32: 1, uint8: 2, int8: 3, int32: 6, int64: 7, bool: 9 };

/** Opset of the standard operators; 17 is the first with LayerNormalization and understood by every onnxruntime since 1.12. */
export const opsetVersion = 17;
const irVersion = 8;

/** The graph as an ONNX ModelProto (onnx.proto3), ready for `InferenceSession.create` or a file. */
export const serialise = (graph: Graph, metadata: Readonly<Record<string, string>> = {}): Uint8Array<ArrayBuffer> => {
  const model = new ProtobufWriter();
  model.integer(1, irVersion);
  model.string(2, "cytostream");
  model.message(7, (body) => writeGraph(body, graph));
  const domains = new Set(["", ...graph.nodes.map((node) => node.domain)]);
  for (const domain of domains) {
    model.message(8, (opset) => opset.string(1, domain).integer(2, domain === "" ? opsetVersion : 1));
  }
  for (const [key, value] of Object.entries(metadata)) {
    model.message(14, (entry) => entry.string(1, key).string(2, value));
  }
  return model.finish();
};

const writeGraph = (writer: ProtobufWriter, graph: Graph): void => {
  // An output keeps its public name through an Identity, which onnxruntime removes again.
  for (const node of graph.nodes) writer.message(1, (inner) => writeNode(inner, node));
  for (const { name, value } of graph.outputs) {
    writer.message(1, (inner) => inner.string(1, value.name).string(2, name).string(4, "Identity"));
  }
  writer.string(2, graph.name);
  for (const constant of graph.constants.values()) writer.message(5, (inner) => writeConstant(inner, constant));
  for (const input of graph.inputs) writer.message(11, (inner) => writeValueInfo(inner, input.name, input));
  for (const { name, value } of graph.outputs) writer.message(12, (inner) => writeValueInfo(inner, name, value));
};

const writeNode = (writer: ProtobufWriter, node: GraphNode): void => {
  for (const input of node.inputs) writer.string(1, input?.name ?? "");
  for (const output of node.outputs) writer.string(2, output.name);
  writer.string(4, node.opType);
  for (const [name, value] of Object.entries(node.attributes)) {
    writer.message(5, (inner) => writeAttribute(inner, name, value));
  }
  if (node.domain !== "") writer.string(7, node.domain);
};

const writeAttribute = (writer: ProtobufWriter, name: string, value: AttributeValue): void => {
  writer.string(1, name);
  if (typeof value === "number") writer.integer(3, value).integer(20, 2);
  else if (typeof value === "string") writer.string(4, value).integer(20, 3);
  else if ("float" in value) writer.float(2, value.float).integer(20, 1);
  else {
    for (const item of value) writer.integer(8, item);
    writer.integer(20, 7);
  }
};

const writeConstant = (writer: ProtobufWriter, { value, data }: Constant): void => {
  for (const dim of value.shape) writer.integer(1, Number(dim));
  writer.integer(2, dataTypes[value.type]);
  writer.string(8, value.name);
  writer.bytes(9, new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
};

const writeValueInfo = (writer: ProtobufWriter, name: string, value: Value): void => {
  writer.string(1, name);
  writer.message(2, (type) =>
    type.message(1, (tensor) => {
      tensor.integer(1, dataTypes[value.type]);
      tensor.message(2, (shape) => {
        for (const dim of value.shape) {
          shape.message(1, (inner) => (typeof dim === "number" ? inner.integer(1, dim) : inner.string(2, dim)));
        }
      });
    }),
  );
};
