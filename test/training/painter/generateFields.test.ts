import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { createRandom } from "../../../src/core/index.js";
import { decodePicture } from "../../../src/pictures/index.js";
import { openDataset } from "../../../src/training/datasets/index.js";
import {
  drawnSource,
  type FieldSource,
  generateFields,
  loadMaskedFields,
  openPainter,
  type Painter,
  realSource,
} from "../../../src/training/painter/index.js";
import { temporaryFolders } from "../../registry/modelFixture.js";
import { writeSmearDataset } from "./smearDataset.js";
import { writeUntrainedPainter } from "./untrainedPainter.js";

const temporaryFolder = temporaryFolders();
const code = (name: string) => expect.objectContaining({ name: "CytoError", code: name });

const generate = (painter: Painter, out: string, source: FieldSource, { count = 4, seed = 1 } = {}) =>
  generateFields({ painter, source, count, out, seed, about: { note: "test" } });

const hashOf = async (folder: string): Promise<string> => {
  const hash = createHash("sha256");
  const names = (await readdir(folder, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
  for (const name of names) hash.update(name.slice(folder.length)).update(await readFile(name));
  return hash.digest("hex");
};

describe("a generated data set", () => {
  it("is read as YOLO, its labels where the mask has its cells, every field with a class asked for", async () => {
    const folder = await temporaryFolder();
    await writeUntrainedPainter(join(folder, "model"));
    await using painter = await openPainter(join(folder, "model"), { threads: 1 });
    const out = join(folder, "painted");
    const made = await generate(painter, out, drawnSource(painter, 160, ["basophil", "erythroblast"]), { count: 6 });
    const dataset = await openDataset(out);
    expect(dataset.splits).toEqual(["train"]);
    const fields = await dataset.fields("train");
    expect(dataset.remarks).toEqual([]);
    expect(fields).toHaveLength(6);
    expect(dataset.classes).not.toContain("leukocyte");
    expect(fields.flatMap(({ cells }) => cells)).toHaveLength(Object.values(made.cells).reduce((a, b) => a + b, 0));
    for (const { picturePath, widthPx, heightPx, cells, umPerPixel } of fields) {
      expect([widthPx, heightPx]).toEqual([160, 160]);
      expect(umPerPixel).toBeCloseTo(7.5 / 32, 6);
      const named = cells.filter(({ cellClass }) => cellClass === "basophil" || cellClass === "erythroblast");
      expect(named.length).toBeGreaterThan(0);
      // The picture of the mask is black outside cells: each label's box holds a cell that touches its four sides.
      const mask = await decodePicture(picturePath.replace("/images/", "/masks/"));
      const lit = (x: number, y: number): boolean => {
        const at = 3 * (y * mask.width + x);
        return mask.pixels[at]! + mask.pixels[at + 1]! + mask.pixels[at + 2]! > 0;
      };
      for (const { box } of cells) {
        const [x0, y0, x1, y1] = [box.left, box.top, box.right, box.bottom].map(Math.round) as [
          number,
          number,
          number,
          number,
        ];
        const columns = Array.from({ length: Math.max(x1 - x0, 1) }, (_, at) => Math.min(x0 + at, 159));
        const rows = Array.from({ length: Math.max(y1 - y0, 1) }, (_, at) => Math.min(y0 + at, 159));
        expect(columns.some((x) => rows.some((y) => lit(x, y)))).toBe(true);
        for (const x of [Math.max(x0, 0), Math.min(x1, 160) - 1]) expect(rows.some((y) => lit(x, y))).toBe(true);
        for (const y of [Math.max(y0, 0), Math.min(y1, 160) - 1]) expect(columns.some((x) => lit(x, y))).toBe(true);
      }
    }
    const told = JSON.parse(await readFile(join(out, "painted.json"), "utf8"));
    expect(told).toMatchObject({
      simulated: true,
      method: "mcgan",
      fields: 6,
      note: "test",
      painter: { name: "mcgan" },
    });
  });

  it("is the same for the same seed, another for another, and does not overwrite one", async () => {
    const folder = await temporaryFolder();
    await writeUntrainedPainter(join(folder, "model"), "cgan");
    await using painter = await openPainter(join(folder, "model"), { threads: 1 });
    const make = async (name: string, seed: number) => {
      await generate(painter, join(folder, name), drawnSource(painter, 64), { count: 2, seed });
      return hashOf(join(folder, name));
    };
    const first = await make("a", 1);
    expect(await make("b", 1)).toBe(first);
    expect(await make("c", 2)).not.toBe(first);
    await expect(make("a", 1)).rejects.toEqual(code("OUTPUT_FAILED"));
    await expect(make("model/model.onnx", 1)).rejects.toEqual(code("OUTPUT_FAILED"));
  });

  it("takes masks and labels from real fields, turned, whole or in part", async () => {
    const folder = await temporaryFolder();
    await writeUntrainedPainter(join(folder, "model"));
    await writeSmearDataset(join(folder, "smear"), { train: 4, val: 0 });
    await using painter = await openPainter(join(folder, "model"), { threads: 1 });
    const real = await (await openDataset(join(folder, "smear"))).fields("train");
    const masks = (await loadMaskedFields(real)).map(({ mask }) => mask);
    const source = (sizePx?: number, classes: readonly "basophil"[] = []) =>
      realSource(masks, { redCellPx: painter.redCellPx, sizePx, classes });
    await generate(painter, join(folder, "whole"), source());
    const whole = await (await openDataset(join(folder, "whole"))).fields("train");
    // 230 px at 40 px a red cell are 184 at 32.
    expect(whole.map(({ widthPx }) => widthPx)).toEqual([184, 184, 184, 184]);
    const counts = (fields: typeof real) => fields.map(({ cells }) => cells.length).sort();
    expect(counts(whole)).toEqual(counts(real));
    await generate(painter, join(folder, "part"), source(96, ["basophil"]), { count: 6 });
    for (const { cells, widthPx } of await (await openDataset(join(folder, "part"))).fields("train")) {
      expect(widthPx).toBe(96);
      expect(cells.map(({ cellClass }) => cellClass)).toContain("basophil");
    }
    expect(() => source(500)).toThrowError(code("DATASET_INVALID"));
    const lacking = masks.filter(({ labels }) => labels.every(({ cellClass }) => cellClass !== "basophil"));
    const none = () => realSource(lacking, { redCellPx: 32, classes: ["basophil"] });
    expect(none).toThrowError(code("DATASET_INVALID"));
  });

  it("turns labels with the picture: every orientation keeps sizes and classes", async () => {
    const folder = await temporaryFolder();
    await writeUntrainedPainter(join(folder, "model"));
    await using painter = await openPainter(join(folder, "model"), { threads: 1 });
    const mask = painter.drawMask({ seed: 4, width: 120, height: 80 });
    const random = createRandom(1);
    const source = realSource([mask], { redCellPx: painter.redCellPx });
    const seen = new Set<number>();
    for (let drawn = 0; drawn < 40; drawn++) {
      const { view } = source.next(random);
      seen.add(view.placement.orientation);
      const transposed = (view.placement.orientation & 4) !== 0;
      expect([view.width, view.height]).toEqual(transposed ? [80, 120] : [120, 80]);
      expect(painter.labelsOf(mask, view)).toHaveLength(painter.labelsOf(mask).length);
    }
    expect(seen.size).toBe(8);
  });
});
