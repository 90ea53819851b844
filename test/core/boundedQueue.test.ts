import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { BoundedQueue } from "../../src/core/index.js";

describe("BoundedQueue", () => {
  it("behaves as a list that is cut at its bound", () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant("push" as const), value: fc.nat() }),
      fc.record({ kind: fc.constant("offer" as const), value: fc.nat() }),
      fc.record({ kind: fc.constant("shift" as const), value: fc.constant(0) }),
      fc.record({ kind: fc.constant("drain" as const), value: fc.constant(0) }),
    );
    fc.assert(
      fc.property(fc.nat({ max: 5 }), fc.array(step, { maxLength: 60 }), (capacity, steps) => {
        const queue = new BoundedQueue<number>(capacity);
        let model: number[] = [];
        for (const { kind, value } of steps) {
          if (kind === "push") {
            model.push(value);
            expect(queue.push(value)).toBe(model.length > capacity ? model.shift() : undefined);
          } else if (kind === "offer") {
            const fits = model.length < capacity;
            if (fits) model.push(value);
            expect(queue.offer(value)).toBe(fits);
          } else if (kind === "shift") {
            expect(queue.shift()).toBe(model.shift());
          } else {
            expect(queue.drain()).toEqual(model);
            model = [];
          }
          expect(queue.length).toBe(model.length);
          expect(queue.peek()).toBe(model[0]);
          expect(queue.full).toBe(model.length === capacity);
        }
      }),
    );
  });

  it("refuses a bound that is none", () => {
    for (const capacity of [-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(() => new BoundedQueue(capacity)).toThrow(RangeError);
    }
  });
});
