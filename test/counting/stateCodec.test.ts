import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { CytoError, createRandom } from "../../src/core/index.js";
import { type CountedField, createCounter, restoreCounter } from "../../src/counting/index.js";
import { lookAt, paintThumbnail, throwCells } from "./slideModel.js";

const optics = { umPerPixel: 0.25, widthPx: 320, heightPx: 240 };
const slide = throwCells(5, { left: -60, top: -60, right: 700, bottom: 100 }, { perMm2: 8000, leastGapUm: 3 });
const random = createRandom(4);
const noise = { random, miss: 0.03, false: 0.01, edgeUm: 0.2, leastVisible: 0.3 };
const model = { name: "unet", version: "1.0.0", sha256: "b".repeat(64) };

const fields = (withStage: boolean): CountedField[] =>
  Array.from({ length: 14 }, (_, sequence) => {
    const centre = { x: sequence * 45, y: 5 * random.normal() };
    const field = { ...lookAt(slide, centre, { sequence, ...optics }, noise), models: [model] };
    if (withStage) return { ...field, stagePositionUm: centre };
    return { ...field, thumbnail: paintThumbnail(slide, centre, optics, random) };
  });

describe("saved counts", () => {
  it.each([true, false])("go on as if nothing had happened (stage: %s)", (withStage) => {
    const all = fields(withStage);
    const whole = createCounter();
    const outcomes = all.map((field) => whole.add(field));
    for (const cut of [0, 1, 7, 14]) {
      const first = createCounter();
      for (const field of all.slice(0, cut)) first.add(field);
      const second = restoreCounter(first.save());
      expect(second.snapshot()).toEqual(first.snapshot());
      all.slice(cut).forEach((field, index) => {
        expect(second.add(field)).toEqual(outcomes[cut + index]);
      });
      expect(second.snapshot()).toEqual(whole.snapshot());
      expect([...second.cells()]).toEqual([...whole.cells()]);
      expect(restoreCounter(second.save()).snapshot()).toEqual(whole.snapshot());
    }
  });

  it("are refused when damaged, cut short or of another kind", () => {
    const counter = createCounter();
    for (const field of fields(false).slice(0, 3)) counter.add(field);
    const saved = counter.save();
    const expectRefusal = (bytes: Uint8Array): void => {
      try {
        restoreCounter(bytes);
        expect.unreachable();
      } catch (error) {
        expect(error).toBeInstanceOf(CytoError);
        expect((error as CytoError).code).toBe("COUNTING_STATE_INVALID");
      }
    };
    fc.assert(
      fc.property(fc.nat(saved.length - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
        const damaged = saved.slice();
        damaged[at] = damaged[at]! ^ change;
        expectRefusal(damaged);
        expectRefusal(saved.slice(0, at));
      }),
      { numRuns: 200 },
    );
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => expectRefusal(bytes)));
  });
});
