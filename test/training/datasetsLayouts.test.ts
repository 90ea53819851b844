import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import fc from "fast-check";
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { CytoError } from "../../src/core/index.js";
import { openDataset, openMaskCrops } from "../../src/training/datasets/index.js";
import { parseVocAnnotation } from "../../src/training/datasets/pascalVoc.js";
import { parseSubtypes } from "../../src/training/datasets/subtypes.js";
import { parseYoloLabels } from "../../src/training/datasets/yolo.js";
import { dataSetPath } from "../dataSets.js";
import { temporaryFolders } from "../registry/modelFixture.js";

const temporaryFolder = temporaryFolders();

const picture = (width: number, height: number): Promise<Buffer> =>
  sharp({ create: { width, height, channels: 3, background: "#eeddee" } })
    .jpeg()
    .toBuffer();

const write = async (root: string, files: Readonly<Record<string, string | Buffer>>): Promise<string> => {
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), content);
  }
  return root;
};

const yolo = async (labels: string, names = "[WBC, RBC, Platelets, NRBC]") =>
  write(await temporaryFolder(), {
    "data.yaml": `train: images/train\nval: images/val\nnames: ${names}\n`,
    "images/train/a.jpg": await picture(200, 100),
    "labels/train/a.txt": labels,
    "images/val/b.jpg": await picture(50, 50),
    "labels/val/.keep": "",
  });

const object = (name: string, box: readonly number[]): string =>
  `<object><name>${name}</name><bndbox>${["xmin", "ymin", "xmax", "ymax"].map((tag, i) => `<${tag}>${box[i]}</${tag}>`).join("")}</bndbox></object>`;

const annotation = (objects: string, width = 200, height = 100): string =>
  `<annotation>\n<size><width>${width}</width><height>${height}</height></size>\n${objects}\n</annotation>`;

const voc = async (files: Readonly<Record<string, string>>, id = "f1") =>
  write(await temporaryFolder(), {
    [`JPEGImages/${id}.jpg`]: await picture(200, 100),
    "ImageSets/Main/train.txt": `${id}\n`,
    ...files,
  });

describe("openDataset, YOLO", () => {
  it("reads boxes in px of the picture, of classes by any of their names", async () => {
    const dataset = await openDataset(await yolo("0 0.5 0.5 0.2 0.4\n\n3 0.25 0.5 0.1 0.2\n"));
    expect(dataset).toMatchObject({ layout: "yolo", splits: ["train", "val"] });
    expect(dataset.classes).toEqual(["erythrocyte", "leukocyte", "platelet", "erythroblast"]);
    const [field] = await dataset.fields("train");
    expect(field).toMatchObject({ id: "a", widthPx: 200, heightPx: 100, incomplete: [] });
    expect(field!.cells.map(({ cellClass }) => cellClass)).toEqual(["leukocyte", "erythroblast"]);
    const { left, top, right, bottom } = field!.cells[0]!.box;
    expect([left, top, right, bottom].map(Math.round)).toEqual([80, 30, 120, 70]);
    expect(field!.umPerPixel).toBeUndefined();
  });

  it("takes a picture without a label file for a field without cells", async () => {
    const [field] = await (await openDataset(await yolo(""))).fields("val");
    expect(field!.cells).toEqual([]);
  });

  it("clips boxes to the picture, and leaves empty ones out with a remark", async () => {
    const dataset = await openDataset(await yolo("1 0.0 0.5 0.2 0.4\n1 0.5 0.5 0 0.2\n1 1.2 0.5 0.1 0.1\n"));
    const [field] = await dataset.fields("train");
    expect(field!.cells).toHaveLength(1);
    expect(field!.cells[0]!.box.left).toBe(0);
    expect(dataset.remarks).toHaveLength(2);
    expect(dataset.remarks[0]).toMatch(/labels[\\/]train[\\/]a\.txt:2: an empty box of erythrocyte/);
  });

  it.each([
    ["four numbers", "1 0.5 0.5 0.1"],
    ["words", "1 0.5 half 0.1 0.1"],
    ["not a number", "1 0.5 NaN 0.1 0.1"],
    ["infinity", "1 0.5 0.5 Infinity 0.1"],
    ["an unknown class", "9 0.5 0.5 0.1 0.1"],
    ["pixels", "1 80 40 20 20"],
    ["a negative size", "1 0.5 0.5 -0.1 0.1"],
  ])("refuses %s, naming file and line", async (_, line) => {
    const dataset = await openDataset(await yolo(`1 0.5 0.5 0.1 0.1\n${line}\n`));
    await expect(dataset.fields("train")).rejects.toMatchObject({
      code: "DATASET_INVALID",
      message: expect.stringMatching(/a\.txt:2:/),
    });
  });

  it("refuses class names that the taxonomy does not have, naming all", async () => {
    const opened = openDataset(await yolo("", "[RBC, parasite, Plasmodium]"));
    await expect(opened).rejects.toThrow(/parasite, Plasmodium/);
  });

  it("refuses a split that is not there, naming those that are", async () => {
    const dataset = await openDataset(await yolo(""));
    await expect(dataset.fields("test")).rejects.toThrow(/train, val/);
  });

  it("refuses a folder that is neither layout, and one that is not there", async () => {
    const folder = await temporaryFolder();
    await expect(openDataset(folder)).rejects.toMatchObject({ code: "DATASET_INVALID" });
    await expect(openDataset(join(folder, "none"))).rejects.toMatchObject({ code: "DATASET_INVALID" });
  });

  it("takes facts from cytostream.yaml, and those given before them", async () => {
    const root = await write(await yolo("1 0.5 0.5 0.1 0.2\n"), {
      "cytostream.yaml": "incomplete: [platelet]\numPerPixel: 0.25\n",
    });
    const [told] = await (await openDataset(root)).fields("train");
    expect(told).toMatchObject({ incomplete: ["platelet"], umPerPixel: 0.25, redCellDiameterPx: 30 });
    const [given] = await (await openDataset(root, { incomplete: [], umPerPixel: 0.5 })).fields("train");
    expect(given).toMatchObject({ incomplete: [], umPerPixel: 0.5 });
    await write(root, { "cytostream.yaml": "incomplet: [platelet]\n" });
    await expect(openDataset(root)).rejects.toMatchObject({ code: "DATASET_INVALID" });
  });

  it("tells the scale by the median of the whole red cells, else by fields of the same size", async () => {
    const cells = [0.2, 0.4, 0.6].map((x, i) => `1 ${x} 0.5 ${(18 + 2 * i) / 200} ${(18 + 2 * i) / 100}`);
    const cut = "1 0.98 0.5 0.04 0.9";
    const root = await write(await yolo(`${[...cells, cut].join("\n")}\n`), {
      "images/train/same.jpg": await picture(200, 100),
    });
    const [own, same] = await (await openDataset(root)).fields("train");
    expect(own!.redCellDiameterPx).toBeCloseTo(20, 6);
    expect(own!.umPerPixel).toBeCloseTo(0.375, 6);
    expect(same!.redCellDiameterPx).toBeCloseTo(20, 6);
  });
});

describe("openDataset, Pascal VOC", () => {
  it("reads boxes and names the one leukocyte by the one subtype", async () => {
    const dataset = await openDataset(
      await voc({
        "Annotations/f1.xml": annotation(object("WBC", [10, 20, 60, 70]) + object("RBC", [100, 20, 130, 50])),
        "subtypes.csv": "image,subtype\nf1,eosinophil\nf2,\n",
      }),
    );
    expect(dataset).toMatchObject({ layout: "voc", splits: ["train"] });
    const [field] = await dataset.fields("train");
    expect(field!.cells).toEqual([
      { cellClass: "eosinophil", box: { left: 10, top: 20, right: 60, bottom: 70 } },
      { cellClass: "erythrocyte", box: { left: 100, top: 20, right: 130, bottom: 50 } },
    ]);
  });

  it.each([
    ["two leukocytes", object("WBC", [10, 20, 60, 70]) + object("WBC", [80, 20, 120, 70]), "f1,eosinophil"],
    ["two subtypes", object("WBC", [10, 20, 60, 70]), "f1,eosinophil,neutrophil"],
  ])("leaves leukocytes unnamed where there are %s", async (_, objects, subtypes) => {
    const root = await voc({
      "Annotations/f1.xml": annotation(objects),
      "subtypes.csv": `image,subtype\n${subtypes}\n`,
    });
    const [field] = await (await openDataset(root)).fields("train");
    expect(new Set(field!.cells.map(({ cellClass }) => cellClass))).toEqual(new Set(["leukocyte"]));
  });

  it("knows that BCCD leaves red cells out", async () => {
    const id = "BloodImage_00007";
    const root = await voc({ [`Annotations/${id}.xml`]: annotation(object("RBC", [10, 10, 40, 40])) }, id);
    const [field] = await (await openDataset(root)).fields("train");
    expect(field!.incomplete).toEqual(["erythrocyte"]);
  });

  it.each([
    ["an unknown class", annotation(object("Trypanosoma", [1, 1, 9, 9])), /f1\.xml:3: .*Trypanosoma/],
    ["a box without a number", annotation("<object><name>RBC</name><bndbox></bndbox></object>"), /f1\.xml:3: xmin/],
    ["a box far outside", annotation(object("RBC", [1, 1, 900, 9])), /f1\.xml:3: /],
    ["a truncated file", "<annotation><object><name>RBC</name>", /f1\.xml is not a whole/],
    ["an annotation of another picture", annotation("", 640, 480), /640 x 480/],
  ])("refuses %s", async (_, xml, message) => {
    const dataset = await openDataset(await voc({ "Annotations/f1.xml": xml }));
    await expect(dataset.fields("train")).rejects.toMatchObject({
      code: "DATASET_INVALID",
      message: expect.stringMatching(message),
    });
  });

  it("refuses a split that names a picture or annotation that is not there", async () => {
    const root = await voc({ "Annotations/f1.xml": annotation(""), "ImageSets/Main/val.txt": "f2\n" });
    await expect((await openDataset(root)).fields("val")).rejects.toThrow(/no picture f2/);
  });
});

describe("parsers of labels", () => {
  const size = { path: "labels.txt", widthPx: 100, heightPx: 100 };
  const classes = new Map([[0, "erythrocyte" as const]]);

  it.each([
    ["YOLO lines", (text: string) => parseYoloLabels(text, classes, size)],
    ["Pascal VOC annotations", (text: string) => parseVocAnnotation(`<annotation>${text}</annotation>`, size)],
    ["tables of subtypes", (text: string) => parseSubtypes(`image,subtype\n${text}`, "subtypes.csv")],
  ])("answer any %s with labels or DATASET_INVALID", (_, parse) => {
    const piece = fc.oneof(
      fc.string(),
      fc.constantFrom("<object>", "</object>", "<name>RBC</name>", "<bndbox>", "0 ", "1e999 ", "\n"),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
        try {
          parse(pieces.join(""));
        } catch (error) {
          expect(error).toBeInstanceOf(CytoError);
          expect((error as CytoError).code).toBe("DATASET_INVALID");
        }
      }),
    );
  });

  it("reads back YOLO boxes that were written", () => {
    const part = fc.double({ min: 0.01, max: 1, noNaN: true });
    fc.assert(
      fc.property(part, part, part, part, (x, y, width, height) => {
        const [label] = parseYoloLabels(`0 ${x} ${y} ${width} ${height}`, classes, size);
        expect((label!.left + label!.right) / 200).toBeCloseTo(x, 9);
        expect((label!.bottom - label!.top) / 100).toBeCloseTo(height, 9);
      }),
    );
  });
});

describe("real data sets", () => {
  const txl = dataSetPath("txl-pbc");
  it.skipIf(!txl)("txl-pbc has its 261 fields of val (needs the data set txl-pbc)", async () => {
    const fields = await (await openDataset(txl!)).fields("val");
    expect(fields).toHaveLength(261);
    expect(fields.flatMap(({ cells }) => cells)).toHaveLength(4671);
    expect(fields.every(({ umPerPixel }) => umPerPixel !== undefined)).toBe(true);
  });

  const bccd = dataSetPath("bccd");
  it.skipIf(!bccd)("bccd names leukocytes and lacks red cells (needs the data set bccd)", async () => {
    const dataset = await openDataset(bccd!);
    const fields = await dataset.fields("val");
    expect(fields).toHaveLength(61);
    expect(fields[0]!.incomplete).toEqual(["erythrocyte"]);
    expect(fields.flatMap(({ cells }) => cells).filter(({ cellClass }) => cellClass === "eosinophil").length).toBe(14);
  });

  const masks = dataSetPath("wbc-masks");
  it.skipIf(!masks)("wbc-masks has 324 leukocytes with boxes from masks (needs the data set wbc-masks)", async () => {
    const crops = await openMaskCrops(masks!);
    expect(crops).toHaveLength(324);
    for (const { cells, widthPx } of crops) expect(cells[0]!.box.right).toBeLessThanOrEqual(widthPx);
  });
});
