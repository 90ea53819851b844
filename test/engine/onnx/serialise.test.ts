import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { createRandom } from "../../../src/core/index.js";
import { Graph, Operators, opsetVersion, serialise } from "../../../src/engine/onnx/index.js";
import {
  cellClassifier,
  cellClassifierInference,
  InferenceLayers,
  ParameterSet,
  TrainingLayers,
  uNet,
  uNetInference,
  type Weights,
  weightsOf,
} from "../../../src/networks/index.js";
import { python, requirePython } from "../../requirements.js";
import { bytesOf, integersOf, readFields, stringsOf } from "./protobufReader.js";

const hasOnnx = requirePython("onnx");
const widths = [4, 6, 8, 8] as const;

const freshWeights = (declare: (layers: TrainingLayers) => void): Weights => {
  const graph = new Graph("weights");
  const parameters = new ParameterSet(graph, "network");
  declare(new TrainingLayers(graph, parameters));
  return weightsOf(parameters, parameters.initialise(createRandom(1)));
};
const uNetWeights = freshWeights((layers) => {
  uNet(layers, layers.ops.graph.input("field", "uint8", [1, 32, 32, 4]), { widths });
});
const classifierWeights = freshWeights((layers) => {
  cellClassifier(layers, layers.ops.graph.input("crops", "uint8", [1, 96, 96, 3]), { widths });
});

/** The networks with every dimension known. */
const fixedUNet = (): Graph => {
  const graph = new Graph("fixed");
  const field = graph.input("field", "uint8", [1, 48, 32, 4]);
  const { logits, extent } = uNet(new InferenceLayers(graph, uNetWeights), field, { widths });
  graph.output("logits", logits);
  graph.output("extent", extent);
  return graph;
};
const fixedClassifier = (): Graph => {
  const graph = new Graph("fixed");
  const crops = graph.input("crops", "uint8", [3, 96, 96, 3]);
  graph.output("logits", cellClassifier(new InferenceLayers(graph, classifierWeights), crops, { widths }));
  return graph;
};

describe("serialise", () => {
  it("writes a ModelProto whose parts an independent reader finds", () => {
    const graph = new Graph("sum");
    const ops = new Operators(graph);
    const x = graph.input("x", "float32", [2, "n"]);
    graph.output("y", ops.leakyRelu(ops.add(x, graph.scalar(-1.5)), 0.25));
    const model = readFields(serialise(graph, { author: "Zähler", empty: "" }));
    expect(integersOf(model, 1)).toEqual([8n]);
    expect(stringsOf(model, 2)).toEqual(["cytostream"]);
    const opsets = bytesOf(model, 8).map((bytes) => readFields(bytes));
    expect(opsets.map((fields) => [stringsOf(fields, 1)[0], integersOf(fields, 2)[0]])).toEqual([
      ["", BigInt(opsetVersion)],
    ]);
    const metadata = bytesOf(model, 14).map((bytes) => readFields(bytes));
    expect(metadata.map((fields) => [...stringsOf(fields, 1), ...stringsOf(fields, 2)])).toEqual([
      ["author", "Zähler"],
      ["empty", ""],
    ]);
    const body = readFields(bytesOf(model, 7)[0]!);
    const nodes = bytesOf(body, 1).map((bytes) => readFields(bytes));
    expect(nodes.map((fields) => stringsOf(fields, 4)[0])).toEqual(["Add", "LeakyRelu", "Identity"]);
    expect(stringsOf(nodes[2]!, 2)).toEqual(["y"]);
    const alpha = readFields(bytesOf(nodes[1]!, 5)[0]!);
    expect(alpha.find((field) => field.number === 2)).toEqual({ number: 2, wire: 5, value: 0.25 });
    const constant = readFields(bytesOf(body, 5)[0]!);
    expect(integersOf(constant, 2)).toEqual([1n]);
    expect([...new Float32Array(bytesOf(constant, 9)[0]!.slice().buffer)]).toEqual([-1.5]);
  });

  it("names onnxruntime's own operators' domain where one is used, and only there", () => {
    const graph = new Graph("fused");
    const ops = new Operators(graph);
    const x = graph.input("x", "float32", [2, 3]);
    graph.output("y", ops.matMulTransposed(x, x));
    const opsets = bytesOf(readFields(serialise(graph)), 8).map((bytes) => stringsOf(readFields(bytes), 1)[0]);
    expect(opsets).toEqual(["", "com.microsoft"]);
  });

  it("leaves out what an operator is not given", () => {
    const graph = new Graph("resize");
    const x = graph.input("x", "float32", [1, 1, 2, 2]);
    graph.output("y", new Operators(graph).upsample(x, 2));
    const body = readFields(bytesOf(readFields(serialise(graph)), 7)[0]!);
    expect(stringsOf(readFields(bytesOf(body, 1)[0]!), 1)).toEqual(["x", "", expect.any(String)]);
  });

  it("writes constants that lie somewhere within a buffer, and negative integers", () => {
    const graph = new Graph("constants");
    graph.constant(Float32Array.of(9, 1, 2, 9).subarray(1, 3), [2]);
    graph.integers([-1, 2 ** 40]);
    const body = readFields(bytesOf(readFields(serialise(graph)), 7)[0]!);
    const [floats, integers] = bytesOf(body, 5).map((bytes) => bytesOf(readFields(bytes), 9)[0]!.slice().buffer);
    expect([...new Float32Array(floats!)]).toEqual([1, 2]);
    expect([...new BigInt64Array(integers!)]).toEqual([-1n, 2n ** 40n]);
  });
});

interface Inspected {
  readonly opset: Readonly<Record<string, number>>;
  readonly metadata: Readonly<Record<string, string>>;
  readonly shapes: Readonly<Record<string, readonly (number | string | null)[]>>;
  readonly types: Readonly<Record<string, number>>;
}

describe.skipIf(!hasOnnx)("the inference models, by Python's onnx (needs Python's onnx)", () => {
  const folder = mkdtempSync(join(tmpdir(), "cytostream-onnx-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it("pass the full check, and their inferred shapes are ours", () => {
    const graphs: Readonly<Record<string, Graph>> = {
      uNet: uNetInference(uNetWeights, { widths }),
      classifier: cellClassifierInference(classifierWeights, { widths }),
      fixedUNet: fixedUNet(),
      fixedClassifier: fixedClassifier(),
    };
    const paths = Object.entries(graphs).map(([name, graph]) => {
      const path = join(folder, `${name}.onnx`);
      writeFileSync(path, serialise(graph, { kind: name }));
      return path;
    });
    const script = fileURLToPath(new URL("./inspectModel.py", import.meta.url));
    const checked = spawnSync(python, [script, ...paths], { encoding: "utf8", maxBuffer: 1 << 26 });
    expect(checked.stderr).toBe("");
    const inspected = JSON.parse(checked.stdout) as Record<string, Inspected>;
    for (const [index, [name, graph]] of Object.entries(graphs).entries()) {
      const { opset, metadata, shapes, types } = inspected[paths[index]!]!;
      expect(opset).toEqual({ "": 17 });
      expect(metadata).toEqual({ kind: name });
      const ours = graph.nodes.flatMap((node) => node.outputs);
      expect(ours.length).toBeGreaterThan(20);
      for (const { name: value, shape, type } of ours) {
        expect(types[value], value).toBe({ float32: 1, uint8: 2, int8: 3, int32: 6, int64: 7, bool: 9 }[type]);
        const theirs = shapes[value]!;
        expect(theirs, value).toHaveLength(shape.length);
        // Where a dimension is only known by name, each side has its own name for it.
        const comparable = theirs.map((dim, axis) => (typeof shape[axis] === "number" ? dim : shape[axis]));
        expect(comparable, value).toEqual(shape);
      }
      if (name.startsWith("fixed")) expect(ours.every(({ shape }) => shape.every(Number.isInteger))).toBe(true);
    }
  });
});
