import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Box, cellClasses, type LabelledCell } from "../../src/core/index.js";
import { curvesOf, pathOf } from "../../src/dashboard/app/jobs/lossCurves.js";
import {
  beginEditing,
  type Editing,
  type EditingEvent,
  maxUndo,
  reduceEditing,
} from "../../src/dashboard/app/labels/editorState.js";
import {
  cellAt,
  fitBox,
  handleAt,
  minSidePx,
  moveBox,
  neighbour,
  panned,
  resizeBox,
  revealing,
  zoomed,
} from "../../src/dashboard/app/labels/geometry.js";
import { hrefOf, pages, parseRoute } from "../../src/dashboard/app/route.js";

const size = { width: 640, height: 480 };
const anyNumber = fc.double({ min: -2000, max: 2000, noNaN: true });
const point = fc.record({ x: anyNumber, y: anyNumber });
const anyBox: fc.Arbitrary<Box> = fc.record({ left: anyNumber, top: anyNumber, right: anyNumber, bottom: anyNumber });
const insideBox = anyBox.map((box) => fitBox(box, size));
const cell: fc.Arbitrary<LabelledCell> = fc.record({ cellClass: fc.constantFrom(...cellClasses), box: insideBox });

const sound = ({ left, top, right, bottom }: Box): boolean =>
  [left, top, right, bottom].every(Number.isInteger) &&
  left >= 0 &&
  top >= 0 &&
  right <= size.width &&
  bottom <= size.height &&
  right - left >= minSidePx &&
  bottom - top >= minSidePx;

const event: fc.Arbitrary<EditingEvent> = fc.oneof(
  fc.record({ type: fc.constant("select" as const), cell: fc.option(fc.nat(12), { nil: undefined }) }),
  fc.record({ type: fc.constant("step" as const), towards: fc.constantFrom({ x: 1, y: 0 }, { x: 0, y: -1 }) }),
  fc.record({ type: fc.constant("box" as const), cell: fc.nat(12), box: anyBox }),
  fc.record({ type: fc.constant("class" as const), cellClass: fc.constantFrom(...cellClasses) }),
  fc.record({ type: fc.constant("add" as const), box: anyBox }),
  fc.constant({ type: "remove" as const }),
  fc.constant({ type: "undo" as const }),
);

describe("boxes of the review", () => {
  it("stay inside the picture, whole and not too small, however they are drawn, moved and resized", () => {
    const handle = fc.constantFrom("tl", "t", "tr", "l", "r", "bl", "b", "br");
    fc.assert(
      fc.property(anyBox, insideBox, point, handle, (drawn, box, by, at) => {
        expect(sound(fitBox(drawn, size))).toBe(true);
        expect(sound(resizeBox(box, at, by, size))).toBe(true);
        const moved = moveBox(box, by, size);
        expect(sound(moved)).toBe(true);
        expect([moved.right - moved.left, moved.bottom - moved.top]).toEqual([
          box.right - box.left,
          box.bottom - box.top,
        ]);
      }),
    );
  });

  it("resize by the side that is held, the others stay", () => {
    const box = { left: 100, top: 100, right: 200, bottom: 180 };
    expect(resizeBox(box, "r", { x: 15, y: 99 }, size)).toEqual({ ...box, right: 215 });
    expect(resizeBox(box, "tl", { x: -5, y: 7 }, size)).toEqual({ ...box, left: 95, top: 107 });
    expect(resizeBox(box, "l", { x: 500, y: 0 }, size)).toEqual({ ...box, left: 197 });
    expect(handleAt(box, { x: 201, y: 99 }, 9)).toBe("tr");
    expect(handleAt(box, { x: 150, y: 140 }, 9)).toBeUndefined();
  });

  it("of a platelet on a red cell can be had", () => {
    const cells: LabelledCell[] = [
      { cellClass: "platelet", box: { left: 40, top: 40, right: 60, bottom: 60 } },
      { cellClass: "erythrocyte", box: { left: 0, top: 0, right: 100, bottom: 100 } },
    ];
    expect([cellAt(cells, { x: 50, y: 50 }), cellAt(cells, { x: 10, y: 10 }), cellAt(cells, { x: 200, y: 0 })]).toEqual(
      [0, 1, undefined],
    );
  });

  it("are reached by arrows, every one that there is, also around the end", () => {
    fc.assert(
      fc.property(fc.array(cell, { minLength: 1, maxLength: 12 }), (cells) => {
        const steps = [
          { x: 1, y: 0 },
          { x: -1, y: 0 },
          { x: 0, y: 1 },
          { x: 0, y: -1 },
        ];
        for (let from = 0; from < cells.length; from++) {
          for (const step of steps) {
            const to = neighbour(cells, from, step);
            expect(to).toBeLessThan(cells.length);
            if (cells.length > 1) expect(to).not.toBe(from);
          }
        }
        expect(neighbour(cells, undefined, steps[0]!)).toBe(0);
      }),
    );
    expect(neighbour([], undefined, { x: 1, y: 0 })).toBeUndefined();
  });

  it("are shown: the part of the picture never leaves it, and keeps its shape", () => {
    const whole = { x: 0, y: 0, ...size };
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.constantFrom(0.5, 1.5, 4), point)), insideBox, (turns, box) => {
        let view = whole;
        for (const [factor, about] of turns) view = panned(zoomed(view, factor, about, size), about, size);
        expect(view.x).toBeGreaterThanOrEqual(0);
        expect(view.x + view.width).toBeLessThanOrEqual(size.width + 1e-6);
        expect(view.y + view.height).toBeLessThanOrEqual(size.height + 1e-6);
        expect(view.width / view.height).toBeCloseTo(4 / 3);
        const shown = revealing(view, box, size);
        if (box.right - box.left <= view.width) {
          expect(shown.x).toBeLessThanOrEqual(box.left + 1e-6);
          expect(shown.x + shown.width).toBeGreaterThanOrEqual(box.right - 1e-6);
        }
      }),
    );
  });
});

describe("the state of the review", () => {
  it("is sound after any events, and undone step by step to what it was", () => {
    fc.assert(
      fc.property(fc.array(cell, { maxLength: 8 }), fc.array(event, { maxLength: 60 }), (cells, events) => {
        let editing: Editing = beginEditing(cells, size, "neutrophil");
        for (const next of events) {
          editing = reduceEditing(editing, next);
          expect(editing.cells.every(({ box }) => sound(box))).toBe(true);
          expect(editing.past.length).toBeLessThanOrEqual(maxUndo);
        }
        while (editing.past.length > 0) editing = reduceEditing(editing, { type: "undo" });
        expect(editing.cells).toEqual(cells);
      }),
    );
  });

  it("draws a new box in the class chosen last, and selects it", () => {
    let editing = beginEditing([], size, "neutrophil");
    editing = reduceEditing(editing, { type: "class", cellClass: "monocyte" });
    editing = reduceEditing(editing, { type: "add", box: { left: 9, top: 9, right: 50, bottom: 60 } });
    expect(editing).toMatchObject({ selected: 0, cells: [{ cellClass: "monocyte" }] });
    editing = reduceEditing(editing, { type: "class", cellClass: "basophil" });
    expect(editing.cells).toMatchObject([{ cellClass: "basophil" }]);
    editing = reduceEditing(editing, { type: "remove" });
    expect(editing).toMatchObject({ selected: undefined, cells: [] });
  });
});

describe("addresses of the pages", () => {
  it("lead to their page and item, and any text to some page", () => {
    fc.assert(
      fc.property(fc.constantFrom(...pages), fc.string({ minLength: 1, maxLength: 40 }), (page, item) => {
        const expected = page === "live" ? undefined : item;
        expect(parseRoute(hrefOf(page, item))).toEqual({ page, item: expected });
      }),
    );
    fc.assert(fc.property(fc.string(), (hash) => pages.includes(parseRoute(hash).page)));
    expect(parseRoute("#/labels/%E0%A4%A")).toEqual({ page: "labels", item: undefined });
  });
});

describe("curves of losses", () => {
  it("are one a name, without what is not finite, and inside their figure", () => {
    const curves = curvesOf([
      { step: 1, name: "a", value: 2 },
      { step: 1, name: "b", value: Number.NaN },
      { step: 2, name: "a", value: 1 },
    ]);
    expect(curves.map(({ name, points }) => [name, points.length])).toEqual([
      ["a", 2],
      ["b", 0],
    ]);
    const points = fc.array(fc.record({ step: fc.nat(1e6), value: anyNumber }), { minLength: 1, maxLength: 50 });
    fc.assert(
      fc.property(points, (given) => {
        const numbers =
          pathOf(given)
            .match(/-?\d+(\.\d+)?/g)
            ?.map(Number) ?? [];
        expect(numbers).toHaveLength(2 * given.length);
        expect(numbers.every((value) => value >= 0 && value <= 320)).toBe(true);
      }),
    );
  });
});
