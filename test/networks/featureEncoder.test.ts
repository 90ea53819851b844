import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { createRandom, modelsDirectory } from "../../src/core/index.js";
import { readConstants } from "../../src/engine/onnx/index.js";
import { encoderStatistics, encoderWeights, featureEncoder, type UNetOptions } from "../../src/networks/index.js";
import { findModel } from "../../src/registry/index.js";
import { openGraph } from "../engine/onnx/runGraph.js";

const one: UNetOptions = { widths: [1, 1, 1, 1] };

/** A network of one channel that hands on the red of the pixels in even rows and columns, and pools it. */
const handOn = (): Map<string, Float32Array> => {
  const weights = new Map<string, Float32Array>();
  for (let level = 0; level < 4; level++)
    for (const part of ["a", "b"]) {
      const inputs = level === 0 && part === "a" ? 16 : 1;
      const kernel = new Float32Array(9 * inputs);
      kernel[4] = 1;
      weights.set(`down${level}${part}.weight`, kernel).set(`down${level}${part}.bias`, new Float32Array(1));
    }
  return weights;
};

const meanOf = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
const deviationOf = (values: readonly number[]): number =>
  Math.sqrt(meanOf(values.map((value) => (value - meanOf(values)) ** 2)) + 1e-6);

describe("the encoder of features", () => {
  const side = 32;
  const random = createRandom(3);
  const pictures = Uint8Array.from({ length: 2 * side * side * 3 }, () => random.int(256));

  it("gives each level's mean and deviation", async () => {
    await using graph = await openGraph(featureEncoder(handOn(), undefined, one));
    const { features } = await graph.run({ pictures: { dims: [2, side, side, 3], data: pictures } });
    expect(features!.dims).toEqual([2, encoderStatistics(one)]);
    for (const sample of [0, 1]) {
      const red = (x: number, y: number): number => pictures[3 * (sample * side * side + y * side + x)]! / 255;
      let plane = Array.from({ length: 16 }, (_, y) => Array.from({ length: 16 }, (_, x) => red(2 * x, 2 * y)));
      for (let level = 0; level < 4; level++) {
        const flat = plane.flat();
        expect(features!.data[8 * sample + 2 * level]).toBeCloseTo(meanOf(flat), 5);
        expect(features!.data[8 * sample + 2 * level + 1]).toBeCloseTo(deviationOf(flat), 5);
        const half = plane.length / 2;
        const before = plane;
        plane = Array.from({ length: half }, (_, y) =>
          Array.from({ length: half }, (_, x) =>
            Math.max(...[0, 1].flatMap((row) => before[2 * y + row]!.slice(2 * x, 2 * x + 2))),
          ),
        );
      }
    }
  });

  it("projects what it measured", async () => {
    const length = encoderStatistics(one);
    const mean = Float32Array.from({ length }, (_, index) => index / 10);
    const matrix = Float32Array.from({ length: 2 * length }, (_, index) => Math.sin(index));
    await using plain = await openGraph(featureEncoder(handOn(), undefined, one));
    await using projected = await openGraph(featureEncoder(handOn(), { mean, matrix, features: 2 }, one));
    const feeds = { pictures: { dims: [2, side, side, 3], data: pictures } };
    const statistics = (await plain.run(feeds)).features!.data as Float32Array;
    const features = (await projected.run(feeds)).features!.data as Float32Array;
    for (const [sample, feature] of [0, 1].flatMap((a) => [0, 1].map((b) => [a, b] as const))) {
      const expected = Array.from(
        mean,
        (value, index) => (statistics[sample * length + index]! - value) * matrix[2 * index + feature]!,
      );
      expect(features[2 * sample + feature]).toBeCloseTo(
        expected.reduce((sum, value) => sum + value, 0),
        4,
      );
    }
  });

  it("takes its weights from a detector's file, and from no other", async () => {
    const read = async (name: string) =>
      readConstants(await readFile(join(await findModel(modelsDirectory(), name), "model.onnx")));
    const weights = encoderWeights(await read("unet"));
    expect(weights.size).toBe(16);
    expect(weights.get("down3b.weight")).toHaveLength(128 * 128 * 9);
    const classifier = await read("cells");
    expect(() => encoderWeights(classifier)).toThrowError(/no down0a.weight/);
  });
});
