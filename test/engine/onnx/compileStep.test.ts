import { describe, expect, it } from "vitest";
import { compileStep } from "../../../src/engine/onnx/compileStep.js";
import { plainAdam, regression } from "../regression.js";

describe("compileStep", () => {
  it("leaves the problem's graph as it was, so that it can be compiled again to the same bytes", () => {
    const { problem } = regression("twice", { ...plainAdam, weightDecay: 0.1, clipNorm: 0.25 });
    const sizes = () => [problem.graph.nodes, problem.graph.inputs, problem.graph.outputs].map((list) => list.length);
    const before = [...sizes(), problem.graph.constants.size];
    const first = compileStep(problem);
    expect([...sizes(), problem.graph.constants.size]).toEqual(before);
    expect(Buffer.compare(first, compileStep(problem))).toBe(0);
  });

  it("needs a loss that depends on its player", () => {
    const { problem } = regression("astray", plainAdam);
    const other = problem.graph.input("other", "float32", []);
    const player = { ...problem.players[0]!, loss: other };
    expect(() => compileStep({ ...problem, players: [player] })).toThrowError(
      expect.objectContaining({ code: "INTERNAL" }),
    );
  });
});
