import { createHash } from "node:crypto";
import { cp, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { CytoError } from "../../src/core/index.js";
import { createDetector } from "../../src/detection/index.js";
import { Graph, Operators, serialise } from "../../src/engine/onnx/index.js";
import { loadDetectorModel } from "../../src/registry/index.js";
import { redGrid, toyFrame } from "../detection/toySmear.js";
import { runCommand, settingWords } from "./program.js";
import { openToySetting, type ToySetting, toyField, toyUmPerPixel } from "./toySetting.js";

// Daemons are started from source where nothing is built, and compiled on the way: slow on a busy machine.
vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 });

type Manifest = Record<string, unknown>;

/** A network that takes a field and gives no density map: what a manifest says is not what the file is. */
const wrongNetwork = (): Uint8Array => {
  const graph = new Graph("wrong");
  const ops = new Operators(graph);
  const field = graph.input("field", "uint8", [1, "height", "width", 4]);
  graph.output("density", ops.cast(field, "float32"));
  graph.output("extent", ops.scale(ops.cast(field, "float32"), 2));
  return serialise(graph);
};

const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

interface Damage {
  readonly manifest?: (manifest: Manifest) => Manifest;
  readonly bytes?: (bytes: Uint8Array) => Uint8Array;
  /** Whether the manifest names the hash of the damaged bytes. */
  readonly rehash?: boolean;
}

const cases: readonly (readonly [what: string, damage: Damage, reason: RegExp])[] = [
  ["another hash", { manifest: (manifest) => ({ ...manifest, sha256: "0".repeat(64) }) }, /hash|sha/i],
  ["one byte changed", { bytes: (bytes) => bytes.with(bytes.length >> 1, bytes[bytes.length >> 1]! ^ 1) }, /hash|sha/i],
  ["the file cut off", { bytes: (bytes) => bytes.slice(0, bytes.length >> 1), rehash: true }, /./],
  ["no network at all", { bytes: () => new TextEncoder().encode("not a network"), rehash: true }, /./],
  ["an empty file", { bytes: () => new Uint8Array(0), rehash: true }, /./],
  ["outputs of other shapes", { bytes: wrongNetwork, rehash: true }, /density|extent|shape/i],
  [
    "classes in another order",
    { manifest: (m) => ({ ...m, classes: ["platelet", "leukocyte", "erythrocyte"] }) },
    /classes/,
  ],
  ["an unknown key", { manifest: (manifest) => ({ ...manifest, trust: "me" }) }, /trust|key/i],
  [
    "inputs of another type",
    { manifest: (m) => ({ ...m, inputs: [{ name: "field", type: "float32", shape: [1, 3, -1, -1] }] }) },
    /input/,
  ],
  ["a file outside its folder", { manifest: (manifest) => ({ ...manifest, file: "../../model.onnx" }) }, /file/],
];

describe("a model that is not as it should be", () => {
  let toy: ToySetting;
  const folders = new Map<string, string>();

  beforeAll(async () => {
    toy = await openToySetting();
    for (const [index, [what, damage]] of cases.entries()) {
      const folder = join(toy.folder, `bad${index}`);
      await cp(join(toy.folder, "models", "unet", "1.0.0"), folder, { recursive: true });
      let manifest = JSON.parse(await readFile(join(folder, "manifest.json"), "utf8")) as Manifest;
      if (damage.bytes !== undefined) {
        const bytes = damage.bytes(new Uint8Array(await readFile(join(folder, "model.onnx"))));
        await writeFile(join(folder, "model.onnx"), bytes);
        if (damage.rehash === true) manifest = { ...manifest, sha256: sha256(bytes) };
      }
      await writeFile(join(folder, "manifest.json"), JSON.stringify(damage.manifest?.(manifest) ?? manifest));
      folders.set(what, folder);
    }
  });
  afterAll(() => toy.remove());

  it("is refused while the old one serves on, field after field", async () => {
    await using detector = await createDetector({ models: toy.models, provider: "cpu", threads: 1 });
    const options = { ...toyField, umPerPixel: toyUmPerPixel };
    const cells = redGrid(toyField.width, toyField.height, toyUmPerPixel);
    for (const [what, , reason] of cases) {
      const searched = detector.detect(toyFrame(cells, options));
      const swapped = loadDetectorModel(folders.get(what)!).then((source) => detector.swap({ detector: source }));
      const refusal: unknown = await swapped.then(
        () => undefined,
        (error: unknown) => error,
      );
      expect(refusal, what).toBeInstanceOf(CytoError);
      expect(refusal, what).toMatchObject({ code: "MODEL_INVALID", message: expect.stringMatching(reason) });
      const { models, cells: found } = await searched;
      expect(models.detector).toEqual(toy.models.detector.ref);
      expect(found.length, what).toBe(cells.length);
    }
    expect((await detector.detect(toyFrame(cells, options))).models.detector).toEqual(toy.models.detector.ref);
  });

  it.each(["one byte changed", "outputs of other shapes"])("keeps a daemon from starting: %s", async (what) => {
    const settings = [...toy.settings, "publication.port=0", `detection.models.detector=${folders.get(what)}`];
    const { code, stderr } = await runCommand("run", ...settingWords(settings));
    expect(code).toBe(65);
    expect(stderr).toMatch(/^MODEL_INVALID: .+\n {2}\S/m);
  });
});
