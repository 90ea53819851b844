import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { verifyModel } from "../../../src/registry/index.js";
import { openPainter, painterKinds } from "../../../src/training/painter/index.js";
import { temporaryFolders } from "../../registry/modelFixture.js";
import { writeUntrainedPainter } from "./untrainedPainter.js";

const temporaryFolder = temporaryFolders();
const code = (name: string) => expect.objectContaining({ name: "CytoError", code: name });

describe("a painter's model folder", () => {
  it.each(painterKinds)("is sound and paints masks that are drawn from it alone: %s", async (method) => {
    const folder = await temporaryFolder();
    await writeUntrainedPainter(folder, method);
    expect((await verifyModel(folder)).manifest).toMatchObject({ kind: "painter", name: method });
    await using painter = await openPainter(folder, { threads: 1 });
    expect(painter).toMatchObject({ method, redCellPx: 32, provider: "cpu" });
    const size = { width: 100, height: 70 };
    const mask = painter.drawMask({ seed: 3, ...size, classes: ["basophil"] });
    expect(mask).toEqual(painter.drawMask({ seed: 3, ...size, classes: ["basophil"] }));
    const picture = await painter.paint(mask);
    expect(picture).toMatchObject(size);
    expect(picture.pixels).toHaveLength(3 * 100 * 70);
    expect(await painter.paint(mask)).toEqual(picture);
    const again = await painter.paint(mask, { seed: 2 });
    expect(Buffer.from(again.pixels).equals(picture.pixels)).toBe(method !== "cgan");
    const pale = { red: 250, green: 250, blue: 250 };
    const other = await painter.paint(mask, { stain: { background: pale, redCells: pale, nuclei: pale } });
    expect(Buffer.from(other.pixels).equals(picture.pixels)).toBe(false);
    const labels = painter.labelsOf(mask);
    expect(labels.map(({ cellClass }) => cellClass)).toContain("basophil");
    for (const { box } of labels) {
      expect(box.left).toBeGreaterThanOrEqual(0);
      expect(box.right).toBeLessThanOrEqual(100);
      expect(box.bottom).toBeLessThanOrEqual(70);
      expect(box.right - box.left).toBeGreaterThan(0);
    }
  });

  it("paints large pictures in tiles that meet without a seam", async () => {
    const folder = await temporaryFolder();
    await writeUntrainedPainter(folder);
    await using painter = await openPainter(folder, { threads: 1 });
    const mask = painter.drawMask({ seed: 1, width: 700, height: 64 });
    const { pixels } = await painter.paint(mask);
    expect(pixels).toHaveLength(3 * 700 * 64);
    // Across the border between two tiles (px 384) pixels differ no more than elsewhere.
    const step = (column: number): number => {
      let sum = 0;
      for (let y = 0; y < 64; y++)
        for (let c = 0; c < 3; c++)
          sum += Math.abs(pixels[3 * (y * 700 + column) + c]! - pixels[3 * (y * 700 + column - 1) + c]!);
      return sum;
    };
    const others = Array.from({ length: 600 }, (_, at) => step(at + 20)).sort((a, b) => a - b);
    expect(step(384)).toBeLessThanOrEqual(others[590]!);
  });

  it("is refused where a file is not what the manifest says", async () => {
    const folder = await temporaryFolder();
    await writeUntrainedPainter(folder);
    const path = join(folder, "masks.json");
    const text = await readFile(path, "utf8");
    await writeFile(path, text.replace("toy", "top"));
    await expect(openPainter(folder)).rejects.toEqual(code("MODEL_INVALID"));
    await writeFile(path, text);
    await writeFile(join(folder, "model.onnx"), "no network");
    await expect(openPainter(folder)).rejects.toEqual(code("MODEL_INVALID"));
    await expect(openPainter(join(folder, "nowhere"))).rejects.toEqual(code("MODEL_NOT_FOUND"));
  });

  it("draws no mask of an impossible size", async () => {
    const folder = await temporaryFolder();
    await writeUntrainedPainter(folder);
    await using painter = await openPainter(folder);
    expect(() => painter.drawMask({ seed: 1, width: 0, height: 10 })).toThrowError(code("USAGE"));
  });
});
