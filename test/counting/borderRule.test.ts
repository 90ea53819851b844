import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createRandom, type LabelledCell } from "../../src/core/index.js";
import { createCounter } from "../../src/counting/index.js";
import { lookAt, type ModelSlide, sizeOf } from "./slideModel.js";

const optics = { umPerPixel: 0.25, widthPx: 320, heightPx: 240 };
const { width, height } = sizeOf(optics);

const box = (x: number, y: number, diameter: number): LabelledCell["box"] => ({
  left: x - diameter / 2,
  top: y - diameter / 2,
  right: x + diameter / 2,
  bottom: y + diameter / 2,
});

/** Cells anywhere over a plane that reaches well beyond the field, of very different sizes. */
const anywhere = (seed: number, count: number, margin: number): ModelSlide => {
  const random = createRandom(seed);
  const cells = Array.from({ length: count }, (): LabelledCell => {
    const x = (random.next() - 0.5) * (width + 2 * margin);
    const y = (random.next() - 0.5) * (height + 2 * margin);
    const small = random.next() < 0.5;
    return { cellClass: small ? "platelet" : "neutrophil", box: box(x, y, small ? 2.5 : 14 + 4 * random.next()) };
  });
  return { cells };
};

const countOf = (slide: ModelSlide, centre: { x: number; y: number }, guardUm = 0) => {
  const counter = createCounter({ guardUm });
  const field = lookAt(slide, centre, { sequence: 0, ...optics });
  counter.add({ ...field, stagePositionUm: centre });
  return { counts: counter.snapshot(), visible: field.cells };
};

describe("the rule of the border", () => {
  it("takes cells at the left and the top, leaves those at the right and the bottom", () => {
    const at = (x: number, y: number): number =>
      countOf({ cells: [{ cellClass: "erythrocyte", box: box(x, y, 8) }] }, { x: 0, y: 0 }).counts.classes.erythrocyte
        .count;
    expect(at(0, 0)).toBe(1);
    expect(at(-width / 2, 0)).toBe(1);
    expect(at(0, -height / 2)).toBe(1);
    expect(at(-width / 2, -height / 2)).toBe(1);
    expect(at(width / 2, 0)).toBe(0);
    expect(at(0, height / 2)).toBe(0);
    // The corners where a line taken and a line left meet: the forbidden line goes on beyond the frame.
    expect(at(width / 2, -height / 2)).toBe(0);
    expect(at(-width / 2, height / 2)).toBe(0);
  });

  it("gives the true density of small and of large cells from separate fields, where counting all seen does not", () => {
    const trueDensity = { platelet: 0, neutrophil: 0 };
    const found = { platelet: 0, neutrophil: 0 };
    const seen = { platelet: 0, neutrophil: 0 };
    let areaMm2 = 0;
    const margin = 20;
    const planeMm2 = ((width + 2 * margin) * (height + 2 * margin)) / 1e6;
    const fields = 400;
    for (let n = 0; n < fields; n++) {
      const slide = anywhere(n, 60, margin);
      const { counts, visible } = countOf(slide, { x: 0, y: 0 });
      areaMm2 += counts.areaMm2;
      for (const kind of ["platelet", "neutrophil"] as const) {
        trueDensity[kind] += slide.cells.filter((cell) => cell.cellClass === kind).length / planeMm2 / fields;
        found[kind] += counts.classes[kind].count;
        seen[kind] += visible.filter((cell) => cell.cellClass === kind).length;
      }
    }
    for (const kind of ["platelet", "neutrophil"] as const) {
      // Four standard errors of about 4,000 cells.
      expect(Math.abs(found[kind] / areaMm2 / trueDensity[kind] - 1)).toBeLessThan(0.065);
    }
    const share = (counts: typeof found): number => counts.neutrophil / (counts.neutrophil + counts.platelet);
    const trueShare = trueDensity.neutrophil / (trueDensity.neutrophil + trueDensity.platelet);
    expect(Math.abs(share(found) - trueShare)).toBeLessThan(0.025);
    expect(seen.neutrophil / areaMm2 / trueDensity.neutrophil).toBeGreaterThan(1.3);
  });

  it("counts each cell of a plane in exactly one of the fields that tile it, whatever its size", () => {
    const sizes = fc.double({ min: 1, max: 45, noNaN: true });
    const places = fc.double({ min: -0.5, max: 0.5, noNaN: true });
    fc.assert(
      fc.property(places, places, sizes, (x, y, diameter) => {
        const slide: ModelSlide = { cells: [{ cellClass: "leukocyte", box: box(x * width, y * height, diameter) }] };
        const tolerance = { borderTolerancePx: 0 };
        let total = 0;
        for (let row = -1; row <= 1; row++) {
          for (let column = -1; column <= 1; column++) {
            const counter = createCounter(tolerance);
            const centre = { x: column * width, y: row * height };
            counter.add({ ...lookAt(slide, centre, { sequence: 0, ...optics }), stagePositionUm: centre });
            total += counter.snapshot().classes.leukocyte.count;
          }
        }
        expect(total).toBe(1);
      }),
    );
  });

  it("stays unbiased with a guard when slivers of cells are not found", () => {
    const noise = { random: createRandom(1), miss: 0, false: 0, edgeUm: 0, leastVisible: 0.4 };
    const margin = 25;
    let trueDensity = 0;
    const totals = { plain: 0, guarded: 0, plainMm2: 0, guardedMm2: 0 };
    for (let n = 0; n < 300; n++) {
      const slide = anywhere(1000 + n, 80, margin);
      trueDensity += slide.cells.length / (((width + 2 * margin) * (height + 2 * margin)) / 1e6) / 300;
      const field = {
        ...lookAt(slide, { x: 0, y: 0 }, { sequence: 0, ...optics }, noise),
        stagePositionUm: { x: 0, y: 0 },
      };
      for (const [name, guardUm] of [
        ["plain", 0],
        ["guarded", 9],
      ] as const) {
        const counter = createCounter({ guardUm });
        counter.add(field);
        const counts = counter.snapshot();
        totals[name] += counts.classes.leukocyte.count + counts.classes.platelet.count;
        totals[`${name}Mm2`] += counts.areaMm2;
      }
    }
    expect(totals.plain / totals.plainMm2 / trueDensity).toBeLessThan(0.97);
    expect(Math.abs(totals.guarded / totals.guardedMm2 / trueDensity - 1)).toBeLessThan(0.035);
  });
});
