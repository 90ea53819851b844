import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Cell } from "../../src/core/index.js";
import type { PointUm } from "../../src/counting/index.js";
import {
  type CoarseField,
  checkReach,
  type FieldSizeUm,
  isMonolayer,
  type MonolayerPlan,
  outermostCentres,
  planCoarsePass,
  planFields,
  planMonolayer,
  redCellLayer,
  type ScanRegion,
} from "../../src/scan/plan/index.js";
import { detected } from "../counting/slideModel.js";

const field: FieldSizeUm = { width: 147, height: 110 };
const region: fc.Arbitrary<ScanRegion> = fc.record({
  left: fc.integer({ min: -20_000, max: 20_000 }),
  top: fc.integer({ min: -20_000, max: 20_000 }),
  width: fc.integer({ min: 1, max: 3000 }),
  height: fc.integer({ min: 1, max: 2500 }),
});
const overlap = fc.double({ min: 0, max: 0.7, noNaN: true });
const fieldsDeep = fc.integer({ min: 2, max: 7 });
const fieldsBetween = fc.integer({ min: 1, max: 4 });

const keyOf = ({ x, y }: PointUm): string => `${x} ${y}`;
const distance = (a: PointUm, b: PointUm): number => Math.hypot(a.x - b.x, a.y - b.y);
const tiny = 1e-6;

/** Middles of fields along one axis, ascending. */
const along = (values: readonly number[]): number[] => [...new Set(values)].sort((a, b) => a - b);

describe("a serpentine", () => {
  const planned = (area: ScanRegion, share: number) =>
    planFields({ kind: "serpentine", region: area, overlap: share }, field).centresUm;

  it("covers the region, stays within it, and overlaps as asked or more, by no field too many", () => {
    fc.assert(
      fc.property(region, overlap, (area, share) => {
        const centres = planned(area, share);
        for (const [axis, from, length, size] of [
          ["x", area.left, area.width, field.width],
          ["y", area.top, area.height, field.height],
        ] as const) {
          const places = along(centres.map((centre) => centre[axis]));
          if (length <= size) {
            expect(places).toEqual([from + length / 2]);
            continue;
          }
          expect(places[0]).toBeCloseTo(from + size / 2, 6);
          expect(places.at(-1)).toBeCloseTo(from + length - size / 2, 6);
          const steps = places.slice(1).map((place, index) => place - places[index]!);
          for (const step of steps) expect(step).toBeLessThanOrEqual(size * (1 - share) + tiny);
          const fewer = (length - size) / Math.max(1, places.length - 2);
          if (places.length > 2) expect(fewer).toBeGreaterThan(size * (1 - share) - tiny);
        }
      }),
    );
  });

  it("goes to every field once, each time to a neighbour, and gives the same again", () => {
    fc.assert(
      fc.property(region, overlap, (area, share) => {
        const centres = planned(area, share);
        expect(new Set(centres.map(keyOf)).size).toBe(centres.length);
        const columns = along(centres.map(({ x }) => x));
        const rows = along(centres.map(({ y }) => y));
        expect(centres.length).toBe(columns.length * rows.length);
        const path = centres.slice(1).reduce((sum, centre, index) => sum + distance(centre, centres[index]!), 0);
        const shortest = rows.length * (columns.at(-1)! - columns[0]!) + (rows.at(-1)! - rows[0]!);
        expect(path).toBeCloseTo(shortest, 3);
        expect(planned(area, share)).toEqual(centres);
      }),
    );
  });

  it("of too many fields is refused before they are made", () => {
    const huge = { left: 0, top: 0, width: 1e6, height: 1e6 };
    expect(() => planned(huge, 0.9)).toThrowError(expect.objectContaining({ code: "SCAN_PLAN_INVALID" }));
  });
});

describe("a battlement", () => {
  it("walks from neighbour to neighbour within a band, every field once, the legs as deep and as far apart as asked", () => {
    fc.assert(
      fc.property(region, overlap, fieldsDeep, fieldsBetween, (area, share, deep, between) => {
        const plan = {
          kind: "battlement",
          region: area,
          overlap: share,
          fieldsDeep: deep,
          fieldsBetween: between,
        } as const;
        const centres = planFields(plan, field).centresUm;
        const grid = planFields({ kind: "serpentine", region: area, overlap: share }, field).centresUm;
        const [columns, rows] = [along(grid.map(({ x }) => x)), along(grid.map(({ y }) => y))];
        const known = new Set(grid.map(keyOf));
        expect(new Set(centres.map(keyOf)).size).toBe(centres.length);
        for (const centre of centres) expect(known.has(keyOf(centre))).toBe(true);
        const bandOf = ({ y }: PointUm): number => Math.floor(rows.indexOf(y) / deep);
        for (const [index, centre] of centres.slice(1).entries()) {
          const before = centres[index]!;
          if (bandOf(before) !== bandOf(centre)) continue;
          const steps =
            Math.abs(columns.indexOf(centre.x) - columns.indexOf(before.x)) +
            Math.abs(rows.indexOf(centre.y) - rows.indexOf(before.y));
          expect(steps).toBe(1);
        }
        const first = centres.filter((centre) => bandOf(centre) === 0);
        const depth = Math.min(deep, rows.length);
        for (let leg = 0; leg < columns.length; leg += between)
          expect(first.filter(({ x }) => x === columns[leg]).length).toBe(depth);
      }),
    );
  });
});

describe("a list", () => {
  it("is taken as it is, places given twice once", () => {
    const centresUm = [
      { x: 5, y: 5 },
      { x: -3, y: 4 },
      { x: 5, y: 5 },
    ];
    const { centresUm: planned, boundsUm } = planFields({ kind: "list", centresUm }, field);
    expect(planned).toEqual(centresUm.slice(0, 2));
    expect(boundsUm).toEqual({ left: -3 - 73.5, top: 4 - 55, right: 5 + 73.5, bottom: 5 + 55 });
  });
});

const side = { perMm2: 9000, coveredShare: 0.4, overlappingShare: 0.1 };
const piled = { perMm2: 20_000, coveredShare: 0.8, overlappingShare: 0.8 };

describe("a monolayer", () => {
  const plan: MonolayerPlan = {
    kind: "monolayer",
    region: { left: 0, top: 0, width: 6000, height: 3000 },
    overlap: 0.1,
    coarseFields: 50,
  };

  it("looks at no more fields than asked, within the region, each part once", () => {
    fc.assert(
      fc.property(region, fc.integer({ min: 4, max: 300 }), (area, coarseFields) => {
        const { centresUm } = planCoarsePass({ ...plan, region: area, coarseFields }, field);
        expect(centresUm.length).toBeGreaterThan(0);
        expect(centresUm.length).toBeLessThanOrEqual(coarseFields);
        expect(new Set(centresUm.map(keyOf)).size).toBe(centresUm.length);
        for (const { x, y } of centresUm) {
          expect(Math.abs(x - area.left - area.width / 2)).toBeLessThanOrEqual(
            Math.max(0, area.width - field.width) / 2 + tiny,
          );
          expect(Math.abs(y - area.top - area.height / 2)).toBeLessThanOrEqual(
            Math.max(0, area.height - field.height) / 2 + tiny,
          );
        }
      }),
    );
  });

  it("covers the largest connected part where cells lie side by side, and nothing else", () => {
    const { centresUm } = planCoarsePass(plan, field);
    const isGood = ({ x, y }: PointUm): boolean => (x > 1500 && x < 3500 && y < 2000) || (x > 5000 && y > 2500);
    const seen: CoarseField[] = centresUm.map((centre, index) => ({ index, layer: isGood(centre) ? side : piled }));
    const fields = planMonolayer(plan, field, seen).centresUm;
    expect(fields.length).toBeGreaterThan(100);
    const nearest = (place: PointUm): PointUm =>
      centresUm.reduce((best, centre) => (distance(centre, place) < distance(best, place) ? centre : best));
    for (const place of fields) {
      expect(isGood(nearest(place))).toBe(true);
      expect(place.x).toBeLessThan(4500);
    }
    for (const good of centresUm.filter((centre) => isGood(centre) && centre.x < 4500))
      expect(fields.some((place) => Math.abs(place.x - good.x) <= 73.5 && Math.abs(place.y - good.y) <= 55)).toBe(true);
    expect(planMonolayer(plan, field, seen.toReversed()).centresUm).toEqual(fields);
  });

  it("is refused where there is none", () => {
    const seen = planCoarsePass(plan, field).centresUm.map((_, index) => ({ index, layer: piled }));
    expect(() => planMonolayer(plan, field, seen)).toThrowError(expect.objectContaining({ code: "SCAN_NO_MONOLAYER" }));
  });

  const redCell = (x: number, y: number): Cell =>
    detected("erythrocyte", { left: x - 16, top: y - 16, right: x + 16, bottom: y + 16 });
  const view = { widthPx: 640, heightPx: 480, umPerPixel: 0.234375 };
  const lattice = (step: number): Cell[] =>
    Array.from({ length: Math.floor(640 / step) * Math.floor(480 / step) }, (_, index) => {
      const columns = Math.floor(640 / step);
      return redCell(((index % columns) + 0.5) * step, (Math.floor(index / columns) + 0.5) * step);
    });

  it("is told from a thick and from a thin layer", () => {
    expect(isMonolayer(redCellLayer(lattice(36), view))).toBe(true);
    expect(isMonolayer(redCellLayer(lattice(60), view))).toBe(true);
    expect(isMonolayer(redCellLayer(lattice(20), view))).toBe(false);
    expect(isMonolayer(redCellLayer(lattice(140), view))).toBe(false);
    expect(isMonolayer(redCellLayer([], view))).toBe(false);
  });

  it("counts overlapping red cells as comparing all with all does", () => {
    const cell = fc.record({ x: fc.integer({ min: 0, max: 300 }), y: fc.integer({ min: 0, max: 300 }) });
    fc.assert(
      fc.property(fc.array(cell, { minLength: 1, maxLength: 60 }), (places) => {
        const over = places.filter((a, i) =>
          places.some((b, j) => {
            const common = Math.max(0, 32 - Math.abs(a.x - b.x)) * Math.max(0, 32 - Math.abs(a.y - b.y));
            return i !== j && common >= 0.4 * 32 * 32;
          }),
        );
        const layer = redCellLayer(
          places.map(({ x, y }) => redCell(x, y)),
          view,
        );
        expect(layer.overlappingShare).toBeCloseTo(over.length / places.length, 12);
      }),
    );
  });
});

describe("the stage's reach", () => {
  it("is refused as a whole exactly where some field lies outside", () => {
    const turn = fc.double({ min: -Math.PI, max: Math.PI, noNaN: true });
    fc.assert(
      fc.property(region, turn, (area, angle) => {
        const toStage = ({ x, y }: PointUm): PointUm => ({
          x: Math.cos(angle) * x - Math.sin(angle) * y,
          y: -Math.sin(angle) * x - Math.cos(angle) * y,
        });
        const limits = { x: { min: -15_000, max: 15_000 }, y: { min: -9000, max: 12_000 } };
        const { centresUm, boundsUm } = planFields({ kind: "serpentine", region: area, overlap: 0.1 }, field);
        const isWithin = (place: PointUm): boolean => {
          const { x, y } = toStage(place);
          return x >= -15_000 && x <= 15_000 && y >= -9000 && y <= 12_000;
        };
        const refused = (places: readonly PointUm[]): boolean => {
          try {
            checkReach(places, toStage, limits);
            return false;
          } catch (error) {
            expect(error).toMatchObject({ code: "STAGE_LIMIT" });
            return true;
          }
        };
        expect(refused(centresUm)).toBe(!centresUm.every(isWithin));
        // The outermost four answer for all between them.
        expect(refused(outermostCentres(boundsUm, field))).toBe(refused(centresUm));
      }),
    );
  });
});
