import fc from "fast-check";
import { type Box, densityClasses } from "../../src/core/index.js";
import type { FieldResult, FoundCell, TruthField } from "../../src/training/scoring/index.js";

/** A box by its centre and size. */
export const boxAt = (x: number, y: number, width: number, height = width): Box => ({
  left: x - width / 2,
  top: y - height / 2,
  right: x + width / 2,
  bottom: y + height / 2,
});

export const found = (cellClass: FoundCell["cellClass"], box: Box, confidence = 0.9): FoundCell => ({
  cellClass,
  box,
  confidence,
  centre: { x: (box.left + box.right) / 2, y: (box.top + box.bottom) / 2 },
});

export const field = (cells: TruthField["cells"], extra: Partial<TruthField> = {}): TruthField => ({
  id: "field",
  widthPx: 200,
  heightPx: 200,
  redCellDiameterPx: 30,
  cells,
  ...extra,
});

const anyBox = fc
  .record({
    left: fc.integer({ min: 0, max: 160 }),
    top: fc.integer({ min: 0, max: 160 }),
    width: fc.integer({ min: 4, max: 40 }),
    height: fc.integer({ min: 4, max: 40 }),
  })
  .map(({ left, top, width, height }): Box => ({ left, top, right: left + width, bottom: top + height }));

const anyClass = fc.constantFrom(...densityClasses);

/** Fields of random cells, and findings some of which lie near a cell. */
export const anyResult: fc.Arbitrary<FieldResult> = fc
  .array(fc.record({ cellClass: anyClass, box: anyBox }), { maxLength: 12 })
  .chain((cells) =>
    fc.record({
      truth: fc.constant(field(cells)),
      found: fc
        .array(
          fc.record({
            near: fc.nat(20),
            dx: fc.integer({ min: -6, max: 6 }),
            box: anyBox,
            cellClass: anyClass,
            confidence: fc.integer({ min: 1, max: 999 }).map((n) => n / 1000),
          }),
          { maxLength: 14 },
        )
        .map((list) =>
          list.map(({ near, dx, box, cellClass, confidence }) => {
            const truth = cells[near];
            if (!truth) return found(cellClass, box, confidence);
            const { left, top, right, bottom } = truth.box;
            return found(truth.cellClass, { left: left + dx, top, right: right + dx, bottom }, confidence);
          }),
        ),
    }),
  );
