import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type CellClass, cellClasses, createRandom, densityClassOf } from "../../src/core/index.js";
import { ColourChange } from "../../src/training/datasets/colourJitter.js";
import { fieldAugmentation } from "../../src/training/datasets/fieldBatches.js";
import type { StoredField } from "../../src/training/datasets/fieldPictures.js";
import {
  body,
  changeStain,
  collectOutlines,
  createMaskPlanes,
  drawMask,
  type FieldMask,
  flatColoursOf,
  MaskPainter,
  type MaskStatistics,
  maskOfField,
  measureStatistics,
  nucleus,
  OutlineLibrary,
  paintFlat,
  parseStatistics,
  pictureOfPlanes,
  stainOf,
  usualStain,
} from "../../src/training/masks/index.js";
import { radiusUm, redGrid, type ToyCell, toyFrame } from "../detection/toySmear.js";
import { boxAround, coveredBy, stain } from "./maskFixture.js";

const umPerPixel = 0.15;
const redCellPx = 7.5 / umPerPixel;

/** A drawn field as it is kept for training. */
const toyField = (cells: readonly ToyCell[], width: number, height: number): StoredField => {
  const boxes = cells.flatMap(({ kind, x, y }) => {
    const radius = radiusUm(kind) / umPerPixel;
    return [
      Math.max(x - radius, 0),
      Math.max(y - radius, 0),
      Math.min(x + radius, width),
      Math.min(y + radius, height),
    ];
  });
  return {
    id: "toy",
    dataset: "toy",
    width,
    height,
    pixels: toyFrame(cells, { width, height, umPerPixel }).pixels,
    redCellPx,
    boxes: Float32Array.from(boxes),
    classes: Uint8Array.from(cells, ({ kind }) =>
      ["erythrocyte", "leukocyte", "platelet"].indexOf(densityClassOf(kind)),
    ),
    cellClasses: Uint8Array.from(cells, ({ kind }) => cellClasses.indexOf(kind)),
    incomplete: [false, false, false],
  };
};

const [fieldWidth, fieldHeight] = [420, 300];
const toyCells: readonly ToyCell[] = [
  ...redGrid(fieldWidth, fieldHeight, umPerPixel).filter(({ x, y }) => Math.hypot(x - 210, y - 150) > 90),
  { kind: "lymphocyte", x: 210, y: 150 },
];
const toy = toyField(toyCells, fieldWidth, fieldHeight);

const labelled = (masks: readonly FieldMask[]) =>
  masks.map(({ width, height, labels, redCellPx: redCellDiameterPx }) => ({
    widthPx: width,
    heightPx: height,
    cells: labels,
    incomplete: [],
    redCellDiameterPx,
  }));

describe("maskOfField", () => {
  it("finds the outlines of drawn discs", () => {
    const mask = maskOfField(toy);
    expect(mask.cells).toHaveLength(toyCells.length);
    mask.cells.forEach((cell, index) => {
      const { kind, x, y } = toyCells[index]!;
      expect(cell.cellClass).toBe(kind);
      const radius = radiusUm(kind) / umPerPixel;
      const found = new Set(coveredBy(cell, mask));
      let [both, either] = [0, found.size];
      for (let at = 0; at < mask.width * mask.height; at++) {
        const inDisc = Math.hypot((at % mask.width) + 0.5 - x, Math.floor(at / mask.width) + 0.5 - y) <= radius;
        if (inDisc && found.has(at)) both++;
        if (inDisc && !found.has(at)) either++;
      }
      expect(both / either).toBeGreaterThan(0.9);
    });
  });
});

const statistics: MaskStatistics = measureStatistics(labelled(Array<FieldMask>(8).fill(maskOfField(toy))));
const outlines = collectOutlines([maskOfField(toy)], { seed: 1 });

describe("drawMask", () => {
  const options = fc.record({
    seed: fc.nat(),
    width: fc.integer({ min: 1, max: 200 }),
    height: fc.integer({ min: 1, max: 200 }),
    redCellPx: fc.integer({ min: 8, max: 48 }),
    outlines: fc.constantFrom(undefined, outlines),
  });

  it("is the same for the same seed and another for another", () => {
    const draw = (seed: number) => drawMask({ seed, statistics, outlines, stain, width: 200, height: 150 });
    expect(draw(3)).toEqual(draw(3));
    expect(draw(3).labels).not.toEqual(draw(4).labels);
  });

  it("labels exactly what it lays, within the field, of the size of the cells measured", () => {
    fc.assert(
      fc.property(options, (drawn) => {
        const mask = drawMask({ ...drawn, statistics, stain });
        expect(mask.labels).toHaveLength(mask.cells.length);
        mask.cells.forEach((cell, index) => {
          expect(mask.labels[index]!.box).toEqual(boxAround(coveredBy(cell, mask), mask.width));
          const { left, top, right, bottom } = mask.labels[index]!.box;
          expect(Math.min(left, top, mask.width - right, mask.height - bottom)).toBeGreaterThanOrEqual(0);
          expect(Math.max(right - left, bottom - top)).toBeLessThan(3 * mask.redCellPx);
        });
      }),
      { numRuns: 30 },
    );
  });

  it("brings every class that is asked for, and no other leukocyte, whether outlines of it are known or not", () => {
    fc.assert(
      fc.property(fc.nat(), fc.constantFrom<CellClass>(...cellClasses), (seed, cellClass) => {
        const size = { width: 160, height: 130, redCellPx: 24 };
        const { labels } = drawMask({ seed, statistics, outlines, stain, ...size, classes: [cellClass] });
        expect(labels.some((label) => label.cellClass === cellClass)).toBe(true);
        if (densityClassOf(cellClass) !== "leukocyte") return;
        const white = labels.filter((label) => densityClassOf(label.cellClass) === "leukocyte");
        expect(new Set(white.map((label) => label.cellClass))).toEqual(new Set([cellClass]));
      }),
      { numRuns: 60 },
    );
  });

  it("draws nuclei for leukocytes of which no outline is known", () => {
    const mask = drawMask({
      seed: 2,
      statistics,
      stain,
      width: 160,
      height: 160,
      redCellPx: 24,
      classes: ["neutrophil"],
    });
    const cell = mask.cells.find(({ cellClass }) => cellClass === "neutrophil")!;
    expect(cell.outline.parts).toContain(nucleus);
    expect(cell.outline.parts).toContain(body);
  });

  it("refuses sizes that cannot be", () => {
    for (const size of [{ width: 0 }, { height: 1.5 }, { redCellPx: Number.NaN }])
      expect(() => drawMask({ seed: 1, statistics, stain, width: 9, height: 9, ...size })).toThrow(/cannot be/);
  });
});

describe("statistics and outlines", () => {
  it("survive JSON, and what is no such thing is refused", () => {
    expect(parseStatistics(JSON.parse(JSON.stringify(statistics)))).toEqual(statistics);
    const read = OutlineLibrary.fromJson(JSON.parse(JSON.stringify(outlines.toJson())));
    expect(read.patches.map(({ edges: _, ...patch }) => patch)).toEqual(
      outlines.patches.map(({ edges: _, ...patch }) => patch),
    );
    read.patches.forEach(({ edges }, index) => {
      expect(edges).toEqual(outlines.patches[index]!.edges.map((edge) => edge & 0xfc));
    });
    const refused = expect.objectContaining({ code: "MODEL_INVALID" });
    const { patches } = outlines.toJson();
    for (const value of [null, { version: 2 }, { version: 1, patches: [{ ...patches[0], width: 1 }] }])
      expect(() => OutlineLibrary.fromJson(value)).toThrow(refused);
    expect(() => parseStatistics({ ...statistics, density: {} })).toThrow(refused);
  });

  it("need a field whose scale is known", () => {
    const [field] = labelled([maskOfField(toy)]);
    const { redCellDiameterPx: _, ...unscaled } = field!;
    expect(() => measureStatistics([unscaled])).toThrow(expect.objectContaining({ code: "DATASET_INVALID" }));
  });

  it("tell counts, sizes and shares", () => {
    expect(statistics.shares).toEqual({ lymphocyte: 1 });
    expect(statistics.shapes.erythrocyte!.diameter[10]).toBeCloseTo(1, 1);
    expect(statistics.density.platelet.every((value) => value === 0)).toBe(true);
    expect(statistics.neighbours["erythrocyte-erythrocyte"][9]).toBeLessThan(0.5);
  });
});

describe("the stain", () => {
  it("is changed as a picture of its colours is", () => {
    fc.assert(
      fc.property(fc.nat(), (seed) => {
        const change = new ColourChange();
        change.draw(createRandom(seed), fieldAugmentation);
        const changed = changeStain(stain, change);
        const colours = Float32Array.from([stain.nuclei.red, stain.nuclei.green, stain.nuclei.blue]);
        const target = new Uint8Array(3);
        const noise = { noise: new Float32Array(1), noiseAt: 0, noiseScale: 0 };
        change.apply({ source: colours, from: 0, target, to: 0, step: 3, count: 1, ...noise });
        expect([changed.nuclei.red, changed.nuclei.green, changed.nuclei.blue]).toEqual(Array.from(target));
      }),
    );
  });

  it("of a field without nuclei has those of other fields, or usual ones, on its own background", () => {
    const bare = toyField([], 60, 60);
    expect(stainOf(bare).nuclei.green).toBeLessThan(0.3 * stainOf(bare).background.green);
    const { background, nuclei } = stainOf(bare, stain);
    expect(nuclei.green / background.green).toBeCloseTo(60 / 226, 1);
    const darker = { ...stain, nuclei: { red: 90, green: 20, blue: 130 } };
    expect(usualStain([stain, darker, darker]).nuclei).toEqual(darker.nuclei);
    expect(() => usualStain([])).toThrow(RangeError);
  });

  it("is what flat paint paints in", () => {
    const mask = maskOfField(toy);
    const canvasPx = 300;
    const planes = createMaskPlanes(1, canvasPx);
    new MaskPainter(canvasPx).paint(planes, 0, mask, { placement: { orientation: 0, zoom: 1, left: 0, top: 0 } });
    const { pixels } = paintFlat(planes, 0, { canvasPx, colours: flatColoursOf(stain) });
    const [lymphocyte, red] = [3 * (150 * canvasPx + 210), toyCells.find(({ x, y }) => x > 30 && y > 30)!];
    expect(pixels[lymphocyte + 1]).toBeLessThan(160);
    const at = 3 * (Math.round(red.y) * canvasPx + Math.round(red.x));
    expect(Array.from(pixels.subarray(at, at + 3))).toEqual([205, 165, 168]);
    const shown = pictureOfPlanes(planes, 0, canvasPx).pixels;
    expect(shown[lymphocyte + 2]!).toBeGreaterThan(shown[lymphocyte]!);
    expect(shown[at]!).toBeGreaterThan(shown[at + 2]!);
  });
});
