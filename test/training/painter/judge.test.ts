import { readFile } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { createRandom, modelsDirectory } from "../../../src/core/index.js";
import { Graph, readConstants, serialise } from "../../../src/engine/onnx/index.js";
import { cellClassifier, InferenceLayers } from "../../../src/networks/index.js";
import { findModel } from "../../../src/registry/index.js";
import { loadJudge } from "../../../src/training/painter/judge.js";
import { openModel, relativeError } from "../../engine/onnx/runGraph.js";

let shipped: Buffer;
beforeAll(async () => {
  shipped = await readFile(join(await findModel(modelsDirectory(), "cells"), "model.onnx"));
});

describe("the judge", () => {
  it("names crops as the shipped classifier does", async () => {
    const judge = await loadJudge();
    expect(judge).toMatchObject({ name: "cells", sha256: expect.stringMatching(/^[0-9a-f]{64}$/) });
    const graph = new Graph("judge");
    const random = createRandom(3);
    const crops = graph.input("crops", "uint8", [2, 96, 96, 3]);
    graph.output("logits", cellClassifier(new InferenceLayers(graph, judge.weights), crops, judge.network));
    const data = Uint8Array.from({ length: 2 * 96 * 96 * 3 }, () => random.int(256));
    const feeds = { crops: { dims: [2, 96, 96, 3], data } };
    await using own = await openModel(serialise(graph));
    await using original = await openModel(shipped);
    const [found, expected] = [await own.run(feeds), await original.run(feeds)];
    expect(relativeError(found.logits!.data, expected.logits!.data)).toBeLessThan(1e-4);
  });

  it("is looked for in a model's or a training's folder", async () => {
    const folder = await findModel(modelsDirectory(), "cells");
    expect((await loadJudge(folder)).sha256).toBe((await loadJudge()).sha256);
    const invalid = expect.objectContaining({ code: "MODEL_INVALID" });
    await expect(loadJudge(await findModel(modelsDirectory(), "unet"))).rejects.toEqual(invalid);
    await expect(loadJudge(join(folder, "nowhere"))).rejects.toEqual(
      expect.objectContaining({ code: "MODEL_NOT_FOUND" }),
    );
  });
});

describe("the constants of an ONNX file", () => {
  it("are those of the graph that it was made of", () => {
    const graph = new Graph("constants");
    graph.constant(Float32Array.of(1, -2.5, 3e-9, 4, 5, 6), [2, 3], "weights");
    graph.constant(Uint8Array.of(1, 2), [2], "bytes");
    graph.scalar(7);
    const found = readConstants(serialise(graph));
    expect(found.map(({ shape, data }) => [shape, [...data]])).toEqual([
      [
        [2, 3],
        [1, -2.5, Math.fround(3e-9), 4, 5, 6],
      ],
      [[], [7]],
    ]);
    expect(found[0]!.name).toMatch(/^weights/);
  });

  it("are read or refused, whatever the bytes", () => {
    const graph = new Graph("constants");
    graph.constant(
      Float32Array.from({ length: 40 }, (_, at) => at),
      [4, 10],
      "weights",
    );
    const bytes = serialise(graph);
    const damage = fc.oneof(
      fc.nat(bytes.length - 1).map((length) => bytes.subarray(0, length)),
      fc
        .tuple(fc.nat(bytes.length - 1), fc.nat(7))
        .map(([at, bit]) => bytes.map((byte, index) => (index === at ? byte ^ (1 << bit) : byte))),
      fc.uint8Array({ maxLength: 100 }),
    );
    fc.assert(
      fc.property(damage, (damaged) => {
        try {
          for (const { shape, data } of readConstants(damaged))
            expect(data).toHaveLength(shape.reduce((product, dim) => product * dim, 1));
        } catch (error) {
          expect(error).toMatchObject({ code: "MODEL_INVALID" });
        }
      }),
      { numRuns: 500 },
    );
  });
});
