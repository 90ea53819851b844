import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { BasinFinder, type Plane } from "../../src/detection/clustering/basins.js";
import { Candidates } from "../../src/detection/clustering/candidates.js";
import { Suppressor } from "../../src/detection/clustering/suppression.js";
import { type ClusterOptions, DensityClusterer, type MapOutput } from "../../src/detection/index.js";
import { type SyntheticCell, syntheticMap } from "./syntheticMap.js";

const width = 64;
const height = 48;
const options: ClusterOptions = {
  thresholds: [0.4, 0.4, 0.4],
  floorShare: 0.25,
  nms: { withinClass: 0.65, acrossClasses: 0.9 },
  averageExtent: true,
};
const clusterer = new DensityClusterer(width * height, 3);

interface Found {
  readonly classIndex: number;
  readonly x: number;
  readonly y: number;
  readonly box: readonly number[];
  readonly confidence: number;
  readonly mass: number;
}

const cellsOf = (map: MapOutput, changed: Partial<ClusterOptions> = {}): Found[] => {
  const count = clusterer.cluster(map, { ...options, ...changed });
  const { cells } = clusterer;
  return Array.from(cells.order.subarray(0, count), (i) => ({
    classIndex: cells.classIndex[i]!,
    x: cells.x[i]!,
    y: cells.y[i]!,
    box: [cells.left[i]!, cells.top[i]!, cells.right[i]!, cells.bottom[i]!],
    confidence: cells.confidence[i]!,
    mass: cells.mass[i]!,
  }));
};

/** Cells that stand apart: one in the middle half of each tile of 32 field px. */
const apart = fc
  .array(
    fc.record({
      classIndex: fc.nat(2),
      dx: fc.double({ min: -3, max: 3, noNaN: true }),
      dy: fc.double({ min: -3, max: 3, noNaN: true }),
      width: fc.double({ min: 16, max: 24, noNaN: true }),
      height: fc.double({ min: 16, max: 24, noNaN: true }),
      present: fc.boolean(),
    }),
    { minLength: 12, maxLength: 12 },
  )
  .map((tiles) =>
    tiles
      .map((tile, i) => ({ ...tile, x: 16 + 32 * (i % 4) + tile.dx, y: 16 + 32 * Math.floor(i / 4) + tile.dy }))
      .filter(({ present }) => present),
  );

const byPlace = (a: { x: number; y: number }, b: { x: number; y: number }): number =>
  Math.round((a.y - b.y) / 16) || a.x - b.x;

describe("DensityClusterer", () => {
  it("finds exactly the cells that were painted: class, centre within a third of a field px, box within one", () => {
    fc.assert(
      fc.property(apart, (painted) => {
        const found = cellsOf(syntheticMap(painted, width, height)).sort(byPlace);
        expect(found.map(({ classIndex }) => classIndex)).toEqual(painted.map(({ classIndex }) => classIndex));
        painted.forEach((cell, i) => {
          expect(Math.hypot(found[i]!.x - cell.x, found[i]!.y - cell.y)).toBeLessThan(0.34);
          const box = [
            cell.x - cell.width / 2,
            cell.y - cell.height / 2,
            cell.x + cell.width / 2,
            cell.y + cell.height / 2,
          ];
          box.forEach((edge, k) => {
            expect(Math.abs(found[i]!.box[k]! - edge)).toBeLessThan(1);
          });
        });
      }),
    );
  });

  it("separates touching cells, and merges what is one cell seen twice", () => {
    const cell = { classIndex: 0, width: 32, height: 32 };
    const touching = syntheticMap(
      [
        { ...cell, x: 40, y: 40 },
        { ...cell, x: 66, y: 44 },
      ],
      width,
      height,
    );
    expect(cellsOf(touching)).toHaveLength(2);
    const twice = syntheticMap(
      [
        { ...cell, x: 40, y: 40 },
        { ...cell, x: 45, y: 40, peak: 0.8 },
      ],
      width,
      height,
    );
    expect(cellsOf(twice)).toHaveLength(1);
    expect(cellsOf(twice, { nms: { withinClass: 0.95, acrossClasses: 0.95 } })).toHaveLength(2);
  });

  it("keeps cells of different classes on one spot unless they overlap by the higher limit", () => {
    const leukocyte = { classIndex: 1, x: 50, y: 50, width: 60, height: 60 };
    const platelet = { classIndex: 2, x: 52, y: 46, width: 10, height: 10 };
    expect(cellsOf(syntheticMap([leukocyte, platelet], width, height))).toHaveLength(2);
    const same = { ...leukocyte, classIndex: 0, peak: 0.7 };
    const found = cellsOf(syntheticMap([leukocyte, same], width, height));
    expect(found.map(({ classIndex }) => classIndex)).toEqual([1]);
  });

  it("moves with the map", () => {
    fc.assert(
      fc.property(apart, fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 9 }), (painted, dx, dy) => {
        const map = syntheticMap(painted, width, height);
        const moved = shift(map, dx, dy);
        const margin = 8;
        const inside = ({ x, y }: Found): boolean =>
          x > margin && y > margin && x < 2 * (width - dx) - margin && y < 2 * (height - dy) - margin;
        const stay = (found: Found): boolean => found.box[0]! > 0 && found.box[1]! > 0;
        const here = cellsOf(map).filter((found) => inside(found) && stay(found));
        const there = cellsOf(moved);
        for (const cell of here) {
          const twin = there.find(({ x, y }) => Math.hypot(x - cell.x - 2 * dx, y - cell.y - 2 * dy) < 1e-9);
          expect(twin?.classIndex).toBe(cell.classIndex);
          expect(twin?.confidence).toBe(cell.confidence);
        }
      }),
    );
  });

  it("follows a permutation of the planes", () => {
    fc.assert(
      fc.property(apart, fc.constantFrom([1, 2, 0], [2, 0, 1], [1, 0, 2]), (painted, permutation) => {
        const map = syntheticMap(painted, width, height);
        const permuted = painted.map((cell) => ({ ...cell, classIndex: permutation[cell.classIndex]! }));
        const straight = cellsOf(map).map((cell) => ({ ...cell, classIndex: permutation[cell.classIndex]! }));
        expect(cellsOf(syntheticMap(permuted, width, height)).sort(byPlace)).toEqual(straight.sort(byPlace));
      }),
    );
  });

  it("looks at nothing beyond the picture in a padded field", () => {
    const map = syntheticMap([{ classIndex: 0, x: 110, y: 80, width: 24, height: 24 }], width, height);
    expect(cellsOf(map)).toHaveLength(1);
    expect(cellsOf({ ...map, fieldWidth: 90 })).toHaveLength(0);
    for (const { box } of cellsOf({ ...map, fieldWidth: 114 })) expect(box[2]).toBeLessThanOrEqual(114);
  });

  it("never throws and stays inside the picture on noise, NaN and infinities", () => {
    const wild = fc.float32Array({ minLength: 40, maxLength: 40 });
    fc.assert(
      fc.property(wild, wild, fc.integer({ min: 1, max: 127 }), (densities, extents, fieldWidth) => {
        const pixels = width * height;
        const map = {
          ...syntheticMap([], width, height),
          density: Float32Array.from({ length: 3 * pixels }, (_, i) => densities[(i * 7) % 40]!),
          extent: Float32Array.from({ length: 12 * pixels }, (_, i) => extents[(i * 11) % 40]!),
          fieldWidth,
        };
        for (const cell of cellsOf(map)) {
          const [left, top, right, bottom] = cell.box as [number, number, number, number];
          const sound = left >= 0 && top >= 0 && right <= fieldWidth && bottom <= 96 && right > left && bottom > top;
          if (!(sound && cell.confidence >= 0.4 && cell.confidence <= 1)) return false;
          if (!(cell.x >= 0 && cell.x <= fieldWidth && cell.y >= 0 && cell.y <= 96)) return false;
        }
        return true;
      }),
    );
  });

  it("refuses a map larger than its workspace", () => {
    expect(() => cellsOf(syntheticMap([], width + 1, height))).toThrow(RangeError);
  });
});

const shift = (map: MapOutput, dx: number, dy: number): MapOutput => {
  const move = (values: Float32Array): Float32Array => {
    const moved = new Float32Array(values.length);
    for (let plane = 0; plane < values.length; plane += width * height)
      for (let y = dy; y < height; y++)
        for (let x = dx; x < width; x++) moved[plane + y * width + x] = values[plane + (y - dy) * width + x - dx]!;
    return moved;
  };
  return { ...map, density: move(map.density), extent: move(map.extent) };
};

const planes = fc
  .tuple(fc.integer({ min: 1, max: 24 }), fc.integer({ min: 1, max: 24 }), fc.integer({ min: 2, max: 60 }))
  .chain(([columns, rows, levels]) =>
    fc.array(fc.nat(levels), { minLength: columns * rows, maxLength: columns * rows }).map(
      (values): Plane => ({
        values: Float32Array.from(values, (value) => value / levels),
        offset: 0,
        rowStride: columns,
        width: columns,
        height: rows,
      }),
    ),
  );

/** Modes by definition: connected sets of equal values over the floor without a higher neighbour. */
const countModes = ({ values, width: columns, height: rows }: Plane, floor: number): number => {
  const seen = new Set<number>();
  let modes = 0;
  for (let start = 0; start < values.length; start++) {
    if (seen.has(start) || !(values[start]! > floor)) continue;
    const stack = [start];
    seen.add(start);
    let highest = true;
    for (let pixel = stack.pop(); pixel !== undefined; pixel = stack.pop()) {
      for (const next of neighboursOf(pixel, columns, rows)) {
        if (values[next]! > values[start]!) highest = false;
        if (values[next] !== values[start] || seen.has(next)) continue;
        seen.add(next);
        stack.push(next);
      }
    }
    if (highest) modes++;
  }
  return modes;
};

const neighboursOf = (pixel: number, columns: number, rows: number): number[] => {
  const x = pixel % columns;
  const y = Math.floor(pixel / columns);
  const found: number[] = [];
  for (let v = Math.max(0, y - 1); v <= Math.min(rows - 1, y + 1); v++)
    for (let u = Math.max(0, x - 1); u <= Math.min(columns - 1, x + 1); u++)
      if (u !== x || v !== y) found.push(v * columns + u);
  return found;
};

describe("BasinFinder", () => {
  const finder = new BasinFinder(24 * 24);

  it("finds the modes that the definition gives, plateaus counting once", () => {
    fc.assert(
      fc.property(planes, (plane) => {
        expect(finder.find(plane, 0.3)).toBe(countModes(plane, 0.3));
      }),
      { numRuns: 300 },
    );
  });

  it("puts every pixel above the floor into exactly one basin and keeps the mass", () => {
    fc.assert(
      fc.property(planes, (plane) => {
        const basins = finder.find(plane, 0.3);
        const above = [...plane.values.keys()].filter((pixel) => plane.values[pixel]! > 0.3);
        expect([...finder.active.subarray(0, finder.activeCount)]).toEqual(above);
        const masses = new Float64Array(basins);
        for (const pixel of above) {
          const basin = finder.basin[pixel]!;
          expect(basin >= 0 && basin < basins).toBe(true);
          expect(plane.values[finder.modes[basin]!]).toBeGreaterThanOrEqual(plane.values[pixel]!);
          masses[basin] = masses[basin]! + plane.values[pixel]!;
        }
        for (let basin = 0; basin < basins; basin++) {
          expect(finder.basin[finder.modes[basin]!]).toBe(basin);
          expect(finder.masses[basin]).toBeCloseTo(masses[basin]!, 9);
        }
        expect(finder.areas.subarray(0, basins).reduce((sum, area) => sum + area, 0)).toBe(above.length);
      }),
      { numRuns: 300 },
    );
  });

  it("makes every basin connected", () => {
    fc.assert(
      fc.property(planes, (plane) => {
        const basins = finder.find(plane, 0.3);
        for (let basin = 0; basin < basins; basin++) {
          const seen = new Set([finder.modes[basin]!]);
          for (const pixel of seen)
            for (const next of neighboursOf(pixel, plane.width, plane.height))
              if (plane.values[next]! > 0.3 && finder.basin[next] === basin) seen.add(next);
          expect(seen.size).toBe(finder.areas[basin]);
        }
      }),
    );
  });

  it("takes the middle of a plateau as its mode", () => {
    const values = new Float32Array(9 * 9);
    for (let y = 2; y < 7; y++) values.fill(1, y * 9 + 2, y * 9 + 7);
    expect(finder.find({ values, offset: 0, rowStride: 9, width: 9, height: 9 }, 0.5)).toBe(1);
    expect(finder.modes[0]).toBe(4 * 9 + 4);
  });
});

describe("Suppressor", () => {
  it("keeps what comparing every pair keeps", () => {
    const side = fc.double({ min: 1, max: 60, noNaN: true });
    const box = fc.record({
      classIndex: fc.nat(2),
      x: fc.double({ min: 0, max: 200, noNaN: true }),
      y: fc.double({ min: 0, max: 150, noNaN: true }),
      width: side,
      height: side,
      confidence: fc.integer({ min: 1, max: 20 }),
    });
    const limit = fc.double({ min: 0, max: 1, noNaN: true });
    const candidates = new Candidates(60);
    const suppressor = new Suppressor(60, 13 * 10);
    fc.assert(
      fc.property(fc.array(box, { maxLength: 60 }), limit, limit, (boxes, withinClass, acrossClasses) => {
        fill(candidates, boxes);
        suppressor.suppress(candidates, { withinClass, acrossClasses }, { width: 200, height: 150 });
        const kept: number[] = [];
        const order = [...boxes.keys()].sort((a, b) => boxes[b]!.confidence - boxes[a]!.confidence || a - b);
        for (const i of order) {
          const covered = kept.some((k) => {
            const limitHere = boxes[k]!.classIndex === boxes[i]!.classIndex ? withinClass : acrossClasses;
            return candidates.overlap(i, k) > limitHere;
          });
          if (!covered) kept.push(i);
        }
        expect([...candidates.order.subarray(0, candidates.keptCount)]).toEqual(kept);
      }),
      { numRuns: 300 },
    );
  });
});

const fill = (candidates: Candidates, boxes: readonly (SyntheticCell & { confidence: number })[]): void => {
  candidates.count = boxes.length;
  boxes.forEach((box, i) => {
    candidates.classIndex[i] = box.classIndex;
    candidates.left[i] = box.x - box.width / 2;
    candidates.right[i] = box.x + box.width / 2;
    candidates.top[i] = box.y - box.height / 2;
    candidates.bottom[i] = box.y + box.height / 2;
    candidates.confidence[i] = box.confidence;
  });
};
