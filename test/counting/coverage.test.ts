import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { growUnion, RectIndex, unionArea } from "../../src/counting/coverage.js";
import { intersect, isEmpty, type RectUm } from "../../src/counting/geometry.js";

const rects = fc.array(
  fc
    .tuple(
      fc.integer({ min: -20, max: 20 }),
      fc.integer({ min: -20, max: 20 }),
      fc.integer({ min: 1, max: 15 }),
      fc.integer({ min: 1, max: 15 }),
    )
    .map(([left, top, width, height]): RectUm => ({ left, top, right: left + width, bottom: top + height })),
  { maxLength: 25 },
);

/** Unit squares that any of the rectangles covers. */
const squares = (all: readonly RectUm[]): number => {
  const covered = new Set<string>();
  for (const { left, top, right, bottom } of all) {
    for (let y = top; y < bottom; y++) for (let x = left; x < right; x++) covered.add(`${x}:${y}`);
  }
  return covered.size;
};

describe("coverage", () => {
  it("measures a union, in any order and bit by bit", () => {
    fc.assert(
      fc.property(rects, (all) => {
        const index = new RectIndex();
        const grown = all.reduce((sum, rect) => sum + growUnion(index, 1, rect), 0);
        expect(grown).toBe(squares(all));
        expect(unionArea(all)).toBe(squares(all));
        expect(unionArea([...all].reverse())).toBe(squares(all));
      }),
    );
  });

  it("finds the rectangles that overlap, of the same area only", () => {
    const scaled = (rect: RectUm): RectUm => ({
      left: rect.left * 17,
      top: rect.top * 17,
      right: rect.right * 17,
      bottom: rect.bottom * 17,
    });
    fc.assert(
      fc.property(rects, rects, (all, [query]) => {
        fc.pre(query !== undefined);
        const index = new RectIndex();
        all.forEach((rect, number) => {
          index.add(number % 2, scaled(rect));
        });
        const wanted = all.flatMap((rect, number) =>
          number % 2 === 0 && !isEmpty(intersect(rect, query)) ? [number] : [],
        );
        expect(index.overlapping(0, scaled(query))).toEqual(wanted);
        expect(RectIndex.fromColumn(index.toColumn()).overlapping(0, scaled(query))).toEqual(wanted);
      }),
    );
  });
});
