import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { cellClasses, createRandom, densityClassOf } from "../../src/core/index.js";
import { ColourChange } from "../../src/training/datasets/colourJitter.js";
import type { StoredField } from "../../src/training/datasets/fieldPictures.js";
import { FieldPainter } from "../../src/training/datasets/fieldView.js";
import type { FieldBatch } from "../../src/training/datasets/index.js";
import {
  body,
  createFieldMask,
  createMaskPlanes,
  gradientPlaneIndex,
  MaskPainter,
  type MaskPlacement,
  maskPlaneCount,
  nucleus,
  placedLabels,
  positionChannels,
  stainPlaneIndex,
} from "../../src/training/masks/index.js";
import { boxAround, coveredBy, stain } from "./maskFixture.js";

const outlineArbitrary = fc
  .record({ width: fc.integer({ min: 1, max: 9 }), height: fc.integer({ min: 1, max: 9 }) })
  .chain(({ width, height }) =>
    fc
      .uint8Array({ minLength: width * height, maxLength: width * height, max: nucleus })
      .map((parts) => ({ width, height, parts })),
  );

const cellArbitrary = fc.record({
  cellClass: fc.constantFrom(...cellClasses),
  left: fc.integer({ min: -12, max: 30 }),
  top: fc.integer({ min: -12, max: 30 }),
  outline: outlineArbitrary,
});

const maskArbitrary = fc
  .record({
    width: fc.integer({ min: 1, max: 24 }),
    height: fc.integer({ min: 1, max: 24 }),
    cells: fc.array(cellArbitrary, { maxLength: 6 }),
  })
  .map(({ width, height, cells }) => {
    const edges = { width, height, values: new Uint8Array(width * height).fill(200) };
    return { given: cells, mask: createFieldMask({ width, height, redCellPx: 32, stain, cells, edges }) };
  });

const planeOf = (planes: Float32Array, index: number, canvasPx: number): Float32Array =>
  planes.subarray(index * canvasPx * canvasPx, (index + 1) * canvasPx * canvasPx);

describe("createFieldMask", () => {
  it("labels each cell by the box of what is seen of it, leaves out the others, and keeps edges inside cells only", () => {
    fc.assert(
      fc.property(maskArbitrary, ({ given, mask }) => {
        const seen = given.flatMap((cell) => {
          const pixels = coveredBy(cell, mask);
          return pixels.length > 0 ? [{ cellClass: cell.cellClass, box: boxAround(pixels, mask.width) }] : [];
        });
        expect(mask.labels).toEqual(seen);
        const inside = new Set(given.flatMap((cell) => coveredBy(cell, mask)));
        mask.gradient.forEach((value, at) => {
          expect(value).toBe(inside.has(at) ? 200 : 0);
        });
      }),
    );
  });

  it("refuses edges of another size", () => {
    const edges = { width: 3, height: 4, values: new Uint8Array(12) };
    expect(() => createFieldMask({ width: 4, height: 3, redCellPx: 32, stain, cells: [], edges })).toThrow(RangeError);
  });
});

describe("MaskPainter", () => {
  const canvasPx = 24;
  const upright: MaskPlacement = { orientation: 0, zoom: 1, left: 0, top: 0 };

  it("lays classes, nuclei, edges and the stain in their planes; red cells half a layer each", () => {
    fc.assert(
      fc.property(maskArbitrary, ({ given, mask }) => {
        const planes = createMaskPlanes(2, canvasPx).fill(9);
        new MaskPainter(canvasPx).paint(planes, 1, mask, { placement: upright });
        const sample = planes.subarray(maskPlaneCount * canvasPx * canvasPx);
        positionChannels.forEach((channel, index) => {
          const expected = new Float32Array(canvasPx * canvasPx);
          for (const cell of given) {
            const named = channel === cell.cellClass || channel === densityClassOf(cell.cellClass);
            if (!named && channel !== "nucleus") continue;
            for (const at of coveredBy(cell, mask)) {
              const [x, y] = [at % mask.width, Math.floor(at / mask.width)];
              const part = cell.outline.parts[(y - cell.top) * cell.outline.width + x - cell.left];
              if (channel === "nucleus" && part !== nucleus) continue;
              const to = y * canvasPx + x;
              expected[to] = Math.min(expected[to]! + (channel === "erythrocyte" ? 0.5 : 1), 1);
            }
          }
          expect(planeOf(sample, index, canvasPx)).toEqual(expected);
        });
        const edges = planeOf(sample, gradientPlaneIndex, canvasPx);
        expect(edges[0]).toBeCloseTo(mask.gradient[0]! / 255, 6);
        expect(planeOf(sample, stainPlaneIndex + 4, canvasPx)[7]).toBeCloseTo(165 / 255, 6);
        expect(planes[0]).toBe(9);
      }),
      { numRuns: 50 },
    );
  });

  it("lays a mask and its labels where the picture is laid, whatever the orientation, scale and place", () => {
    const placements = fc.record({
      orientation: fc.integer({ min: 0, max: 7 }),
      zoom: fc.double({ min: 0.4, max: 2, noNaN: true }),
      left: fc.double({ min: -20, max: 10, noNaN: true }),
      top: fc.double({ min: -20, max: 10, noNaN: true }),
    });
    fc.assert(
      fc.property(cellArbitrary, placements, (cell, placement) => {
        const [width, height] = [30, 20];
        const edges = { width, height, values: new Uint8Array(width * height) };
        // A full rectangle: of a sparse outline the canvas may show a part whose box is not that of the whole.
        const outline = { ...cell.outline, parts: cell.outline.parts.map(() => body) };
        const cells = [{ ...cell, outline, cellClass: "platelet" as const }];
        const mask = createFieldMask({ width, height, redCellPx: 32, stain, cells, edges });
        const pixels = new Uint8Array(3 * width * height);
        for (const at of coveredBy(cells[0]!, mask)) pixels.fill(255, 3 * at, 3 * at + 3);
        const planes = createMaskPlanes(1, canvasPx);
        new MaskPainter(canvasPx).paint(planes, 0, mask, { placement });
        const laid = planeOf(planes, cellClasses.indexOf("platelet"), canvasPx);
        const picture = picturePlane({ width, height, pixels } as StoredField, placement, canvasPx);
        for (let at = 0; at < laid.length; at++) expect(Math.abs(255 * laid[at]! - picture[at]!)).toBeLessThan(0.76);
        const shown = Array.from(laid.keys()).filter((at) => laid[at]! > 0);
        const [label] = placedLabels(mask, placement, canvasPx);
        if (shown.length === 0 || !label) return;
        const box = boxAround(shown, canvasPx);
        // Enlarging by interpolation reaches half a source px beyond the outline.
        const slack = Math.max(placement.zoom, 1) + 1;
        for (const edge of ["left", "top", "right", "bottom"] as const)
          expect(Math.abs(box[edge] - Math.min(Math.max(label.box[edge], 0), canvasPx))).toBeLessThanOrEqual(slack);
      }),
    );
  });
});

/** Red of a field as the painter of fields lays it, its colours left alone. */
const picturePlane = (field: StoredField, placement: MaskPlacement, canvasPx: number): Uint8Array => {
  const colours = new ColourChange();
  const none = { contrast: 0, brightness: 0, gain: 0, gamma: 0, hueDegrees: 0, saturation: 0 };
  colours.draw(createRandom(1), none);
  const batch = { field: new Uint8Array(4 * canvasPx * canvasPx) } as unknown as FieldBatch;
  const view = {
    field,
    placement: { ...placement, blurPx: 0 },
    colours,
    noise: new Float32Array(1),
    noiseAt: 0,
    noiseScale: 0,
  };
  new FieldPainter(canvasPx).paint(batch, 0, view);
  return batch.field.filter((_, at) => at % 4 === 0);
};
