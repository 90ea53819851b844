import { createHash } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { openDataset } from "../../../src/training/datasets/index.js";
import { freezeSnapshot, readSnapshot } from "../../../src/training/jobs/snapshot.js";
import { temporaryFolders } from "../../registry/modelFixture.js";
import { toyFields } from "./toyLaboratory.js";

const temporaryFolder = temporaryFolders();

describe("a snapshot of confirmed fields", () => {
  it("is a data set with the same boxes, classes and scales, and a manifest of hashes", async () => {
    const folder = await temporaryFolder();
    const fields = (await toyFields(folder, 6)).map((field, index) =>
      index === 0 ? { ...field, id: "a name/with what no file may have", umPerPixel: undefined } : field,
    );
    const parts = new Map(
      fields.map(({ id }, index) => [
        id,
        (["train", "train", "train", "calibration", "validation"] as const)[index % 5]!,
      ]),
    );
    const snapshot = await freezeSnapshot(join(folder, "snapshot"), fields, { parts, atMs: 7 });
    expect(await readSnapshot(join(folder, "snapshot"))).toEqual(snapshot);
    const dataset = await openDataset(snapshot.dataset);
    expect(dataset.remarks).toEqual([]);
    const splits = { train: "train", calibration: "val", validation: "test" } as const;
    for (const [part, split] of Object.entries(splits)) {
      const read = await dataset.fields(split);
      const wanted = fields.filter(({ id }) => parts.get(id) === part);
      expect(read).toHaveLength(wanted.length);
      for (const { id, cells, umPerPixel } of wanted) {
        const entry = snapshot.manifest.fields.find(({ field }) => field === id)!;
        const found = read.find(({ picturePath }) => picturePath === join(snapshot.dataset, entry.picture))!;
        expect(found.cells.map(({ cellClass }) => cellClass)).toEqual(cells.map(({ cellClass }) => cellClass));
        found.cells.forEach(({ box }, index) => {
          for (const side of ["left", "top", "right", "bottom"] as const)
            expect(box[side]).toBeCloseTo(cells[index]!.box[side], 3);
        });
        if (umPerPixel !== undefined) expect(found.umPerPixel).toBeCloseTo(umPerPixel, 9);
        const bytes = await readFile(found.picturePath);
        expect(createHash("sha256").update(bytes).digest("hex")).toBe(entry.pictureSha256);
      }
    }
  });

  it("refuses a picture that is not what was labelled, and is no snapshot then", async () => {
    const folder = await temporaryFolder();
    const fields = await toyFields(folder, 2);
    await writeFile(fields[1]!.picturePath, "another");
    const parts = new Map(fields.map(({ id }) => [id, "train" as const]));
    const frozen = freezeSnapshot(join(folder, "snapshot"), fields, { parts, atMs: 7 });
    await expect(frozen).rejects.toMatchObject({ code: "STORE_DAMAGED" });
    expect(await readSnapshot(join(folder, "snapshot"))).toBeUndefined();
  });
});
