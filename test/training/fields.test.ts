import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { encodePng } from "../../src/pictures/index.js";
import { readTrainingFields } from "../../src/training/fields.js";

const picture = { width: 40, height: 30, pixels: new Uint8Array(40 * 30 * 3).fill(200) };

describe("fields to train on", () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "cytostream-fields-"));
    await writeFile(join(folder, "data.yaml"), "train: images/train\nval: images/val\nnames: [RBC]\n");
    for (const [split, count] of [
      ["train", 3],
      ["val", 2],
    ] as const) {
      await mkdir(join(folder, "images", split), { recursive: true });
      await mkdir(join(folder, "labels", split), { recursive: true });
      for (let index = 0; index < count; index++) {
        await writeFile(join(folder, "images", split, `${split}${index}.png`), await encodePng(picture));
        await writeFile(join(folder, "labels", split, `${split}${index}.txt`), "0 0.5 0.5 0.3 0.4\n");
      }
    }
  });
  afterAll(() => rm(folder, { recursive: true }));

  const idsOf = (fields: readonly { readonly id: string }[]) => fields.map(({ id }) => id).sort();

  it("are those of the splits train and val", async () => {
    const { training, validation, summaries } = await readTrainingFields([folder]);
    expect(idsOf(training)).toEqual(["train0", "train1", "train2"]);
    expect(idsOf(validation)).toEqual(["val0", "val1"]);
    expect(summaries.map(({ split, fields, cells }) => [split, fields, cells])).toEqual([
      ["train", 3, { erythrocyte: 3 }],
      ["val", 2, { erythrocyte: 2 }],
    ]);
  });

  it("are without those that are to be left out, in both splits", async () => {
    const { training, validation, summaries } = await readTrainingFields([folder], { leaveOut: ["train1", "val0"] });
    expect(idsOf(training)).toEqual(["train0", "train2"]);
    expect(idsOf(validation)).toEqual(["val1"]);
    expect(summaries.map(({ fields }) => fields)).toEqual([2, 1]);
  });

  it("are refused where a field to be left out is in no data set, or none is left", async () => {
    await expect(readTrainingFields([folder], { leaveOut: ["train9"] })).rejects.toMatchObject({
      code: "DATASET_INVALID",
      message: expect.stringContaining("train9"),
    });
    const all = { leaveOut: ["train0", "train1", "train2"] };
    await expect(readTrainingFields([folder], all)).rejects.toMatchObject({ code: "DATASET_INVALID" });
  });
});
