import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { createRandom, modelsDirectory } from "../../src/core/index.js";
import { type ElementType, Graph, Operators, serialise, type Value } from "../../src/engine/onnx/index.js";
import type { Picture } from "../../src/pictures/index.js";
import {
  findModel,
  loadFeaturesModel,
  openFeatureFile,
  openFeaturesModel,
  verifyModel,
} from "../../src/registry/index.js";
import { makeFeatures, openFeatures, PatchFeatures, patchesOf, tilesOf } from "../../src/training/features/index.js";
import { frechetDistance } from "../../src/training/metrics/index.js";
import { temporaryFolders } from "../registry/modelFixture.js";
import { writeToyLaboratory } from "./reproduction/toyLaboratory.js";

const temporaryFolder = temporaryFolders();

const picture = (side: number, seed: number, level = 128): Picture => {
  const random = createRandom(seed);
  const pixels = Uint8Array.from({ length: 3 * side * side }, () => level + 20 * random.normal());
  return { width: side, height: side, pixels };
};

/** A network whose features are the mean of each channel. */
const meanColour = (
  type: ElementType,
  shape: readonly (number | string)[],
  build?: (ops: Operators, x: Value) => Value,
) => {
  const graph = new Graph("mean-colour");
  const ops = new Operators(graph);
  const input = graph.input("input", type, shape);
  const planar = shape[1] === 3 ? ops.cast(input, "float32") : ops.transpose(ops.cast(input, "float32"), [0, 3, 1, 2]);
  graph.output("out", build ? build(ops, planar) : ops.reduceMean(planar, [2, 3], false));
  return serialise(graph);
};

const written = async (bytes: Uint8Array): Promise<string> => {
  const path = join(await temporaryFolder(), "own.onnx");
  await writeFile(path, bytes);
  return path;
};

describe("a network of features of one's own", () => {
  it.each([
    ["bytes, channels last", "uint8", ["n", "h", "w", 3], 128],
    ["bytes, channels first", "uint8", ["n", 3, "h", "w"], 128],
    ["floats, channels first, one size, one at a time", "float32", [1, 3, 64, 64], 128 / 255],
  ] as const)("takes pictures as %s", async (_name, type, shape, level) => {
    await using network = await openFeatureFile(await written(meanColour(type, shape)));
    expect(network.dimensions).toBe(3);
    const flat = { width: 64, height: 64, pixels: new Uint8Array(3 * 64 * 64).fill(128) };
    flat.pixels.forEach((_, at) => {
      if (at % 3 === 2) flat.pixels[at] = 0;
    });
    const [first, second] = await network.extract([flat, flat]);
    expect(first).toEqual(second);
    expect(first![0]).toBeCloseTo(level, 4);
    expect(first![2]).toBe(0);
  });

  it("may give maps of one pixel; patches are brought to the size that it takes", async () => {
    const bytes = meanColour("float32", [1, 3, 96, 96], (ops, x) => ops.reduceMean(x, [2, 3]));
    await using network = await openFeatures(await written(bytes));
    const features = new PatchFeatures(network);
    await features.add(picture(128, 1));
    expect(features.statistics.count).toBe(4);
  });

  it.each([
    [
      "two channels",
      meanColour("uint8", ["n", "h", "w", 2], (ops, x) => ops.reduceMean(x, [2, 3], false)),
      /is due, not/,
    ],
    ["sides that differ", meanColour("uint8", ["n", 64, 32, 3]), /is due, not input: uint8 \[n, 64, 32, 3\]/],
    ["maps instead of features", meanColour("uint8", ["n", "h", "w", 3], (_, x) => x), /float32 \[N, D\]/],
    ["no ONNX", new Uint8Array([1, 2, 3]), /does not load/],
  ])("is refused: %s", async (_name, bytes, message) => {
    await expect(openFeatureFile(await written(bytes))).rejects.toMatchObject({
      code: "MODEL_INVALID",
      message: expect.stringMatching(message),
    });
  });

  it("has to be there", async () => {
    await expect(openFeatures("none.onnx")).rejects.toMatchObject({ code: "MODEL_NOT_FOUND" });
  });
});

describe("the shipped features", () => {
  it("verify, and tell textures apart as far as they differ", async () => {
    const directory = await findModel(modelsDirectory(), "features");
    await verifyModel(directory);
    await using network = await openFeaturesModel(await loadFeaturesModel(directory));
    const gather = async (seed: number, level: number) => {
      const features = new PatchFeatures(network);
      for (let index = 0; index < 6; index++) await features.add(picture(128, seed + index, level));
      return features.statistics.gaussian();
    };
    const base = await gather(1, 128);
    expect(frechetDistance(base, base)).toBeLessThan(1e-6);
    const [alike, brighter] = [await gather(50, 128), await gather(50, 200)];
    expect(frechetDistance(base, alike)).toBeLessThan(frechetDistance(base, brighter) / 10);
  });
});

describe("making features", () => {
  it("writes a model that verifies, the same for the same fields", async () => {
    const root = await temporaryFolder();
    const folder = join(root, "toy");
    await writeToyLaboratory({ folder, train: 8, val: 1, background: [250, 226, 200], named: true });
    const detector = await findModel(modelsDirectory(), "unet");
    const make = async (name: string) => {
      const out = join(root, name);
      const common = { detector, datasets: [folder], version: "0.1.0", command: "cytostream models features" };
      const figures = await makeFeatures({ ...common, out });
      return { figures, bytes: await readFile(join(out, "model.onnx")) };
    };
    const [first, second] = [await make("a"), await make("b")];
    expect(first.figures).toMatchObject({ fields: 8, patches: 32 });
    expect(first.bytes.equals(second.bytes)).toBe(true);
    const { manifest } = await verifyModel(join(root, "a"));
    expect(manifest).toMatchObject({ kind: "features", features: { patchPx: 64, redCellPx: 32 } });
    await expect(
      makeFeatures({
        detector: join(root, "a"),
        datasets: [folder],
        out: join(root, "c"),
        version: "0.1.0",
        command: "",
      }),
    ).rejects.toMatchObject({ code: "MODEL_INVALID" });
  }, 120_000);
});

describe("tiles", () => {
  it("lie side by side inside a field at 32 px a red cell; patches cover a picture", () => {
    expect(tilesOf({ width: 176, height: 90, redCellPx: 40 }, 64)).toEqual([
      { left: 6, top: 4 },
      { left: 70, top: 4 },
    ]);
    expect(tilesOf({ width: 60, height: 400, redCellPx: 40 }, 64)).toEqual([]);
    const patches = patchesOf(picture(128, 1));
    expect(patches).toHaveLength(4);
    expect(patches[3]!.pixels.subarray(0, 3)).toEqual(
      picture(128, 1).pixels.subarray(3 * (64 * 128 + 64), 3 * (64 * 128 + 64) + 3),
    );
  });
});
