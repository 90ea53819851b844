import { describe, expect, it } from "vitest";
import { Graph, Operators, staticShape } from "../../../src/engine/onnx/index.js";
import { evaluate, tensor } from "./runGraph.js";

const newGraph = () => {
  const graph = new Graph("operators");
  return { graph, ops: new Operators(graph) };
};
const internal = expect.objectContaining({ code: "INTERNAL" });

describe("shapes", () => {
  it("keep the names of dimensions that are not known yet", () => {
    const { graph, ops } = newGraph();
    const x = graph.input("x", "float32", [1, 3, "height", "width"]);
    const weights = graph.input("weights", "float32", [8, 3, 3, 3]);
    expect(ops.conv(x, weights).shape).toEqual([1, 8, "height", "width"]);
    expect(ops.maxPool(x, { kernel: 2, stride: 2 }).shape).toEqual([1, 3, "height/2", "width/2"]);
    expect(ops.upsample(x, 2).shape).toEqual([1, 3, "height*2", "width*2"]);
    expect(ops.spaceToDepth(x, 2).shape).toEqual([1, 12, "height/2", "width/2"]);
    expect(ops.depthToSpace(ops.spaceToDepth(x, 2), 2).shape).toEqual([1, 3, "height/2*2", "width/2*2"]);
    expect(ops.transpose(x, [0, 2, 3, 1]).shape).toEqual([1, "height", "width", 3]);
    expect(ops.add(x, graph.scalar(1)).shape).toEqual([1, 3, "height", "width"]);
    expect(ops.reduceMean(x, [2, 3], false).shape).toEqual([1, 3]);
    expect(() => staticShape(x)).toThrowError(internal);
  });

  it("computes the rest of a reshaping", () => {
    const { graph, ops } = newGraph();
    const x = graph.input("x", "float32", [2, 3, 4]);
    expect(ops.reshape(x, [0, -1]).shape).toEqual([2, 12]);
    expect(ops.reshape(x, [-1]).shape).toEqual([24]);
    expect(ops.reshape(graph.input("n", "float32", ["n", 4]), [0, 2, 2]).shape).toEqual(["n", 2, 2]);
  });

  it("count an axis from the back", () => {
    const { graph, ops } = newGraph();
    const x = graph.input("x", "float32", [2, 3]);
    expect(ops.concat([x, x], -1).shape).toEqual([2, 6]);
    expect(ops.concat([x, x], -2).shape).toEqual([4, 3]);
    expect(ops.reduceSum(x, [-1]).shape).toEqual([2, 1]);
  });
});

describe("reduction over no axes", () => {
  it("is the value itself: ONNX would take all axes", () => {
    const { graph, ops } = newGraph();
    const x = graph.input("x", "float32", [2, 3]);
    expect(ops.reduceSum(x, [])).toBe(x);
    expect(ops.reduceMean(x, [], false)).toBe(x);
  });
});

describe("slices", () => {
  it("walk forwards and backwards", async () => {
    const { graph, ops } = newGraph();
    const x = graph.input("x", "float32", [6]);
    const outputs = {
      middle: ops.slice(x, [{ axis: 0, start: 1, end: 4 }]),
      second: ops.slice(x, [{ axis: 0, start: 0, end: 6, step: 2 }]),
      backwards: ops.slice(x, [{ axis: 0, start: 5, end: -1, step: -1 }]),
      back: ops.slice(x, [{ axis: 0, start: 4, end: 0, step: -3 }]),
    };
    const found = await evaluate(graph, outputs, { x: tensor([6], [0, 1, 2, 3, 4, 5]) });
    expect([...found.middle!.data]).toEqual([1, 2, 3]);
    expect([...found.second!.data]).toEqual([0, 2, 4]);
    expect([...found.backwards!.data]).toEqual([5, 4, 3, 2, 1, 0]);
    expect([...found.back!.data]).toEqual([4, 1]);
  });

  it.each([
    { axis: 0, start: -1, end: 2 },
    { axis: 0, start: 0, end: 7 },
    { axis: 0, start: 3, end: 3 },
    { axis: 0, start: 4, end: -1 },
    { axis: 0, start: 0, end: 3, step: 0 },
    { axis: 0, start: 6, end: 0, step: -1 },
    { axis: 0, start: 3, end: -2, step: -1 },
    { axis: 1, start: 0, end: 1 },
  ])("refuse a range outside the axis: %o", (range) => {
    const { graph, ops } = newGraph();
    expect(() => ops.slice(graph.input("x", "float32", [6]), [range])).toThrowError(internal);
  });
});

describe("a graph", () => {
  it("refuses what does not fit", () => {
    const { graph, ops } = newGraph();
    const x = graph.input("x", "float32", [2, 3]);
    expect(() => graph.input("x", "float32", [])).toThrowError(internal);
    graph.output("out", x);
    expect(() => graph.output("out", x)).toThrowError(internal);
    expect(() => graph.output("x", x)).toThrowError(internal);
    expect(() => graph.constant(new Float32Array(5), [2, 3])).toThrowError(internal);
    expect(() => ops.add(x, graph.input("y", "float32", [2, 2]))).toThrowError(internal);
    expect(() => ops.matMul(x, x)).toThrowError(internal);
    expect(() => ops.matMul(graph.input("v", "float32", [2]), x)).toThrowError(internal);
    expect(() => ops.conv(x, x)).toThrowError(internal);
    expect(() => ops.concat([], 0)).toThrowError(internal);
  });

  it("shares scalars and lists of integers", () => {
    const { graph } = newGraph();
    expect(graph.scalar(0.1)).toBe(graph.scalar(0.1));
    expect(graph.integers([1, 2])).toBe(graph.integers([1, 2]));
    expect(graph.integers([12])).not.toBe(graph.integers([1, 2]));
    expect(graph.constants.size).toBe(3);
  });
});
