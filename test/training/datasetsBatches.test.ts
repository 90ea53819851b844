import { createHash } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { Box } from "../../src/core/index.js";
import { encodePng } from "../../src/pictures/index.js";
import { createFieldBatch } from "../../src/training/datasets/fieldBatches.js";
import { type SampleLabels, TargetPainter } from "../../src/training/datasets/fieldTargets.js";
import {
  centredCrops,
  createCropSampler,
  createFieldSampler,
  type FieldBatch,
  findTwiceLabelled,
  inverseOrientation,
  type LabelledField,
  resamplePicture,
  turnBox,
} from "../../src/training/datasets/index.js";
import { radiusUm, redGrid, type ToyCell, toyFrame } from "../detection/toySmear.js";
import { temporaryFolders } from "../registry/modelFixture.js";

const temporaryFolder = temporaryFolders();
const umPerPixel = 0.15;

const boxOf = ({ kind, x, y }: ToyCell): Box => {
  const radius = radiusUm(kind) / umPerPixel;
  return { left: x - radius, top: y - radius, right: x + radius, bottom: y + radius };
};

const painted = async (
  folder: string,
  id: string,
  {
    cells,
    width = 420,
    height = 300,
    ...extra
  }: { cells: readonly ToyCell[]; width?: number; height?: number } & Partial<Omit<LabelledField, "cells">>,
): Promise<LabelledField> => {
  const picturePath = join(folder, `${id}.png`);
  await mkdir(folder, { recursive: true });
  await writeFile(picturePath, await encodePng(toyFrame(cells, { width, height, umPerPixel })));
  return {
    id,
    dataset: "toy",
    picturePath,
    widthPx: width,
    heightPx: height,
    incomplete: [],
    redCellDiameterPx: 7.5 / umPerPixel,
    umPerPixel,
    ...extra,
    cells: cells.map((cell) => ({ cellClass: cell.kind, box: boxOf(cell) })),
  };
};

const grid = redGrid(420, 300, umPerPixel);
const still = {
  scale: 0,
  contrast: 0,
  brightness: 0,
  gain: 0,
  gamma: 0,
  hueDegrees: 0,
  saturation: 0,
  blurredPart: 0,
  noisyPart: 0,
};

/** Stands for a batch's contents; comparing megabytes element by element would take minutes. */
const digestOf = (batch: FieldBatch): string => {
  const hash = createHash("sha256");
  for (const { buffer } of Object.values(batch) as Uint8Array[]) hash.update(new Uint8Array(buffer));
  return hash.digest("hex");
};

describe("createFieldSampler", () => {
  const canvasPx = 192;
  const side = canvasPx / 2;
  const plane = side * side;

  it("lays peaks on the cells whatever the orientation, scale and place", async () => {
    const folder = await temporaryFolder();
    const white: ToyCell = { kind: "leukocyte", x: 210, y: 150 };
    const cells = [...grid.filter(({ x, y }) => Math.hypot(x - 210, y - 150) > 100), white];
    const field = await painted(folder, "a", { cells });
    const sampler = await createFieldSampler({
      fields: [field],
      batch: 16,
      seed: 3,
      augmentation: { ...still, scale: 0.15 },
    });
    const { field: pixels, density, extent, extentWeight, valid } = sampler.next();
    let peaks = 0;
    for (let sample = 0; sample < 16; sample++) {
      for (let c = 0; c < 2; c++) {
        const start = (sample * 3 + c) * plane;
        for (let at = 0; at < plane; at++) {
          if (density[start + at] !== 1) continue;
          peaks++;
          const [x, y] = [2 * (at % side) + 1, 2 * Math.floor(at / side) + 1];
          const pixel = 4 * ((sample * canvasPx + y) * canvasPx + x);
          const [red, , blue, alpha] = pixels.subarray(pixel, pixel + 4);
          expect(alpha).toBe(255);
          expect(c === 0 ? red! - blue! : blue! - red!).toBeGreaterThan(100);
          expect(valid[start + at]).toBe(1);
          expect(extentWeight[start + at]).toBeGreaterThan(0);
          const edges = [0, 1, 2, 3].map((edge) => extent[4 * start + edge * plane + at]!);
          expect(Math.min(...edges)).toBeGreaterThanOrEqual(0);
          // A whole cell has the size that the scale gives it.
          const whole = x - edges[0]! > 1 && y - edges[1]! > 1 && x + edges[2]! < 191 && y + edges[3]! < 191;
          const expected = c === 0 ? 32 : 56;
          if (whole) expect(Math.abs((edges[0]! + edges[2]!) / expected - 1)).toBeLessThan(0.17);
        }
      }
    }
    expect(peaks).toBeGreaterThan(16);
  });

  it("gives each cell extent weights that sum to 1", async () => {
    const field = await painted(await temporaryFolder(), "a", { cells: grid });
    const sampler = await createFieldSampler({ fields: [field], batch: 4, seed: 1 });
    const { density, extentWeight } = sampler.next();
    const count = (values: Float32Array, of: (value: number) => number) =>
      values.reduce((sum, value) => sum + of(value), 0);
    const peaks = count(density, (value) => (value === 1 ? 1 : 0));
    expect(count(extentWeight, (value) => value)).toBeCloseTo(peaks, 3);
  });

  it("marks padding by alpha 0, no colour and no validity", async () => {
    const field = await painted(await temporaryFolder(), "small", { cells: [], width: 150, height: 120 });
    const { field: pixels, valid } = (await createFieldSampler({ fields: [field], batch: 2, seed: 1 })).next();
    const inside = pixels.filter((_, at) => at % 4 === 3).reduce((sum, alpha) => sum + (alpha === 255 ? 1 : 0), 0);
    expect(inside).toBeGreaterThan(0.6 * 2 * 96 * 77);
    for (let at = 0; at < pixels.length; at += 4)
      if (pixels[at + 3] === 0) expect(pixels[at]! + pixels[at + 1]! + pixels[at + 2]!).toBe(0);
    const part = valid.reduce((sum, value) => sum + value, 0) / valid.length;
    expect(Math.abs(part - inside / (2 * 192 * 192))).toBeLessThan(0.03);
  });

  it("is the same for the same seed, another for another, and goes on bit for bit from a kept state", async () => {
    const folder = await temporaryFolder();
    const fields = [await painted(folder, "a", { cells: grid }), await painted(folder, "b", { cells: grid.slice(3) })];
    const open = (seed: number) => createFieldSampler({ fields, batch: 3, seed });
    const [one, two, other] = [await open(5), await open(5), await open(6)];
    expect(digestOf(one.next())).toEqual(digestOf(two.next()));
    expect(digestOf(other.next())).not.toEqual(digestOf(one.next()));
    const kept = JSON.stringify(one.state());
    const following = [digestOf(one.next()), digestOf(one.next())];
    two.next();
    two.next();
    two.next();
    two.restore(JSON.parse(kept));
    expect([digestOf(two.next()), digestOf(two.next())]).toEqual(following);
    expect(() => two.restore({ ...JSON.parse(kept), passes: [] })).toThrow(/stands/);
  });

  it("draws from data sets by their weights", async () => {
    const folder = await temporaryFolder();
    const red = await painted(folder, "red", {
      cells: [{ kind: "erythrocyte", x: 75, y: 60 }],
      width: 150,
      height: 120,
      dataset: "red",
    });
    const none = await painted(folder, "none", { cells: [], width: 150, height: 120, dataset: "none" });
    const options = { fields: [red, none, none], batch: 60, seed: 2, canvasPx: 96 } as const;
    const { density } = (await createFieldSampler({ ...options, weights: { red: 1, none: 0 } })).next();
    expect(density.filter((value) => value === 1)).toHaveLength(60);
    await expect(createFieldSampler({ ...options, weights: { blue: 1 } })).rejects.toMatchObject({ code: "USAGE" });
  });

  it("refuses fields whose scale nothing tells", async () => {
    const {
      umPerPixel: _,
      redCellDiameterPx: __,
      ...field
    } = await painted(await temporaryFolder(), "a", { cells: [] });
    await expect(createFieldSampler({ fields: [field], batch: 1, seed: 1 })).rejects.toMatchObject({
      code: "DATASET_INVALID",
    });
  });
});

describe("TargetPainter", () => {
  const labels = (boxes: readonly number[][], incomplete = [false, false, false]): SampleLabels => ({
    left: 0,
    top: 0,
    right: 64,
    bottom: 64,
    boxes: Float32Array.from(boxes.flat()),
    classes: new Uint8Array(boxes.length),
    count: boxes.length,
    incomplete,
  });
  const paint = (sample: SampleLabels): FieldBatch => {
    const batch = createFieldBatch(1, 64);
    new TargetPainter(64).paint(batch, 0, sample);
    return batch;
  };

  it("keeps a cell of which 0.4 is seen, with what is left of its box, and disbelieves the area of one that is less", () => {
    const kept = paint(labels([[-18, 20, 12, 50]]));
    expect(kept.density[17 * 32 + 3]).toBe(1);
    expect(kept.extent[17 * 32 + 3]).toBe(7);
    expect(kept.valid[17 * 32 + 3]).toBe(1);
    const ignored = paint(labels([[-19, 20, 11, 50]]));
    expect(ignored.density.every((value) => value === 0)).toBe(true);
    expect(ignored.valid[17 * 32 + 3]).toBe(0);
    expect(ignored.valid[17 * 32 + 8]).toBe(1);
    expect(ignored.valid[32 * 32 + 17 * 32 + 3]).toBe(1);
  });

  it("believes of an incompletely labelled class only its labelled cells", () => {
    const { valid, density } = paint(labels([[16, 16, 48, 48]], [true, false, false]));
    expect(density[15 * 32 + 15]! + density[16 * 32 + 16]!).toBeGreaterThan(1);
    expect(valid[16 * 32 + 16]).toBe(1);
    expect(valid[2 * 32 + 2]).toBe(0);
    expect(valid[32 * 32 + 2 * 32 + 2]).toBe(1);
  });

  it("gives touching cells each their own extents", () => {
    const { extent, density } = paint(
      labels([
        [4, 16, 32, 48],
        [32, 16, 60, 48],
      ]),
    );
    const [a, b] = [16 * 32 + 9, 16 * 32 + 23];
    expect(density[a]).toBe(1);
    expect(extent[a]).toBeCloseTo(19 - 4, 5);
    expect(extent[2 * 1024 + b]).toBeCloseTo(60 - 47, 5);
    expect(density[16 * 32 + 16]).toBeLessThan(0.1);
  });
});

describe("createCropSampler", () => {
  const kinds = async () => {
    const folder = await temporaryFolder();
    const cells: ToyCell[] = [
      { kind: "lymphocyte", x: 130, y: 150 },
      { kind: "leukocyte", x: 310, y: 150 },
    ];
    return [await painted(folder, "a", { cells })];
  };

  it("shows leukocytes of known class in the middle, with smoothed labels", async () => {
    const sampler = await createCropSampler({ fields: await kinds(), batch: 6, seed: 1 });
    expect(sampler.classCounts).toEqual([0, 0, 0, 1, 0, 0, 0]);
    const { crops, labels } = sampler.next();
    for (let sample = 0; sample < 6; sample++) {
      const at = 3 * ((sample * 96 + 48) * 96 + 48);
      expect(crops[at + 2]! - crops[at + 1]!).toBeGreaterThan(60);
      const row = Array.from(labels.subarray(7 * sample, 7 * sample + 7));
      expect(row[3]).toBeCloseTo(0.95 + 0.05 / 7, 6);
      expect(row.reduce((sum, value) => sum + value, 0)).toBeCloseTo(1, 6);
    }
  });

  it("goes on bit for bit from a kept state", async () => {
    const fields = await kinds();
    const [one, two] = [
      await createCropSampler({ fields, batch: 4, seed: 9 }),
      await createCropSampler({ fields, batch: 4, seed: 9 }),
    ];
    one.next();
    const kept = JSON.parse(JSON.stringify(one.state()));
    const expected = one.next().crops.slice();
    two.restore(kept);
    expect(Buffer.compare(two.next().crops, expected)).toBe(0);
  });

  it("gives unvaried crops for evaluation", async () => {
    const [crop, ...others] = await centredCrops(await kinds());
    expect(others).toEqual([]);
    expect(crop).toMatchObject({ classIndex: 3, id: "a#0", dataset: "toy" });
    expect(crop!.pixels).toHaveLength(96 * 96 * 3);
  });

  it("refuses fields whose labels name no leukocyte", async () => {
    const fields = [await painted(await temporaryFolder(), "a", { cells: grid })];
    await expect(createCropSampler({ fields, batch: 1, seed: 1 })).rejects.toMatchObject({ code: "DATASET_INVALID" });
  });
});

describe("resamplePicture", () => {
  it("keeps the mean where it shrinks, and repeats the edge beyond the border", () => {
    const pixels = Uint8Array.from({ length: 12 * 8 * 3 }, (_, at) => (at * 37) % 251);
    const picture = { width: 12, height: 8, pixels };
    const small = resamplePicture(picture, { left: 0, top: 0, width: 12, height: 8 }, { width: 5, height: 3 });
    const mean = (values: Uint8Array) => values.reduce((sum, value) => sum + value, 0) / values.length;
    expect(Math.abs(mean(small.pixels) - mean(pixels))).toBeLessThan(1);
    const beyond = resamplePicture(picture, { left: -6, top: 0, width: 6, height: 1 }, { width: 2, height: 1 });
    expect(Array.from(beyond.pixels.subarray(0, 3))).toEqual(Array.from(pixels.subarray(0, 3)));
    expect(resamplePicture(picture, { left: 0, top: 0, width: 12, height: 8 }, picture).pixels).toEqual(pixels);
  });
});

describe("findTwiceLabelled", () => {
  it("finds the same picture at another size, turned or not, and lays its boxes over", async () => {
    const folder = await temporaryFolder();
    const cells: ToyCell[] = [
      { kind: "erythrocyte", x: 60, y: 40 },
      { kind: "leukocyte", x: 200, y: 70 },
      { kind: "erythrocyte", x: 110, y: 150 },
    ];
    const a = await painted(folder, "a", { cells, width: 300, height: 200 });
    // Mirrored across, then transposed: (x, y) of 300 x 200 comes to lie at (y, 300 - x) of 200 x 300.
    const turned = cells.map(({ kind, x, y }): ToyCell => ({ kind, x: 40 + y, y: 300 - x }));
    const other = await painted(folder, "other", { cells: turned.slice(1), width: 310, height: 310 });
    const b = await painted(folder, "b", {
      cells: cells.map(({ kind, x, y }): ToyCell => ({ kind, x: y, y: 300 - x })),
      width: 200,
      height: 300,
    });
    const [pair, ...rest] = await findTwiceLabelled([a, other, b]);
    expect(rest).toEqual([]);
    expect([pair!.a.id, pair!.b.id]).toEqual(["a", "b"]);
    a.cells.forEach(({ box }, index) => {
      const placed = turnBox(box, pair!);
      for (const edge of ["left", "top", "right", "bottom"] as const)
        expect(placed[edge]).toBeCloseTo(b.cells[index]!.box[edge], 6);
    });
  });

  it("undoes every orientation", () => {
    const fieldOf = (widthPx: number, heightPx: number) => ({ widthPx, heightPx }) as LabelledField;
    const box = { left: 10, top: 20, right: 45, bottom: 32 };
    for (let orientation = 0; orientation < 8; orientation++) {
      const [a, b] = [fieldOf(100, 60), fieldOf(300, 200)];
      const there = turnBox(box, { a, b, orientation });
      const back = turnBox(there, { a: b, b: a, orientation: inverseOrientation(orientation) });
      expect(Object.values(back).map((v) => Math.round(v * 1e6))).toEqual(
        Object.values({ left: box.left, right: box.right, top: box.top, bottom: box.bottom }).map((v) => v * 1e6),
      );
    }
  });
});
