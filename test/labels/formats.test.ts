import { spawnSync } from "node:child_process";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseCsv } from "../../src/labels/formats/csv.js";
import {
  exportLabels,
  type FieldRecord,
  importLabels,
  type LabelFormat,
  labelFormats,
} from "../../src/labels/index.js";
import { openDataset } from "../../src/training/datasets/index.js";
import { requireTool } from "../requirements.js";
import { cell, jpegOf, type Laboratory, labelOf, openLaboratory, someCells, temporaryRoot } from "./smear.js";

const fill = async ({ desk }: Laboratory): Promise<void> => {
  for (let seed = 0; seed < 4; seed++) {
    const { sha256 } = await desk.addPicture(await jpegOf(seed));
    const cells = seed === 3 ? [] : [...someCells, cell("platelet", 20 + seed, 70.25, 8)];
    await desk.submit(labelOf({ picture: sha256, cells, umPerPixel: 0.1, origin: { slide: `"S", ${seed}` } }));
  }
  const { sha256 } = await desk.addPicture(await jpegOf(9));
  await desk.submit(labelOf({ picture: sha256, state: "proposed" }));
};

const rounding = ({ cells }: FieldRecord): unknown =>
  cells.map(({ cellClass, box }) => [
    cellClass,
    ...[box.left, box.top, box.right, box.bottom].map((side) => Math.round(side * 20) / 20),
  ]);

const all = async ({ desk }: Laboratory): Promise<FieldRecord[]> => {
  const fields: FieldRecord[] = [];
  for await (const field of desk.walk()) fields.push(field);
  return fields;
};

const request = (path: string) => ({ path, author: "import", state: "confirmed", whole: false }) as const;

describe("formats", () => {
  it("carry confirmed fields out and in again, pictures and all; twice is once", async () => {
    await using folder = await temporaryRoot();
    await using source = await openLaboratory(folder.root);
    await fill(source);
    const confirmed = (await all(source)).filter(({ state }) => state === "confirmed");
    const bySha = (fields: readonly FieldRecord[]) =>
      new Map(fields.map((field) => [field.picture.sha256, rounding(field)]));
    for (const format of labelFormats) {
      const path = join(folder.root, "..", format);
      expect(await exportLabels(source.desk, { path, format, states: ["confirmed"] })).toMatchObject({
        fields: 4,
        cells: 9,
      });
      await using target = await openLaboratory(join(folder.root, "..", `in-${format}`));
      const first = await importLabels(target.desk, request(path));
      expect(first).toEqual({ format, imported: 4, repeated: 0, cells: 9, faults: [] });
      expect(await importLabels(target.desk, request(path))).toMatchObject({ imported: 4, repeated: 4 });
      const fields = await all(target);
      expect(fields).toHaveLength(4);
      expect(bySha(fields)).toEqual(bySha(confirmed));
      if (format === "csv")
        expect(fields.map(({ origin }) => origin.slide).sort()).toEqual(
          confirmed.map(({ origin }) => origin.slide).sort(),
        );
    }
    await expect(
      exportLabels(source.desk, { path: folder.root, format: "csv", states: ["confirmed"] }),
    ).rejects.toMatchObject({
      code: "OUTPUT_FAILED",
    });
    for (const format of ["yolo", "voc"] as const) {
      const dataset = await openDataset(join(folder.root, "..", format));
      const fields = await dataset.fields("train");
      expect(fields.map(({ cells }) => cells.length).sort()).toEqual([0, 3, 3, 3]);
      expect(dataset.remarks).toEqual([]);
    }
    const geojson = (await readdir(join(folder.root, "..", "geojson"))).filter((name) => name.endsWith(".geojson"));
    const collection = JSON.parse(await readFile(join(folder.root, "..", "geojson", geojson[0]!), "utf8"));
    expect(collection.type).toBe("FeatureCollection");
  });

  it.skipIf(!requireTool("python3"))("in COCO add up for another reader (needs python3)", async () => {
    await using folder = await temporaryRoot();
    await using source = await openLaboratory(folder.root);
    await fill(source);
    const path = join(folder.root, "..", "coco");
    await exportLabels(source.desk, { path, format: "coco", states: ["confirmed"] });
    const script = `
import json, os, sys
d = json.load(open(os.path.join(sys.argv[1], "annotations.json")))
images = {i["id"]: i for i in d["images"]}
names = {c["id"]: c["name"] for c in d["categories"]}
assert len(set(a["id"] for a in d["annotations"])) == len(d["annotations"])
for a in d["annotations"]:
    i = images[a["image_id"]]; x, y, w, h = a["bbox"]
    assert x >= 0 and y >= 0 and x + w <= i["width"] + .01 and y + h <= i["height"] + .01
    assert abs(w * h - a["area"]) < .1 and a["category_id"] in names
assert all(os.path.exists(os.path.join(sys.argv[1], "images", i["file_name"])) for i in images.values())
print(len(images), len(d["annotations"]))`;
    const run = spawnSync("python3", ["-c", script, path], { encoding: "utf8" });
    expect(run).toMatchObject({ status: 0, stdout: "4 9\n" });
  });
});

/** One good and one bad field in each format, and where the bad row stands. */
const writeBad: Readonly<Record<LabelFormat, (folder: string) => Promise<string>>> = {
  yolo: async (folder) => {
    for (const each of ["images/train", "labels/train"]) await mkdir(join(folder, each), { recursive: true });
    await writeFile(join(folder, "data.yaml"), "train: images/train\nnames: [RBC, WBC]\n");
    for (const [name, seed] of [
      ["a", 1],
      ["b", 2],
    ] as const)
      await writeFile(join(folder, `images/train/${name}.jpg`), await jpegOf(seed));
    await writeFile(join(folder, "labels/train/a.txt"), "0 0.5 0.5 0.2 0.2\n");
    await writeFile(join(folder, "labels/train/b.txt"), "1 0.5 0.5 0.2 0.2\n\n7 0.5 0.5 0.2 0.2\n");
    return "b.txt:3";
  },
  voc: async (folder) => {
    for (const each of ["JPEGImages", "Annotations"]) await mkdir(join(folder, each), { recursive: true });
    const object = (name: string, right: string) =>
      `<object>\n<name>${name}</name><bndbox><xmin>10</xmin><ymin>10</ymin><xmax>${right}</xmax><ymax>40</ymax></bndbox></object>\n`;
    for (const [name, seed] of [
      ["a", 1],
      ["b", 2],
    ] as const)
      await writeFile(join(folder, `JPEGImages/${name}.jpg`), await jpegOf(seed));
    await writeFile(join(folder, "Annotations/a.xml"), `<annotation>\n${object("RBC", "40")}</annotation>`);
    await writeFile(
      join(folder, "Annotations/b.xml"),
      `<annotation>\n${object("WBC", "40")}${object("RBC", "NaN")}</annotation>`,
    );
    return "b.xml:4";
  },
  coco: async (folder) => {
    await mkdir(join(folder, "images"), { recursive: true });
    for (const [name, seed] of [
      ["a", 1],
      ["b", 2],
    ] as const)
      await writeFile(join(folder, `images/${name}.jpg`), await jpegOf(seed));
    const images = ["a", "b"].map((name, index) => ({ id: index, file_name: `${name}.jpg` }));
    const annotation = (image_id: number, bbox: readonly number[]) => ({ image_id, category_id: 1, bbox });
    const annotations = [annotation(0, [5, 5, 20, 20]), annotation(1, [5, 5, 20, 20]), annotation(1, [400, 5, 20, 20])];
    await writeFile(
      join(folder, "annotations.json"),
      JSON.stringify({ images, annotations, categories: [{ id: 1, name: "RBC" }] }),
    );
    return "annotations.json: annotations[2]";
  },
  geojson: async (folder) => {
    await mkdir(folder, { recursive: true });
    for (const [name, seed] of [
      ["a", 1],
      ["b", 2],
    ] as const)
      await writeFile(join(folder, `${name}.jpg`), await jpegOf(seed));
    const feature = (name: string) => ({
      ...{
        type: "Feature",
        geometry: {
          type: "Polygon",
          coordinates: [
            [
              [5, 5],
              [30, 5],
              [20, 40],
              [5, 5],
            ],
          ],
        },
      },
      properties: { objectType: "annotation", classification: { name } },
    });
    await writeFile(
      join(folder, "a.geojson"),
      JSON.stringify({ type: "FeatureCollection", features: [feature("RBC")] }),
    );
    await writeFile(join(folder, "b.geojson"), JSON.stringify([feature("WBC"), feature("dust")]));
    return "b.geojson: features[1]";
  },
  csv: async (folder) => {
    await mkdir(folder, { recursive: true });
    for (const [name, seed] of [
      ["a", 1],
      ["b", 2],
    ] as const)
      await writeFile(join(folder, `${name}.jpg`), await jpegOf(seed));
    const lines = [
      "picture,class,left,top,right,bottom",
      "a.jpg,RBC,5,5,30,30",
      "b.jpg,WBC,5,5,30,30",
      "b.jpg,RBC,30,5,5,30",
    ];
    await writeFile(join(folder, "labels.csv"), `${lines.join("\r\n")}\r\n`);
    return "labels.csv:4";
  },
};

describe("one bad row", () => {
  it("is named with its place, and the rest is in: not as confirmed where something is left out; or nothing is, as asked", async () => {
    await using folder = await temporaryRoot();
    for (const format of labelFormats) {
      const path = join(folder.root, format);
      const place = await writeBad[format](path);
      await using laboratory = await openLaboratory(join(folder.root, `in-${format}`));
      const refused = await importLabels(laboratory.desk, { ...request(path), whole: true });
      expect([format, refused.imported, await all(laboratory)]).toEqual([format, 0, []]);
      expect(refused.faults.map((fault) => fault.place)).toEqual([expect.stringContaining(place)]);
      const report = await importLabels(laboratory.desk, request(path));
      expect(report).toMatchObject({ format, imported: 2, cells: 2, faults: refused.faults });
      expect((await all(laboratory)).map(({ state }) => state).sort()).toEqual(["confirmed", "corrected"]);
    }
  });

  it("or picture that cannot be read leaves the others in", async () => {
    await using folder = await temporaryRoot();
    await writeBad.csv(folder.root);
    await writeFile(join(folder.root, "a.jpg"), "no picture");
    await using laboratory = await openLaboratory(join(folder.root, "in"));
    const { imported, faults } = await importLabels(laboratory.desk, request(folder.root));
    expect([imported, faults.length]).toEqual([1, 2]);
    await expect(importLabels(laboratory.desk, request(join(folder.root, "nothing")))).rejects.toMatchObject({
      code: "LABEL_IMPORT_INVALID",
    });
  });
});

describe("comma-separated values", () => {
  it("come back as they were written, whatever is in them", () => {
    const value = fc.string({ maxLength: 8 });
    fc.assert(
      fc.property(fc.array(fc.array(value, { minLength: 2, maxLength: 4 }), { minLength: 1 }), (rows) => {
        const text = rows.map((row) => row.map((each) => `"${each.replaceAll('"', '""')}"`).join(",")).join("\r\n");
        expect(parseCsv(text).map(({ values }) => values)).toEqual(rows);
      }),
    );
  });
});
