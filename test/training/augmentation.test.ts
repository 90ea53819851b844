import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { cellClasses, createRandom, leukocyteClasses } from "../../src/core/index.js";
import { cutCells, turnCell } from "../../src/training/augmentation/cutCells.js";
import { makeCropPool, makeFieldPool, poolSize, recolour } from "../../src/training/augmentation/index.js";
import { cropMask } from "../../src/training/augmentation/paintedFields.js";
import { loadFieldPictures, type StoredField } from "../../src/training/datasets/fieldPictures.js";
import { createCropSampler, createFieldSampler, storedCrop } from "../../src/training/datasets/index.js";
import { joinMade } from "../../src/training/datasets/sampleOrder.js";
import { readTrainingFields, type TrainingFields } from "../../src/training/fields.js";
import { maskOfField } from "../../src/training/masks/index.js";
import { stain } from "./maskFixture.js";
import { writeUntrainedPainter } from "./painter/untrainedPainter.js";
import { writeToyLaboratory } from "./reproduction/toyLaboratory.js";

let root: string;
let fields: TrainingFields;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "cytostream-augmentation-"));
  const counts = { train: 14, val: 1 };
  await writeToyLaboratory({ folder: join(root, "named"), ...counts, background: [250, 226, 200], named: true });
  await writeToyLaboratory({ folder: join(root, "other"), ...counts, background: [200, 215, 240], named: false });
  await writeUntrainedPainter(join(root, "painter"));
  fields = await readTrainingFields([join(root, "named")]);
});
afterAll(() => rm(root, { recursive: true, force: true }));

const inside = ({ width, height, boxes }: StoredField): boolean =>
  boxes.every((value, at) => value >= 0 && value <= (at % 2 === 0 ? width : height));

/** The colour that most of a field's border has. */
const backgroundOf = ({ width, pixels }: StoredField): number[] =>
  [0, 1, 2].map((channel) => {
    const values = Array.from({ length: width }, (_, x) => pixels[3 * x + channel]!).sort((a, b) => a - b);
    return values[values.length >> 1]!;
  });

const pool = (painter: string, more: { stains?: string; seed?: number; count?: number } = {}) =>
  makeFieldPool({
    augmentation: {
      painter: painter === "copy-paste" ? painter : join(root, painter),
      ratio: 0.5,
      stains: more.stains,
    },
    fields: fields.training,
    count: more.count ?? 6,
    seed: more.seed ?? 1,
  });

describe.each(["painter", "copy-paste"])("fields made by %s", (painter) => {
  it("are labelled inside themselves and the same for the same seed", async () => {
    const [first, again, other] = [await pool(painter), await pool(painter), await pool(painter, { seed: 2 })];
    expect(first.items).toHaveLength(6);
    expect(first.items.every(inside)).toBe(true);
    expect(
      first.items.every(
        ({ boxes, classes, cellClasses: named }) =>
          boxes.length === 4 * classes.length && named.length === classes.length,
      ),
    ).toBe(true);
    expect(first.items.some(({ classes }) => classes.length > 4)).toBe(true);
    expect(again).toEqual(first);
    expect(other.items[0]!.pixels).not.toEqual(first.items[0]!.pixels);
    expect(other.identity).not.toEqual(first.identity);
  }, 60_000);

  it("give crops of the class asked for, all classes alike", async () => {
    const { items } = await makeCropPool(
      {
        augmentation: { painter: painter === "copy-paste" ? painter : join(root, painter), ratio: 0.5 },
        fields: fields.training,
        count: 28,
        seed: 3,
      },
      storedCrop,
    );
    const counts = leukocyteClasses.map((_, index) => items.filter(({ classIndex }) => classIndex === index).length);
    expect(counts.every((count) => count >= 1)).toBe(true);
    expect(items.every(({ pixels }) => pixels.length === 3 * storedCrop.sidePx ** 2)).toBe(true);
  }, 60_000);
});

describe("fields made in another laboratory's stain", () => {
  it("have its colours when pasted; its labels are not looked at", async () => {
    const own = await pool("copy-paste", { count: 4 });
    const there = await pool("copy-paste", { count: 4, stains: join(root, "other") });
    for (const [index, expected] of [
      [0, 200],
      [1, 215],
      [2, 240],
    ] as const)
      for (const field of there.items) expect(Math.abs(backgroundOf(field)[index]! - expected)).toBeLessThan(12);
    expect(there.items.map(({ boxes }) => boxes)).toEqual(own.items.map(({ boxes }) => boxes));
  }, 60_000);

  it("are painted with it, whatever the field's own", async () => {
    const own = await pool("painter", { count: 2 });
    const there = await pool("painter", { count: 2, stains: join(root, "other") });
    expect(there.items[0]!.pixels).not.toEqual(own.items[0]!.pixels);
  }, 60_000);

  it("keep what lies between background and nuclei in order", () => {
    const to = { ...stain, background: { red: 200, green: 200, blue: 220 }, nuclei: { red: 60, green: 40, blue: 120 } };
    const ramp = Uint8Array.from({ length: 3 * 256 }, (_, at) => Math.floor(at / 3));
    const { pixels } = recolour({ width: 256, height: 1, pixels: ramp }, stain, to);
    const greens = Array.from({ length: 256 }, (_, value) => pixels[3 * value + 1]!);
    expect(greens[stain.background.green]).toBe(200);
    expect(Math.abs(greens[stain.nuclei.green]! - 40)).toBeLessThanOrEqual(1);
    expect(greens.every((value, index) => index === 0 || value >= greens[index - 1]!)).toBe(true);
  });
});

describe("cells that are cut out", () => {
  it("are the labelled ones, whole, and keep size and class when turned", async () => {
    const [field] = await loadFieldPictures(fields.training.slice(0, 1));
    const cells = cutCells(field!, maskOfField(field!));
    const counts = cellClasses.map((name) => cells.filter(({ cellClass }) => cellClass === name).length);
    expect(counts[cellClasses.indexOf("erythrocyte")]).toBe(7);
    expect(counts[cellClasses.indexOf("neutrophil")]).toBe(1);
    const [cell] = cells;
    const area = cell!.inside.reduce((sum, value) => sum + value, 0);
    for (const scale of [0.8, 1, 1.3]) {
      const turned = turnCell(cell!, { flip: true, angle: 0.7, scale });
      const covered = turned.share.reduce((sum, value) => sum + value, 0);
      expect(covered / (area * scale * scale)).toBeCloseTo(1, 1);
    }
  });
});

describe("part of a mask", () => {
  it("has what lies in it, cut", async () => {
    const [field] = await loadFieldPictures(fields.training.slice(0, 1));
    const mask = maskOfField(field!);
    const part = cropMask(mask, { left: 60, top: 60, width: 70, height: 60 });
    expect([part.width, part.height]).toEqual([70, 60]);
    expect(part.labels.map(({ cellClass }) => cellClass)).toContain("neutrophil");
    expect(part.labels.every(({ box }) => box.left >= 0 && box.right <= 70 && box.bottom <= 60)).toBe(true);
    expect(part.gradient[30 * 70 + 35]).toBe(mask.gradient[90 * mask.width + 95]);
  });
});

describe("samples that are made", () => {
  it("have their part of all samples, and real groups keep their shares of the rest", () => {
    const real = [
      { items: ["a"], share: 3 },
      { items: ["b"], share: 1 },
    ];
    expect(joinMade(real, [{ items: ["c"], share: 7 }], 0.2).map(({ share }) => share)).toEqual([
      0.6000000000000001, 0.2, 0.2,
    ]);
    expect(joinMade(real, [{ items: ["c"], share: 7 }], 1)).toEqual([{ items: ["c"], share: 1 }]);
    expect(joinMade(real, [], 0.5)).toBe(real);
  });

  it("are drawn by the samplers, which go on where they stood", async () => {
    const made = await pool("copy-paste");
    const options = { fields: fields.training, canvasPx: 64, batch: 2, seed: 5, made };
    const [sampler, other] = [await createFieldSampler(options), await createFieldSampler(options)];
    sampler.next();
    other.restore(sampler.state());
    expect(other.next()).toEqual(sampler.next());
    const crops = await makeCropPool(
      { augmentation: { painter: "copy-paste", ratio: 1 }, fields: fields.training, count: 14, seed: 3 },
      storedCrop,
    );
    const alone = await createCropSampler({ fields: fields.training, batch: 4, seed: 1, made: crops });
    expect(alone.classCounts.reduce((sum, count) => sum + count, 0)).toBe(14 + crops.items.length);
    expect(alone.next().labels.every(Number.isFinite)).toBe(true);
  }, 60_000);

  it("are as many as a training can use", () => {
    const augmentation = { painter: "copy-paste", ratio: 0.5 };
    expect(poolSize(augmentation, { batch: 8, duration: { steps: 500 } })).toBe(200);
    expect(poolSize(augmentation, { batch: 8, duration: { minutes: 60 } })).toBe(600);
    expect(poolSize(augmentation, { batch: 2, duration: { steps: 1 } })).toBe(16);
    expect(poolSize({ ...augmentation, fields: 3 }, { batch: 8, duration: { steps: 500 } })).toBe(3);
  });

  it("need a ratio that can be one, and a painter that is there", async () => {
    const request = { fields: fields.training, count: 1, seed: createRandom(1).int(9) };
    await expect(
      makeFieldPool({ ...request, augmentation: { painter: "copy-paste", ratio: 1.5 } }),
    ).rejects.toMatchObject({ code: "USAGE" });
    await expect(
      makeFieldPool({ ...request, augmentation: { painter: join(root, "none"), ratio: 0.5 } }),
    ).rejects.toMatchObject({ code: "MODEL_NOT_FOUND" });
  });
});
