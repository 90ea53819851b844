import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { batchNormalise, Graph, gradients, Operators, type Value } from "../../../src/engine/onnx/index.js";
import { evaluate, openGraph, relativeError, type Tensors, tensor } from "./runGraph.js";

const newGraph = () => {
  const graph = new Graph("autodiff");
  return { graph, ops: new Operators(graph) };
};

const total = (ops: Operators, x: Value): Value =>
  ops.reduceSum(
    x,
    x.shape.map((_, axis) => axis),
    false,
  );

const internal = (message: string) =>
  expect.objectContaining({ code: "INTERNAL", message: expect.stringContaining(message) });

/** A number and its derivatives by two variables: forward-mode differentiation in float64. */
type Dual = readonly [number, number, number];
const combine = (value: number, a: Dual, byA: number, b: Dual = [0, 0, 0], byB = 0): Dual => [
  value,
  byA * a[1] + byB * b[1],
  byA * a[2] + byB * b[2],
];

const operations: readonly {
  readonly build: (ops: Operators, a: Value, b: Value) => Value;
  readonly dual: (a: Dual, b: Dual) => Dual;
}[] = [
  { build: (ops, a, b) => ops.add(a, b), dual: (a, b) => combine(a[0] + b[0], a, 1, b, 1) },
  { build: (ops, a, b) => ops.sub(a, b), dual: (a, b) => combine(a[0] - b[0], a, 1, b, -1) },
  { build: (ops, a, b) => ops.mul(ops.tanh(a), b), dual: (a, b) => tanhTimes(a, b) },
  { build: (ops, a) => ops.sigmoid(a), dual: (a) => combine(sigmoid(a[0]), a, sigmoid(a[0]) * (1 - sigmoid(a[0]))) },
  { build: (ops, a) => ops.softplus(a), dual: (a) => combine(Math.log1p(Math.exp(a[0])), a, sigmoid(a[0])) },
  { build: (ops, a) => ops.scale(ops.neg(a), 0.5), dual: (a) => combine(-a[0] / 2, a, -0.5) },
];
const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));
const tanhTimes = (a: Dual, b: Dual): Dual => {
  const t = Math.tanh(a[0]);
  return combine(t * b[0], a, (1 - t * t) * b[0], b, t);
};

describe("reverse sweep", () => {
  it("agrees with forward-mode differentiation in float64 on any network of operations", async () => {
    const plan = fc.array(fc.tuple(fc.nat(operations.length - 1), fc.nat(), fc.nat()), { minLength: 1, maxLength: 12 });
    const start = fc.double({ min: -2, max: 2, noNaN: true });
    await fc.assert(
      fc.asyncProperty(plan, start, start, async (nodes, x, y) => {
        const { graph, ops } = newGraph();
        const inputs = [graph.input("x", "float32", []), graph.input("y", "float32", [])];
        const values = [...inputs];
        const duals: Dual[] = [
          [Math.fround(x), 1, 0],
          [Math.fround(y), 0, 1],
        ];
        for (const [kind, left, right] of nodes) {
          const [a, b] = [left % values.length, right % values.length];
          values.push(operations[kind]!.build(ops, values[a]!, values[b]!));
          duals.push(operations[kind]!.dual(duals[a]!, duals[b]!));
        }
        // Products keep both inputs in the loss.
        const loss = ops.add(values.at(-1)!, ops.mul(inputs[0]!, inputs[1]!));
        const last = duals.at(-1)!;
        const expected = [last[1] + duals[1]![0], last[2] + duals[0]![0]];
        const [dx, dy] = gradients(graph, loss, inputs);
        const found = await evaluate(graph, { dx: dx!, dy: dy! }, { x: tensor([], [x]), y: tensor([], [y]) });
        expect(relativeError([found.dx!.data[0]!, found.dy!.data[0]!], expected, 1)).toBeLessThan(1e-5);
      }),
      { numRuns: 60 },
    );
  });

  it("adds up the gradients of a value that is used several times", async () => {
    const { graph, ops } = newGraph();
    const x = graph.input("x", "float32", [3]);
    const y = ops.add(ops.add(ops.mul(x, x), ops.scale(x, 3)), ops.mul(ops.exp(x), x));
    const [dx] = gradients(graph, total(ops, y), [x]);
    const at = [-1, 0.5, 2];
    const found = await evaluate(graph, { dx: dx! }, { x: tensor([3], at) });
    const expected = at.map((value) => 2 * value + 3 + Math.exp(value) * (1 + value));
    expect(relativeError(found.dx!.data, expected)).toBeLessThan(1e-6);
  });

  it("gives gradients of values inside the graph, and 1 for the loss itself", async () => {
    const { graph, ops } = newGraph();
    const x = graph.input("x", "float32", [2]);
    const inner = ops.mul(x, x);
    const loss = ops.reduceMean(ops.mul(inner, inner), [0], false);
    const [dx, dInner, dLoss] = gradients(graph, loss, [x, inner, loss]);
    const found = await evaluate(
      graph,
      { dx: dx!, dInner: dInner!, dLoss: dLoss! },
      {
        x: tensor([2], [2, -3]),
      },
    );
    expect([...found.dInner!.data]).toEqual([4, 9]);
    expect([...found.dx!.data]).toEqual([16, -54]);
    expect([...found.dLoss!.data]).toEqual([1]);
  });

  it("puts the gradients of slices of one flat vector in their places, zeros where none is", async () => {
    const { graph, ops } = newGraph();
    const flat = graph.input("flat", "float32", [7]);
    const part = (start: number, end: number) => ops.slice(flat, [{ axis: 0, start, end }]);
    const [a, b] = [ops.reshape(part(0, 4), [2, 2]), part(3, 6)]; // element 3 lies in both, 6 in none
    const loss = ops.add(total(ops, ops.mul(a, a)), total(ops, ops.scale(b, 5)));
    const [gradient] = gradients(graph, loss, [flat]);
    const found = await evaluate(graph, { gradient: gradient! }, { flat: tensor([7], [1, 2, 3, 4, 5, 6, 7]) });
    expect([...found.gradient!.data]).toEqual([2, 4, 6, 13, 5, 5, 0]);
  });

  it("joins the gradients of a vector's slices with what comes by other ways, inside the graph too", async () => {
    const { graph, ops } = newGraph();
    const x = graph.input("x", "float32", [5]);
    const doubled = ops.scale(x, 2);
    const part = (start: number, end: number) => ops.slice(doubled, [{ axis: 0, start, end }]);
    const backwards = ops.slice(doubled, [{ axis: 0, start: 4, end: 2, step: -1 }]);
    const weights = graph.constant(Float32Array.of(10, 100), [2]);
    const parts = [ops.mul(part(1, 3), part(1, 3)), ops.mul(backwards, weights), ops.scale(part(2, 4), 3), doubled];
    const loss = parts.map((value) => total(ops, value)).reduce((sum, value) => ops.add(sum, value));
    const [gradient] = gradients(graph, loss, [x]);
    const found = await evaluate(graph, { gradient: gradient! }, { x: tensor([5], [1, 2, 3, 4, 5]) });
    // By doubled: 1; 2 * 4 + 1; 2 * 6 + 3 + 1; 100 + 3 + 1; 10 + 1.
    expect([...found.gradient!.data]).toEqual([2, 18, 32, 208, 22]);
  });

  it("takes a mean or a sum over everything, dropped axes included, as a loss", async () => {
    for (const axes of [
      [0, 1, 2],
      [-1, 0, 1],
    ]) {
      const { graph, ops } = newGraph();
      const x = graph.input("x", "float32", [1, 2, 3]);
      const loss = ops.add(ops.reduceMean(x, axes, false), ops.reduceSum(ops.mul(x, x), axes, false));
      const [dx] = gradients(graph, loss, [x]);
      const found = await evaluate(graph, { dx: dx! }, { x: tensor([1, 2, 3], [1, 2, 3, 4, 5, 6]) });
      expect(
        relativeError(
          found.dx!.data,
          [1, 2, 3, 4, 5, 6].map((value) => 2 * value + 1 / 6),
        ),
      ).toBeLessThan(1e-6);
    }
  });

  it("gives a maximum's gradient whole to each of several equal elements", async () => {
    const { graph, ops } = newGraph();
    const x = graph.input("x", "float32", [1, 1, 2, 4]);
    const pooled = ops.maxPool(x, { kernel: 2, stride: 2 });
    const [dx] = gradients(graph, total(ops, pooled), [x]);
    const found = await evaluate(graph, { dx: dx! }, { x: tensor([1, 1, 2, 4], [0, 0, 1, 2, 0, 0, 3, 3]) });
    expect([...found.dx!.data]).toEqual([1, 1, 0, 0, 1, 1, 1, 1]);
  });

  it("leaves the tied zeros of a rectifier without gradient", async () => {
    const { graph, ops } = newGraph();
    const x = graph.input("x", "float32", [1, 1, 2, 2]);
    const pooled = ops.maxPool(ops.relu(x), { kernel: 2, stride: 2 });
    const [dx] = gradients(graph, total(ops, pooled), [x]);
    const found = await evaluate(graph, { dx: dx! }, { x: tensor([1, 1, 2, 2], [-1, -2, 0, -3]) });
    expect([...found.dx!.data]).toEqual([0, 0, 0, 0]);
  });
});

describe("frozen parts", () => {
  it("add no nodes for the gradients of what is not wanted", () => {
    const build = (wanted: readonly number[]) => {
      const { graph, ops } = newGraph();
      const x = graph.input("x", "float32", [2, 3, 6, 6]);
      const first = graph.input("first", "float32", [4, 3, 3, 3]);
      const second = graph.input("second", "float32", [2, 4, 3, 3]);
      const y = ops.conv(ops.tanh(ops.conv(x, first)), second);
      const before = graph.nodes.length;
      gradients(
        graph,
        total(ops, ops.mul(y, y)),
        wanted.map((index) => [first, second][index]!),
      );
      return { operators: graph.nodes.slice(before).map((node) => node.opType), graph };
    };
    const last = build([1]).operators;
    expect(last.filter((operator) => operator === "FusedMatMul")).toHaveLength(1);
    expect(last).not.toContain("Conv"); // nothing is handed on below the last convolution
    const frozen = build([0]).operators;
    expect(frozen.filter((operator) => operator === "FusedMatMul")).toHaveLength(1);
    expect(frozen.filter((operator) => operator === "Conv")).toHaveLength(1);
  });

  it("hand the gradient on through a frozen normalisation", async () => {
    const run = async (wanted: readonly string[]): Promise<Tensors> => {
      const { graph, ops } = newGraph();
      const values: Record<string, Value> = {
        x: graph.input("x", "float32", [2, 2, 3, 3]),
        scale: graph.input("scale", "float32", [2]),
        bias: graph.input("bias", "float32", [2]),
      };
      const { output } = batchNormalise(ops, { x: values.x!, scale: values.scale!, bias: values.bias!, epsilon: 1e-3 });
      const found = gradients(
        graph,
        total(ops, ops.exp(output)),
        wanted.map((name) => values[name]!),
      );
      const data = Array.from({ length: 36 }, (_, index) => Math.sin(3 * index));
      return evaluate(graph, Object.fromEntries(found.map((value, index) => [`d${wanted[index]}`, value])), {
        x: tensor([2, 2, 3, 3], data),
        scale: tensor([2], [0.7, 1.3]),
        bias: tensor([2], [0.1, -0.2]),
      });
    };
    const all = await run(["x", "scale", "bias"]);
    for (const name of ["x", "scale", "bias"])
      expect((await run([name]))[`d${name}`]!.data).toEqual(all[`d${name}`]!.data);
  });
});

describe("several losses in one graph", () => {
  it("give each player the gradient that it has alone", async () => {
    const feeds = { x: tensor([3], [1, -2, 0.5]), a: tensor([3], [0.3, 0.6, 0.9]), b: tensor([3], [-1, 2, 1]) };
    const run = async (players: readonly ("a" | "b")[]) => {
      const { graph, ops } = newGraph();
      const x = graph.input("x", "float32", [3]);
      const [a, b] = [graph.input("a", "float32", [3]), graph.input("b", "float32", [3])];
      const shared = ops.mul(ops.tanh(ops.mul(x, a)), b);
      const losses = { a: total(ops, ops.mul(shared, shared)), b: total(ops, ops.sigmoid(shared)) };
      const outputs = Object.fromEntries(
        players.map((name) => [`d${name}`, gradients(graph, losses[name], [name === "a" ? a : b])[0]!]),
      );
      return evaluate(graph, outputs, feeds);
    };
    const [both, a, b] = [await run(["a", "b"]), await run(["a"]), await run(["b"])];
    expect(both.da!.data).toEqual(a.da!.data);
    expect(both.db!.data).toEqual(b.db!.data);
  });
});

describe("composites", () => {
  /** x^3 whose gradient is said to be `factor` times its own. */
  const cube = (ops: Operators, x: Value, factor: number, inner?: (x: Value) => Value): Value =>
    ops.graph.composite([x], () => {
      const square = ops.mul(x, x);
      const output = ops.mul(square, inner ? inner(x) : x);
      return { outputs: [output], gradient: ([dy]) => [dy && ops.scale(ops.mul(dy, square), 3 * factor)] };
    })[0]!;

  it("are differentiated as they say, one within another and one after another", async () => {
    const { graph, ops } = newGraph();
    const x = graph.input("x", "float32", []);
    const y = graph.input("y", "float32", []);
    // The inner composite's own gradient must not be asked for, those after it must.
    const nested = cube(ops, x, 10, (value) => cube(ops, value, 1000));
    const [dx, dy] = gradients(graph, ops.add(nested, cube(ops, y, 7)), [x, y]);
    const found = await evaluate(graph, { dx: dx!, dy: dy! }, { x: tensor([], [2]), y: tensor([], [3]) });
    expect([found.dx!.data[0], found.dy!.data[0]]).toEqual([120, 189]);
  });

  it("may add nothing", async () => {
    const { graph, ops } = newGraph();
    const x = graph.input("x", "float32", []);
    const [same] = graph.composite([x], () => ({ outputs: [x], gradient: ([dy]) => [dy] }));
    const [dx] = gradients(graph, ops.mul(same!, same!), [x]);
    expect((await evaluate(graph, { dx: dx! }, { x: tensor([], [4]) })).dx!.data[0]).toBe(8);
  });
});

describe("what cannot be differentiated", () => {
  it("is a loss that is no scalar, or none of float32", () => {
    const { graph, ops } = newGraph();
    const x = graph.input("x", "float32", [1]);
    expect(() => gradients(graph, ops.exp(x), [x])).toThrowError(internal("not a scalar"));
    const truth = ops.greater(ops.reshape(x, []), graph.scalar(0));
    expect(() => gradients(graph, truth, [x])).toThrowError(internal("not a scalar"));
  });

  it("is a loss that does not depend on what is wanted", () => {
    const { graph, ops } = newGraph();
    const [x, y] = [graph.input("x", "float32", [2]), graph.input("y", "float32", [2])];
    expect(() => gradients(graph, total(ops, x), [x, y])).toThrowError(internal("does not depend on y"));
    const steps = ops.cast(ops.greater(y, x), "float32");
    expect(() => gradients(graph, total(ops, steps), [y])).toThrowError(internal("does not depend on y"));
  });

  it("is an operator without a rule, on the way only", async () => {
    const { graph, ops } = newGraph();
    const x = graph.input("x", "float32", [2]);
    expect(() => gradients(graph, total(ops, ops.sign(x)), [x])).toThrowError(internal("Sign has no gradient rule"));
    const frozen = graph.input("frozen", "float32", [2]);
    const [dx] = gradients(graph, total(ops, ops.mul(x, ops.sign(frozen))), [x]);
    const found = await evaluate(graph, { dx: dx! }, { x: tensor([2], [1, 1]), frozen: tensor([2], [-4, 4]) });
    expect([...found.dx!.data]).toEqual([-1, 1]);
  });

  it("is a pooling whose windows do not tile the picture", () => {
    const pools: ((ops: Operators, x: Value) => Value)[] = [
      (ops, x) => ops.maxPool(x, { kernel: 3, stride: 2 }),
      (ops, x) => ops.maxPool(x, { kernel: 2, stride: 2, padding: 1 }),
      (ops, x) => ops.averagePool(x, { kernel: 4, stride: 4 }),
    ];
    for (const pool of pools) {
      const { graph, ops } = newGraph();
      const x = graph.input("x", "float32", [1, 1, 6, 6]);
      const loss = total(ops, pool(ops, x));
      expect(() => gradients(graph, loss, [x])).toThrowError(internal("tile"));
    }
  });

  it("is a loss of a normalisation's batch statistics", () => {
    const { graph, ops } = newGraph();
    const x = graph.input("x", "float32", [1, 2, 3, 3]);
    const [scale, bias] = [graph.input("scale", "float32", [2]), graph.input("bias", "float32", [2])];
    const { output, mean } = batchNormalise(ops, { x, scale, bias, epsilon: 1e-5 });
    const loss = ops.add(total(ops, mean), total(ops, output));
    expect(() => gradients(graph, loss, [x])).toThrowError(internal("batch statistics"));
  });
});

describe("a graph that is built upon for a while", () => {
  it("is afterwards as it was, also when the building fails", async () => {
    const { graph, ops } = newGraph();
    const x = graph.input("x", "float32", [2]);
    const y = ops.scale(x, 2);
    graph.output("y", y);
    const sizes = () => [graph.inputs, graph.outputs, graph.nodes, graph.composites].map((list) => list.length);
    const before = [...sizes(), graph.constants.size];
    const names = () =>
      graph.temporarily(() => {
        graph.input("z", "float32", []);
        ops.scale(y, 3);
        return [...graph.constants.keys(), ...graph.nodes.map((node) => node.outputs[0]!.name)];
      });
    expect(names()).toEqual(names());
    expect(() =>
      graph.temporarily(() => {
        names();
        graph.integers([1, 2]);
        throw new Error("broken off");
      }),
    ).toThrowError("broken off");
    expect([...sizes(), graph.constants.size]).toEqual(before);
    // What was shared for a while only is made anew.
    graph.output("z", ops.scale(y, 3));
    const opened = await openGraph(graph);
    expect([...(await opened.run({ x: tensor([2], [1, 2]) })).z!.data]).toEqual([6, 12]);
    await opened[Symbol.asyncDispose]();
  });
});
