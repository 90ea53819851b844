import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { CytoError, cellClasses } from "../../src/core/index.js";
import type { FieldCell, LabelSubmission } from "../../src/labels/index.js";
import { cellsChanged, type FieldEvidence, measureDoubt, scoreField } from "../../src/labels/learning.js";
import { labelDigest, parseLabel, placeCells } from "../../src/labels/validation.js";
import { cell } from "./smear.js";

const good: LabelSubmission = {
  ...{ id: "1", picture: "a".repeat(64), cells: [cell("erythrocyte", 1, 2)], state: "confirmed", author: "AB" },
};

const messageOf = (value: unknown): string => {
  try {
    parseLabel(value);
    return "";
  } catch (error) {
    expect(error).toBeInstanceOf(CytoError);
    expect((error as CytoError).code).toBe("LABEL_INVALID");
    return (error as CytoError).message;
  }
};

const withBox = (box: unknown) => ({ ...good, cells: [{ cellClass: "erythrocyte", box }] });

describe("a label", () => {
  it.each([
    ["a box of negative size", withBox({ left: 5, top: 5, right: 1, bottom: 9 }), "negative"],
    ["an empty box", withBox({ left: 5, top: 5, right: 5, bottom: 9 }), "empty"],
    ["NaN", withBox({ left: Number.NaN, top: 5, right: 9, bottom: 9 }), "finite"],
    ["infinity", withBox({ left: 0, top: 5, right: Number.POSITIVE_INFINITY, bottom: 9 }), "finite"],
    ["a box out of the picture", withBox({ left: -3, top: 5, right: 9, bottom: 9 }), "out of the picture"],
    ["a missing side", withBox({ left: 1, top: 5, right: 9 }), "finite"],
    ["an unknown class", { ...good, cells: [{ ...cell("erythrocyte", 1, 1), cellClass: "dust" }] }, "no class"],
    ["no id", { ...good, id: "" }, "id"],
    ["a long id", { ...good, id: "x".repeat(101) }, "id"],
    ["control characters", { ...good, author: "a\u0000" }, "author"],
    ["an unknown state", { ...good, state: "done" }, "state"],
    ["neither field nor picture", { ...good, picture: undefined }, "picture"],
    ["both field and picture", { ...good, field: "f" }, "picture"],
    ["an impossible scale", { ...good, umPerPixel: -1 }, "umPerPixel"],
    ["an unknown origin", { ...good, origin: { patient: "x" } }, "origin"],
    ["revision 0", { ...good, basedOn: 0 }, "basedOn"],
    ["a confidence over 1", { ...good, cells: [{ ...cell("erythrocyte", 1, 1), confidence: 2 }] }, "confidence"],
    ["no object", null, "object"],
  ])("with %s is refused by name", (_, value, named) => {
    expect(messageOf(value)).toContain(named);
  });

  it("is refused with a code or comes out as it went in, whatever it is", () => {
    fc.assert(
      fc.property(fc.anything(), (value) => {
        messageOf(value);
      }),
    );
    fc.assert(
      fc.property(
        fc.object({ key: fc.constantFrom(...Object.keys(good), "origin", "basedOn"), maxDepth: 3 }),
        (more) => {
          messageOf({ ...good, ...more });
        },
      ),
    );
    expect(parseLabel(parseLabel(good))).toEqual(good);
  });

  it("has one digest, whatever the order of its keys, and another with any change", () => {
    const turned = Object.fromEntries(Object.entries(good).reverse());
    expect(labelDigest(parseLabel(turned))).toBe(labelDigest(parseLabel(good)));
    expect(labelDigest(parseLabel({ ...good, state: "corrected" }))).not.toBe(labelDigest(parseLabel(good)));
  });

  it("has its boxes within the picture, or is refused", () => {
    const side = fc.double({ min: 0, max: 300, noNaN: true });
    fc.assert(
      fc.property(side, side, fc.double({ min: 1, max: 50, noNaN: true }), (left, top, size) => {
        const cells = [cell("platelet", left, top, size)];
        const inside = left + size <= 200.05 && top + size <= 100.05;
        const place = () => placeCells(cells, { widthPx: 200, heightPx: 100 });
        if (!inside) expect(place).toThrow(CytoError);
        else for (const { box } of place()) expect([box.right <= 200, box.bottom <= 100]).toEqual([true, true]);
      }),
    );
  });
});

const counts = fc.dictionary(fc.constantFrom(...cellClasses), fc.nat(200));
const evidence: fc.Arbitrary<FieldEvidence> = fc.record({
  ...{ counts, changed: fc.nat(50), lookAlike: fc.option(fc.nat(50)) },
  doubt: fc.record({
    total: fc.double({ min: 0, max: 99, noNaN: true }),
    cells: fc.nat(99),
    least: fc.option(fc.double({ min: 0, max: 1, noNaN: true })),
  }),
  slide: fc.nat(500).chain((cells) => fc.record({ cells: fc.constant(cells), changed: fc.nat(cells) })),
  stainDistance: fc.option(fc.double({ min: 0, max: 255, noNaN: true })),
});

describe("the expected gain of a review", () => {
  it("is 0 to 4, the strongest reason first, each with a sentence", () => {
    fc.assert(
      fc.property(evidence, counts, (field, confirmed) => {
        const { gain, reasons } = scoreField(field, confirmed);
        expect(gain >= 0 && gain <= 4).toBe(true);
        expect(reasons.map((reason) => reason.gain)).toEqual(
          reasons.map((reason) => reason.gain).sort((a, b) => b - a),
        );
        for (const reason of reasons) {
          expect(reason.gain > 0 && reason.gain <= 1).toBe(true);
          expect(reason.text).toMatch(/\.$/);
        }
      }),
    );
  });

  it("never falls with more doubt, more changes, a stranger stain; never rises with more confirmed cells", () => {
    const gainOf = (field: FieldEvidence, confirmed: Parameters<typeof scoreField>[1]) =>
      scoreField(field, confirmed).gain;
    fc.assert(
      fc.property(evidence, counts, fc.nat(20), fc.constantFrom(...cellClasses), (field, confirmed, more, name) => {
        const before = gainOf(field, confirmed) - 1e-9;
        expect(
          gainOf({ ...field, doubt: { ...field.doubt, total: field.doubt.total + more } }, confirmed),
        ).toBeGreaterThanOrEqual(before);
        expect(gainOf({ ...field, changed: field.changed + more }, confirmed)).toBeGreaterThanOrEqual(before);
        expect(
          gainOf({ ...field, stainDistance: (field.stainDistance ?? 0) + more }, confirmed),
        ).toBeGreaterThanOrEqual(before);
        expect(gainOf(field, { ...confirmed, [name]: (confirmed[name] ?? 0) + more })).toBeLessThanOrEqual(
          before + 2e-9,
        );
      }),
    );
  });

  it("counts what two readings differ by", () => {
    const cells: FieldCell[] = [
      cell("erythrocyte", 10, 10),
      cell("neutrophil", 60, 40, 30),
      cell("platelet", 5, 80, 6),
    ];
    expect(cellsChanged(cells, cells)).toBe(0);
    expect(cellsChanged(cells, cells.slice(1))).toBe(1);
    expect(cellsChanged([], cells)).toBe(3);
    expect(cellsChanged(cells, [{ ...cells[0]!, cellClass: "platelet" }, cells[1]!, cells[2]!])).toBe(1);
    expect(cellsChanged(cells, [cell("erythrocyte", 11, 11), cells[1]!, cells[2]!])).toBe(0);
    fc.assert(
      fc.property(fc.shuffledSubarray(cells), fc.shuffledSubarray(cells), (a, b) => {
        expect(cellsChanged(a, b)).toBe(cellsChanged(b, a));
      }),
    );
  });

  it("takes a coin toss for doubtful, and what a person set for sure", () => {
    expect(measureDoubt([cell("erythrocyte", 1, 1)])).toEqual({ total: 0, cells: 0, least: null });
    expect(measureDoubt([{ ...cell("erythrocyte", 1, 1), confidence: 0.5 }])).toEqual({
      total: 1,
      cells: 1,
      least: 0.5,
    });
    const two = { ...cell("neutrophil", 1, 1), confidence: 1, probabilities: { neutrophil: 0.5, monocyte: 0.5 } };
    expect(measureDoubt([two])).toMatchObject({ total: 1, cells: 1, least: 0.5 });
  });
});
