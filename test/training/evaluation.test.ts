import { mkdir, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it, vi } from "vitest";
import { register } from "../../src/cli/evaluate.js";
import { createProgram } from "../../src/cli/program.js";
import { openDataset } from "../../src/training/datasets/index.js";
import { evaluate, evaluationTable } from "../../src/training/evaluation/index.js";
import { writeToyModels } from "../detection/toyModel.js";
import { redGrid, type ToyCell } from "../detection/toySmear.js";
import { temporaryFolders } from "../registry/modelFixture.js";
import { toySize, toyUmPerPixel, writeToyDataset } from "./toyDataset.js";

const temporaryFolder = temporaryFolders();

const grid = redGrid(toySize.width, toySize.height, toyUmPerPixel);
const middle = { x: 210, y: 150 };
const around = grid.filter(({ x, y }) => Math.hypot(x - middle.x, y - middle.y) > 90);
const leukocyte: ToyCell = { kind: "leukocyte", ...middle };

/** Two fields as labelled; one with a cell that nobody labelled and a label where nothing is. */
const fields = [
  { painted: grid },
  { painted: [...around, leukocyte] },
  { painted: around, labelled: [...around.slice(1), leukocyte] },
];

const setUp = async () => {
  const folder = await temporaryFolder();
  const data = join(folder, "toy");
  await mkdir(data);
  await writeToyDataset(data, fields);
  return { folder, data, models: await writeToyModels(join(folder, "models")) };
};

const runCommand = async (argv: readonly string[]): Promise<string> => {
  const written: string[] = [];
  const out = vi.spyOn(process.stdout, "write").mockImplementation((text) => written.push(String(text)) > 0);
  try {
    const program = createProgram("0.0.0");
    register(program);
    await program.parseAsync(["evaluate", ...argv], { from: "user" });
  } finally {
    out.mockRestore();
  }
  return written.join("");
};

describe("evaluate", () => {
  it("scores a detector on labelled fields at the labels' scale", async () => {
    const { data, models } = await setUp();
    const dataset = await openDataset(data);
    const evaluation = await evaluate({
      fields: await dataset.fields("val"),
      classes: ["erythrocyte", "leukocyte", "platelet"],
      models,
      scale: "labels",
      provider: "cpu",
    });
    const T = grid.length + 2 * around.length + 1;
    expect(evaluation.raw.pooled).toMatchObject({ T, M: 1, e: 1 });
    expect(evaluation.raw.classes.leukocyte).toMatchObject({ T: 2, M: 1, e: 0 });
    expect(evaluation.raw.classes.erythrocyte).toMatchObject({ M: 0, e: 1 });
    expect(evaluation.ap50.classes.leukocyte).toBeCloseTo(50, 6);
    expect(evaluation.scale).toEqual({ origin: "labels" });
    expect(evaluation.models.detector).toEqual(models.detector.ref);
    expect(evaluation.msPerField).toBeGreaterThan(0);
    expect(evaluationTable(evaluation, "toy val")).toMatch(/Red cell +\d+ +0 +1/);
  });

  it("estimates the scale where told to, and says how near it came", async () => {
    const { data, models } = await setUp();
    const dataset = await openDataset(data);
    const whole = await dataset.fields("val");
    const options = { fields: whole, classes: dataset.classes, models, provider: "cpu" } as const;
    const { scale, raw } = await evaluate({ ...options, scale: "estimated" });
    expect(scale.agreement).toMatchObject({ fields: 3, within8Percent: 1 });
    expect(raw.classes.erythrocyte).toMatchObject({ M: 0, e: 1 });
  });

  it("prints one JSON object, and pictures of the errors with a page", async () => {
    const { folder, data } = await setUp();
    const errors = join(folder, "wrong");
    const models = ["--model", join(folder, "models/unet/1.0.0"), "--classifier", join(folder, "models/cells/1.0.0")];
    const output = await runCommand([data, ...models, "--provider", "cpu", "--json", "--errors", errors]);
    const object = JSON.parse(output) as Record<string, unknown>;
    expect(Object.keys(object)).toEqual(
      expect.arrayContaining([
        "fields",
        "model",
        "provider",
        "raw",
        "fair",
        "ap50",
        "countError",
        "msPerField",
        "scale",
      ]),
    );
    expect(object).toMatchObject({ dataset: "toy", split: "val", fields: 3, provider: "cpu", remarks: [] });
    expect(object.results).toBeUndefined();
    expect((await readdir(errors)).sort()).toEqual(["field2.jpg", "index.html"]);
    expect(await readFile(join(errors, "index.html"), "utf8")).toContain("1 missed, 1 falsely found");
  });

  it("refuses a split, a model, a scale that are not there", async () => {
    const { folder, data } = await setUp();
    const model = ["--model", join(folder, "models/unet/1.0.0"), "--no-classifier"];
    await expect(runCommand([data, ...model, "--split", "test"])).rejects.toMatchObject({ code: "DATASET_INVALID" });
    await expect(runCommand([data, "--model", join(folder, "none")])).rejects.toMatchObject({
      code: "MODEL_NOT_FOUND",
    });
    await expect(runCommand([join(folder, "models"), ...model])).rejects.toMatchObject({ code: "DATASET_INVALID" });
  });
});
