import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { CellStore } from "../../src/counting/cellStore.js";
import type { RectUm } from "../../src/counting/geometry.js";

const place = fc.record({
  x: fc.double({ min: -300, max: 300, noNaN: true }),
  y: fc.double({ min: -300, max: 300, noNaN: true }),
});
const boxAt = ({ x, y }: { x: number; y: number }): RectUm => ({
  left: x - 3,
  top: y - 3,
  right: x + 3,
  bottom: y + 3,
});

const action = fc.oneof(
  fc.record({ kind: fc.constant("add" as const), place, area: fc.nat(2) }),
  fc.record({ kind: fc.constant("move" as const), place, which: fc.nat() }),
  fc.record({ kind: fc.constant("remove" as const), which: fc.nat() }),
);

describe("cell store", () => {
  it("finds what lies near, as a plain list would, after any additions, moves and removals", () => {
    fc.assert(
      fc.property(
        fc.array(action, { maxLength: 80 }),
        place,
        fc.double({ min: 1, max: 200, noNaN: true }),
        (actions, at, reach) => {
          const store = new CellStore();
          const model = new Map<number, { area: number; x: number; y: number }>();
          for (const step of actions) {
            const ids = [...model.keys()];
            if (step.kind === "add")
              model.set(store.add(step.area, boxAt(step.place)), { area: step.area, ...step.place });
            else if (ids.length > 0) {
              const id = ids[step.which % ids.length]!;
              if (step.kind === "remove") {
                store.remove(id);
                model.delete(id);
              } else {
                store.move(id, boxAt(step.place));
                model.set(id, { area: model.get(id)!.area, ...step.place });
              }
            }
          }
          const query = { left: at.x - reach, top: at.y - reach, right: at.x + reach, bottom: at.y + reach };
          const found = new Set<number>();
          store.near(1, query, (entry) => {
            expect(found.has(entry)).toBe(false);
            expect(model.get(entry)?.area).toBe(1);
            found.add(entry);
          });
          for (const [id, cell] of model) {
            const inside = Math.abs(cell.x - at.x) < reach && Math.abs(cell.y - at.y) < reach;
            if (cell.area === 1 && inside) expect(found.has(id)).toBe(true);
          }
        },
      ),
    );
  });

  it("keeps every cell while it grows", () => {
    const store = new CellStore();
    for (let i = 0; i < 5000; i++) store.add(0, boxAt({ x: (i % 100) * 20, y: Math.floor(i / 100) * 20 }));
    const found: number[] = [];
    store.near(0, { left: -10, top: -10, right: 2000, bottom: 1000 }, (entry) => found.push(entry));
    expect(new Set(found).size).toBe(5000);
    expect(store.boxOf(4321)).toEqual(boxAt({ x: 420, y: 860 }));
  });

  it("forgets from the front and numbers anew", () => {
    const store = new CellStore();
    for (let i = 0; i < 50; i++) {
      const entry = store.add(3, boxAt({ x: i * 10, y: 0 }));
      store.columns.field[entry] = 7;
      store.leukocytes.set(entry, new Float64Array([i]));
    }
    const rest = store.from(20, 5);
    expect(rest.size).toBe(30);
    expect(rest.boxOf(0)).toEqual(boxAt({ x: 200, y: 0 }));
    expect(rest.columns.field[0]).toBe(2);
    expect([...rest.leukocytes.get(0)!]).toEqual([20]);
    expect(rest.leukocytes.size).toBe(30);
  });
});
