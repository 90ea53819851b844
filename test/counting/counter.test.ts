import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Cell, CytoError, createRandom, type LeukocyteClass, leukocyteClasses } from "../../src/core/index.js";
import { type CountedField, type Counter, createCounter } from "../../src/counting/index.js";
import { cornersInside, detected, lookAt, paintThumbnail, sizeOf, throwCells } from "./slideModel.js";

const optics = { umPerPixel: 0.25, widthPx: 320, heightPx: 240 };
const { width, height } = sizeOf(optics);
const slide = throwCells(5, { left: -250, top: -250, right: 250, bottom: 250 }, { perMm2: 8000, leastGapUm: 3 });

const total = (counter: Counter): number => {
  const { erythrocyte, leukocyte, platelet } = counter.snapshot().classes;
  return erythrocyte.count + leukocyte.count + platelet.count;
};

const fieldAt = (x: number, y: number, sequence = 0): CountedField => ({
  ...lookAt(slide, { x, y }, { sequence, ...optics }),
  stagePositionUm: { x, y },
});

const frameAt = (x: number, y: number) => ({
  left: x - width / 2,
  top: y - height / 2,
  right: x + width / 2 - 2 * optics.umPerPixel,
  bottom: y + height / 2 - 2 * optics.umPerPixel,
});

const place = fc.tuple(fc.integer({ min: -150, max: 150 }), fc.integer({ min: -150, max: 150 }));

describe("counting each cell once", () => {
  it("counts the cells of any union of fields, in any order", () => {
    fc.assert(
      fc.property(fc.uniqueArray(place, { minLength: 1, maxLength: 9, selector: String }), fc.nat(), (places, seed) => {
        const random = createRandom(seed);
        const shuffled = places.map((at) => ({ at, key: random.next() })).sort((a, b) => a.key - b.key);
        const wanted = cornersInside(
          slide,
          places.map(([x, y]) => frameAt(x, y)),
        );
        const options = { stageErrorUm: 0, repeatedOverlap: 1 };
        const one = createCounter(options);
        for (const [x, y] of places) one.add(fieldAt(x, y));
        const other = createCounter(options);
        for (const { at } of shuffled) other.add(fieldAt(...at));
        expect(total(one)).toBe(wanted.length);
        expect(total(other)).toBe(wanted.length);
        const byClass = (counter: Counter) => Object.values(counter.snapshot().classes).map(({ count }) => count);
        expect(byClass(one)).toEqual(byClass(other));
        expect(one.snapshot().areaMm2).toBeCloseTo(other.snapshot().areaMm2, 12);
      }),
      {
        numRuns: 60,
        examples: [
          // A cell that the first two fields halve between them, then seen by one that shares nothing with the second half.
          [
            [
              [0, -1],
              [0, -60],
              [0, 0],
            ],
            0,
          ],
        ],
      },
    );
  });

  it("counts split fields as one big one", () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 5 }), fc.double({ min: 0, max: 0.4, noNaN: true }), (parts, overlap) => {
        const big = createCounter({ stageErrorUm: 0 });
        big.add(fieldAt(0, 0));
        const split = createCounter({ stageErrorUm: 0 });
        const partPx = Math.ceil(optics.widthPx / parts / (1 - overlap));
        for (let i = 0; i < parts; i++) {
          const leftPx = Math.min(optics.widthPx - partPx, Math.floor((i * optics.widthPx) / parts));
          const centre = { x: -width / 2 + (Math.max(0, leftPx) + partPx / 2) * optics.umPerPixel, y: 0 };
          const last = i === parts - 1;
          if (leftPx < 0) return;
          const shape = { sequence: i, umPerPixel: optics.umPerPixel, widthPx: partPx, heightPx: optics.heightPx };
          const field = lookAt(slide, centre, shape);
          split.add({ ...field, stagePositionUm: centre });
          if (!last && Math.floor(((i + 1) * optics.widthPx) / parts) > leftPx + partPx - 2) return;
        }
        expect(total(split)).toBe(total(big));
        expect(split.snapshot().areaMm2).toBeCloseTo(big.snapshot().areaMm2, 12);
      }),
    );
  });

  it("puts together the halves that two fields saw of a cell when a third one shows it whole", () => {
    const cell = { cells: [{ cellClass: "lymphocyte" as const, box: { left: -6, top: -6, right: 6, bottom: 6 } }] };
    const at = (x: number): CountedField => ({
      ...lookAt(cell, { x, y: 0 }, { sequence: 0, ...optics }),
      stagePositionUm: { x, y: 0 },
    });
    for (const order of [
      [-40, 40, 0],
      [40, -40, 0],
      [0, 40, -40],
      [-40, 0, 40],
    ]) {
      const counter = createCounter({ stageErrorUm: 0 });
      for (const x of order) counter.add(at(x));
      expect(counter.snapshot().classes.lymphocyte.count).toBe(1);
    }
  });

  it("counts two cells of a clump as two, in both views", () => {
    const clump = {
      cells: [-1.6, 1.6].map((x) => ({
        cellClass: "erythrocyte" as const,
        box: { left: x - 3.7, top: -3.7, right: x + 3.7, bottom: 3.7 },
      })),
    };
    const counter = createCounter({ stageErrorUm: 0 });
    for (const x of [-20, 0, 20]) {
      counter.add({ ...lookAt(clump, { x, y: 5 }, { sequence: 0, ...optics }), stagePositionUm: { x, y: 5 } });
    }
    expect(counter.snapshot().classes.erythrocyte.count).toBe(2);
  });

  it("keeps a platelet on a red cell apart from it", () => {
    const both = {
      cells: [
        { cellClass: "erythrocyte" as const, box: { left: -3.7, top: -3.7, right: 3.7, bottom: 3.7 } },
        { cellClass: "platelet" as const, box: { left: -1, top: -1, right: 1.4, bottom: 1.4 } },
      ],
    };
    const counter = createCounter();
    for (const x of [-20, 0])
      counter.add({ ...lookAt(both, { x, y: 0 }, { sequence: 0, ...optics }), stagePositionUm: { x, y: 0 } });
    expect(counter.snapshot().classes).toMatchObject({ erythrocyte: { count: 1 }, platelet: { count: 1 } });
  });
});

describe("what views say of one cell", () => {
  const view = (cell: Cell, x: number): CountedField => {
    const shift = -x / optics.umPerPixel;
    const box = { ...cell.box, left: cell.box.left + shift, right: cell.box.right + shift };
    return { ...optics, sequence: 0, cells: [{ ...cell, box }], simulated: false, stagePositionUm: { x, y: 0 } };
  };
  const box = { left: 140, top: 100, right: 180, bottom: 140 };
  const leukocyte = (
    named: LeukocyteClass | "leukocyte",
    probabilities: Partial<Record<LeukocyteClass, number>>,
  ): Cell => ({
    ...detected("leukocyte", box),
    cellClass: named,
    leukocyteProbabilities: {
      ...(Object.fromEntries(leukocyteClasses.map((name) => [name, 0])) as Record<LeukocyteClass, number>),
      ...probabilities,
    },
  });
  const classAfter = (cells: readonly Cell[]): string | undefined => {
    const counter = createCounter({ stageErrorUm: 0 });
    cells.forEach((cell, index) => {
      counter.add(view(cell, 8 * index));
    });
    const found = [...counter.cells()];
    expect(found).toHaveLength(1);
    return found[0]!.cellClass;
  };

  it("averages the probabilities of leukocyte classes", () => {
    const monocyte = leukocyte("monocyte", { monocyte: 0.6, lymphocyte: 0.4 });
    const lymphocyte = leukocyte("lymphocyte", { lymphocyte: 0.9, monocyte: 0.1 });
    expect(classAfter([monocyte, lymphocyte])).toBe("lymphocyte");
    expect(classAfter([lymphocyte, monocyte])).toBe("lymphocyte");
    expect(classAfter([monocyte, monocyte, lymphocyte])).toBe("lymphocyte");
    expect(classAfter([monocyte, lymphocyte, monocyte, monocyte, monocyte, monocyte])).toBe("monocyte");
  });

  it("names no class that no view was sure of", () => {
    const unsure = leukocyte("leukocyte", { monocyte: 0.4, lymphocyte: 0.35, neutrophil: 0.25 });
    expect(classAfter([unsure, unsure])).toBe("leukocyte");
    expect(classAfter([unsure, leukocyte("monocyte", { monocyte: 0.8, lymphocyte: 0.2 })])).toBe("monocyte");
    expect(classAfter([detected("neutrophil", box)])).toBe("neutrophil");
  });

  it("settles conflicts of kind by summed confidence, in any order", () => {
    const red = detected("erythrocyte", box, 0.6);
    const white = detected("leukocyte", box, 0.95);
    expect(classAfter([red, white])).toBe("leukocyte");
    expect(classAfter([white, red])).toBe("leukocyte");
    expect(classAfter([white, { ...red, confidence: 0.97 }])).toBe("erythrocyte");
  });

  it("drops a cell that one of many fields saw and the others should have", () => {
    const counter = createCounter({ stageErrorUm: 0 });
    const red = detected("erythrocyte", box);
    const empty = (x: number): CountedField => ({ ...view(red, x), cells: [] });
    counter.add(view(red, 0));
    for (const x of [4, 8, 12]) counter.add(empty(x));
    expect(counter.snapshot().classes.erythrocyte.count).toBe(1);
    counter.add(empty(16));
    expect(counter.snapshot().classes.erythrocyte.count).toBe(0);
    counter.add(view(red, 20));
    expect(counter.snapshot().classes.erythrocyte.count).toBe(1);
  });
});

describe("places of fields", () => {
  it("does not count a stopped stage's cells again", () => {
    const counter = createCounter();
    expect(counter.add(fieldAt(0, 0, 0)).kind).toBe("counted");
    const before = total(counter);
    for (let n = 1; n < 30; n++) {
      const outcome = counter.add(fieldAt(0.2, -0.1, n));
      expect(outcome.kind).toBe("repeated");
      expect(outcome.placedCells.every((cell) => cell.sighting !== "new")).toBe(true);
    }
    expect(total(counter)).toBe(before);
    expect(counter.snapshot().fields).toEqual({ counted: 1, repeated: 29, unplaced: 0, separate: 0 });
    expect(counter.snapshot().lastSequence).toBe(29);
  });

  it("sees by the picture, without a stage, that nothing moved", () => {
    const counter = createCounter();
    const at = { x: 0, y: 0 };
    const random = createRandom(2);
    const noise = { random, miss: 0.05, false: 0.02, edgeUm: 0.2, leastVisible: 0.3 };
    for (let n = 0; n < 8; n++) {
      const field = lookAt(slide, at, { sequence: n, ...optics }, noise);
      const outcome = counter.add({ ...field, thumbnail: paintThumbnail(slide, at, optics, random) });
      expect(outcome.kind).toBe(n === 0 ? "counted" : "repeated");
    }
    expect(counter.snapshot().areas).toBe(1);
  });

  it("starts an area of its own for a field without overlap, and says so", () => {
    const counter = createCounter();
    const random = createRandom(2);
    const add = (x: number, sequence: number) =>
      counter.add({
        ...lookAt(slide, { x, y: 0 }, { sequence, ...optics }),
        thumbnail: paintThumbnail(slide, { x, y: 0 }, optics, random),
      });
    expect(add(-150, 0)).toMatchObject({ kind: "counted", placement: { method: "origin", area: 1 } });
    expect(add(150, 1)).toMatchObject({ kind: "counted", placement: { method: "separate", area: 2 } });
    const back = add(120, 2);
    expect(back).toMatchObject({ kind: "counted", placement: { method: "registration", area: 2 } });
    if (back.kind === "counted") expect(back.placement.centreUm.x).toBeCloseTo(-30, 0);
    expect(counter.snapshot()).toMatchObject({ areas: 2, fields: { separate: 1, counted: 3 } });
  });

  it("leaves out what it cannot place or read, and goes on", () => {
    const counter = createCounter();
    const blank = { width: 64, height: 48, luminance: new Float32Array(64 * 48).fill(220) };
    const empty: CountedField = { ...optics, sequence: 0, cells: [], simulated: false };
    expect(counter.add({ ...empty, thumbnail: blank })).toMatchObject({ kind: "unplaced", reason: "featureless" });
    for (const bad of [{ umPerPixel: 0 }, { umPerPixel: Number.NaN }, { widthPx: -1 }, { umPerPixel: 1e6 }]) {
      expect(counter.add({ ...empty, ...bad })).toMatchObject({ kind: "unplaced", reason: "invalid" });
    }
    const lost = { ...empty, stagePositionUm: { x: Number.NaN, y: 0 } };
    expect(counter.add(lost)).toMatchObject({ kind: "unplaced", reason: "invalid" });
    const box = { left: Number.NaN, top: 0, right: 10, bottom: 10 };
    const outcome = counter.add({ ...fieldAt(0, 0), cells: [detected("erythrocyte", box)] });
    expect(outcome.placedCells[0]).toMatchObject({ sighting: "unplaced", counted: false });
    expect(counter.snapshot()).toMatchObject({ fields: { counted: 1, unplaced: 6 }, areas: 1 });
  });

  it("smooths scales that were estimated, and says that they were", () => {
    const counter = createCounter();
    const random = createRandom(8);
    for (let n = 0; n < 40; n++) {
      const umPerPixel = optics.umPerPixel * (1 + 0.05 * random.normal());
      const { cells } = lookAt(slide, { x: 0, y: 0 }, { sequence: n, ...optics });
      const mirrored = cells.filter(() => random.next() < 0.3);
      counter.add({ ...optics, umPerPixel, scaleOrigin: "estimated", sequence: n, cells: mirrored, simulated: true });
    }
    const { areaMm2, scaleOrigin, areas } = counter.snapshot();
    expect(scaleOrigin).toBe("estimated");
    const frame = ((optics.widthPx - 2) * (optics.heightPx - 2) * optics.umPerPixel ** 2) / 1e6;
    expect(areaMm2 / areas / frame).toBeGreaterThan(0.9);
    expect(areaMm2 / areas / frame).toBeLessThan(1.1);
  });

  it("forgets the oldest places at its bound, not the counts", () => {
    const counter = createCounter({ stageErrorUm: 0, maxCells: 1000 });
    const wide = throwCells(6, { left: 0, top: -50, right: 4000, bottom: 50 }, { perMm2: 8000, leastGapUm: 3 });
    const xs = Array.from({ length: 70 }, (_, n) => 100 + n * 50);
    const frames = xs.map((x) => frameAt(x, 0));
    xs.forEach((x, sequence) => {
      counter.add({ ...lookAt(wide, { x, y: 0 }, { sequence, ...optics }), stagePositionUm: { x, y: 0 } });
    });
    const counts = counter.snapshot();
    expect(total(counter)).toBe(cornersInside(wide, frames).length);
    expect(counts.forgottenCells).toBeGreaterThan(500);
    const known = [...counter.cells()];
    expect(known.length).toBeLessThan(1100);
    expect(Math.min(...known.map(({ id }) => id))).toBeGreaterThanOrEqual(counts.forgottenCells);
  });

  it("refuses options out of range", () => {
    expect(() => createCounter({ level: 1 })).toThrow(CytoError);
    expect(() => createCounter({ matchShare: { erythrocyte: -1, leukocyte: 0.4, platelet: 0.4 } })).toThrow(
      /matchShare/,
    );
  });
});
