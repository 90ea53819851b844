import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createRandom } from "../../../src/core/index.js";
import { Graph, Operators } from "../../../src/engine/onnx/index.js";
import { loadTensorFlow, type TensorFlow } from "../../../src/engine/tfjs/library.js";
import { programOf } from "../../../src/engine/tfjs/program.js";
import { TensorFlowSession } from "../../../src/engine/tfjs/session.js";
import { painterProblems } from "../../../src/training/painter/problem.js";
import { initialOf, trained } from "../../networks/smallNetworks.js";
import { requireTensorFlow } from "../../requirements.js";
import { settingsOf, toyBatch } from "../../training/painter/toyPainting.js";
import { plainAdam, regression, regressionFeeds } from "../regression.js";

const rates = { learningRate: 0.002, averageDecay: 0.7 };
const code = (name: string) => expect.objectContaining({ name: "CytoError", code: name });

describe.each([
  { title: "pure JavaScript", backend: "javascript", present: true },
  { title: "TensorFlow's library (needs npm run setup:tensorflow)", backend: "native", present: requireTensorFlow() },
] as const)("a session on $title", ({ backend, present }) => {
  describe.skipIf(!present)("its tensors", () => {
    let tf: TensorFlow;
    let before: number;
    beforeAll(async () => {
      tf = await loadTensorFlow(backend);
      before = tf.memory().numTensors;
    });
    afterAll(() => expect(tf.memory().numTensors).toBe(before));

    it("do not grow in number over steps of the U-Net, reading and writing, and go with it", () => {
      const { problem, feeds, parameters } = trained["the U-Net"]!;
      const session = new TensorFlowSession(tf, [programOf(problem)]);
      session.write({ [parameters.name]: initialOf(trained["the U-Net"]!) });
      const request = { problem: problem.name, feeds, ...rates };
      const loaded = tf.memory().numTensors;
      for (let step = 0; step < 3; step += 1) {
        session.step(request);
        session.write(session.read());
        expect(tf.memory().numTensors).toBe(loaded);
      }
      session.close();
      expect(tf.memory().numTensors).toBe(before);
    });

    it("do not grow in number over steps that fail", () => {
      const { problem, parameters } = regression("regression", plainAdam);
      const session = new TensorFlowSession(tf, [programOf(problem)]);
      session.write({ line: parameters.initialise(createRandom(2)) });
      const loaded = tf.memory().numTensors;
      const feeds = regressionFeeds(new Float32Array(12).fill(Number.NaN), new Float32Array(4));
      const step = (given: typeof feeds) => () => session.step({ problem: "regression", feeds: given, ...rates });
      expect(step(feeds)).toThrowError(code("TRAINING_DIVERGED"));
      expect(step({ x: feeds.x! })).toThrowError(code("INTERNAL"));
      expect(step({ ...feeds, z: feeds.x! })).toThrowError(code("INTERNAL"));
      expect(tf.memory().numTensors).toBe(loaded);
      session.close();
    });
  });
});

describe.skipIf(!requireTensorFlow())("a painter's tensors (needs npm run setup:tensorflow)", () => {
  it("do not grow in number over the moves of both players, and go with the session", async () => {
    const tf = await loadTensorFlow("native");
    const before = tf.memory().numTensors;
    const { problems, initialise, moves } = painterProblems(settingsOf("mcgan"));
    const random = createRandom(1);
    const session = new TensorFlowSession(tf, problems.map(programOf));
    session.write(initialise(random));
    const loaded = tf.memory().numTensors;
    for (const move of moves(toyBatch(random), random)) {
      session.step({ ...move, ...rates });
      expect(tf.memory().numTensors).toBe(loaded);
    }
    session.close();
    expect(tf.memory().numTensors).toBe(before);
  });
});

describe("a program", () => {
  it("needs operators that TensorFlow has, and a loss that depends on its player", async () => {
    const tf = await loadTensorFlow("javascript");
    const graph = new Graph("quantised");
    const ops = new Operators(graph);
    const x = graph.input("x", "float32", [4]);
    const zero = graph.constant(new Uint8Array(1), []);
    const loss = ops.dequantize(ops.quantize(x, graph.scalar(1), zero), graph.scalar(1), zero);
    const problem = { name: "quantised", graph, parameterSets: [], players: [], losses: {}, observations: { loss } };
    expect(() => new TensorFlowSession(tf, [programOf(problem)])).toThrowError(code("INTERNAL"));
    const astray = regression("astray", plainAdam).problem;
    const other = astray.graph.input("other", "float32", []);
    const player = { ...astray.players[0]!, loss: other };
    expect(() => programOf({ ...astray, players: [player] })).toThrowError(code("INTERNAL"));
  });

  it("takes a batch normalisation as one instruction, and parameters as leaves", () => {
    const program = programOf(trained["the U-Net"]!.problem);
    const operators = program.instructions.map(({ opType }) => opType);
    expect(operators.filter((name) => name === "BatchNormalisation")).toHaveLength(15);
    expect(operators).not.toContain("BatchNormalization");
    const { entries, length } = trained["the U-Net"]!.parameters;
    expect(program.sets[0]!.leaves).toHaveLength(entries.length);
    expect(program.sets[0]!.leaves.reduce((sum, leaf) => sum + leaf.length, 0)).toBe(length);
  });
});
