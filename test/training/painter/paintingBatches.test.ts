import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { cellClasses, densityClasses, densityClassOf } from "../../../src/core/index.js";
import type { StoredField } from "../../../src/training/datasets/fieldPictures.js";
import { maskOfField } from "../../../src/training/masks/index.js";
import type { MaskedField } from "../../../src/training/painter/maskedFields.js";
import { createPaintingSampler, isLargeEnough } from "../../../src/training/painter/paintingBatches.js";

type Named = readonly ["erythrocyte" | "leukocyte" | "basophil" | "monocyte", number, number, number];

/** Discs in colours of their own: red cells pink, leukocytes violet, on a yellowish ground. */
const toyField = (id: string, cells: readonly Named[], side = 200): MaskedField => {
  const pixels = new Uint8Array(3 * side * side);
  for (let at = 0; at < side * side; at++) {
    const [x, y] = [(at % side) + 0.5, Math.floor(at / side) + 0.5];
    const cell = cells.find(([, cx, cy, radius]) => Math.hypot(x - cx, y - cy) <= radius);
    pixels.set(
      cell === undefined ? [245, 235, 205] : cell[0] === "erythrocyte" ? [215, 150, 160] : [110, 50, 140],
      3 * at,
    );
  }
  const field: StoredField = {
    id,
    dataset: "toy",
    width: side,
    height: side,
    pixels,
    redCellPx: 40,
    boxes: Float32Array.from(cells.flatMap(([, x, y, r]) => [x - r, y - r, x + r, y + r])),
    classes: Uint8Array.from(cells, ([name]) => densityClasses.indexOf(densityClassOf(name))),
    cellClasses: Uint8Array.from(cells, ([name]) => cellClasses.indexOf(name)),
    incomplete: [false, false, false],
  };
  return { field, mask: maskOfField(field) };
};

const fields = [
  toyField("a", [
    ["erythrocyte", 40, 40, 20],
    ["erythrocyte", 150, 60, 20],
    ["basophil", 100, 110, 34],
  ]),
  toyField("b", [
    ["leukocyte", 100, 100, 34],
    ["monocyte", 100, 190, 30],
  ]),
];
const [batch, sidePx] = [3, 128];
const size = sidePx * sidePx;
const sampler = (seed: number) => createPaintingSampler({ fields, batch, sidePx, seed });

describe("batches for painters", () => {
  it("lay picture, mask, stain and named cells alike, whatever the orientation, place and colours", () => {
    const from = sampler(3);
    for (let taken = 0; taken < 12; taken++) {
      const { pictures, masks, stain, cells } = from.next();
      for (let sample = 0; sample < batch; sample++) {
        const plane = (index: number, at: number) => masks[(sample * 12 + index) * size + at]!;
        // Inside outlines of leukocytes the picture has the colour that the stain says nuclei have; outside all cells the ground's.
        let [inside, outside] = [0, 0];
        for (let at = 0; at < size; at++) {
          const colour = [0, 1, 2].map((channel) => pictures[3 * (sample * size + at) + channel]!);
          const away = (part: number) =>
            Math.max(
              ...colour.map((value, channel) => Math.abs(value - 255 * stain[sample * 9 + 3 * part + channel]!)),
            );
          if (plane(10, at) > 0.999 && away(2) > 6) inside++;
          const empty = plane(0, at) === 0 && plane(1, at) === 0;
          if (empty && away(0) > 6) outside++;
        }
        expect(inside).toBeLessThan(60);
        // What segmentation leaves of a disc's rim.
        expect(outside).toBeLessThan(400);
      }
      for (const { picture, x, y, side, classIndex } of cells) {
        expect(side).toBeGreaterThan(75);
        expect(side).toBeLessThan(100);
        const at = Math.min(Math.floor(y), sidePx - 1) * sidePx + Math.min(Math.floor(x), sidePx - 1);
        // The plane of the class that the judge is asked for: leukocyteClasses begin at plane 3.
        expect(masks[(picture * 12 + 3 + classIndex) * size + at]).toBeGreaterThan(0.999);
      }
    }
  });

  it("are the same for the same seed, and go on where their state was taken", () => {
    const [one, other] = [sampler(5), sampler(5)];
    const copy = (from: ReturnType<typeof sampler>): string => {
      const { pictures, masks, stain, cells } = from.next();
      const hash = createHash("sha256")
        .update(pictures)
        .update(Buffer.from(masks.buffer))
        .update(JSON.stringify(cells));
      return hash.update(Buffer.from(stain.buffer)).digest("hex");
    };
    expect(copy(one)).toEqual(copy(other));
    const state = JSON.parse(JSON.stringify(one.state()));
    const expected = [copy(one), copy(one), copy(one)];
    const late = sampler(5);
    late.restore(state);
    expect([copy(late), copy(late), copy(late)]).toEqual(expected);
    expect(copy(sampler(6))).not.toEqual(copy(sampler(5)));
    expect(() => one.restore({ ...state, passes: [] })).toThrowError(
      expect.objectContaining({ code: "CHECKPOINT_INVALID" }),
    );
  });

  it("cover the canvas also from fields that are smaller, down to half its side", () => {
    const small = toyField("small", [["erythrocyte", 50, 50, 20]], 100);
    expect(isLargeEnough(small.field, sidePx)).toBe(true);
    const { pictures } = createPaintingSampler({ fields: [small], batch: 2, sidePx, seed: 1 }).next();
    for (let at = 0; at < 2 * size; at++) expect(pictures[3 * at]! + pictures[3 * at + 1]!).toBeGreaterThan(0);
    expect(isLargeEnough(toyField("tiny", [], 70).field, sidePx)).toBe(false);
  });
});
