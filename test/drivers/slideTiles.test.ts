import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { resampleRow, sourceSpan, tapsOf } from "../../drivers/cameras/virtual/resampling.js";
import { redCellUm } from "../../drivers/cameras/virtual/slideMask.js";
import { type TileGrid, tileGridOf, tilesOfField, tilesOver } from "../../drivers/cameras/virtual/tileGrid.js";
import { TileStore } from "../../drivers/cameras/virtual/tileStore.js";
import { createRandom } from "../../src/core/index.js";
import type { Picture } from "../../src/pictures/index.js";

describe("the grid of tiles", () => {
  const options = fc.record({
    firstUm: fc.record({
      x: fc.double({ min: -100, max: 20_000, noNaN: true }),
      y: fc.double({ min: -100, max: 20_000, noNaN: true }),
    }),
    fieldWidthUm: fc.double({ min: 5, max: 700, noNaN: true }),
    fieldHeightUm: fc.double({ min: 5, max: 700, noNaN: true }),
    paintedUmPerPixel: fc.constant(redCellUm / 32),
    multiple: fc.constant(16),
  });

  it("lies on the painter's multiples, and the first field takes as many tiles as is said", () => {
    fc.assert(
      fc.property(options, (given) => {
        const grid = tileGridOf(given);
        for (const length of [grid.left, grid.top, grid.width, grid.height]) expect(Math.abs(length % 16)).toBe(0);
        const px = (um: number): number => Math.floor(um / given.paintedUmPerPixel);
        const left = px(given.firstUm.x);
        const top = px(given.firstUm.y);
        // With two pixels around it, as the enlargement takes.
        const { right, bottom, ...from } = tilesOver(grid, {
          left: left - 2,
          top: top - 2,
          right: px(given.firstUm.x + given.fieldWidthUm) + 3,
          bottom: px(given.firstUm.y + given.fieldHeightUm) + 3,
        });
        expect(from).toEqual({ left: 0, top: 0 });
        expect(right * bottom).toBeLessThanOrEqual(tilesOfField(given));
      }),
    );
  });

  it("finds the tiles of any rectangle, no more and no fewer", () => {
    const grid: TileGrid = { left: 32, top: -48, width: 240, height: 272 };
    const corner = fc.integer({ min: -2000, max: 2000 });
    const side = fc.integer({ min: 1, max: 900 });
    fc.assert(
      fc.property(corner, corner, side, side, (left, top, width, height) => {
        const tiles = tilesOver(grid, { left, top, right: left + width, bottom: top + height });
        const starts = (index: number) => grid.left + index * grid.width;
        expect(starts(tiles.left)).toBeLessThanOrEqual(left);
        expect(starts(tiles.left + 1)).toBeGreaterThan(left);
        expect(starts(tiles.right)).toBeGreaterThanOrEqual(left + width);
        expect(starts(tiles.right - 1)).toBeLessThan(left + width);
        expect(grid.top + tiles.bottom * grid.height).toBeGreaterThanOrEqual(top + height);
        expect(grid.top + tiles.top * grid.height).toBeLessThanOrEqual(top);
      }),
    );
  });
});

describe("resampling", () => {
  const steps = fc.double({ min: 0.2, max: 4, noNaN: true });

  it("keeps even colours even, and gives a pixel the same value whichever stretch it is in", () => {
    fc.assert(
      fc.property(steps, fc.integer({ min: -500, max: 5000 }), fc.nat(30), (step, from, shift) => {
        const whole = tapsOf(from, 40, step);
        const span = sourceSpan(whole);
        const random = createRandom(from + 1000);
        const source = Uint8Array.from({ length: 3 * (span.to - span.from) }, () => random.int(256));
        const row = new Float32Array(120);
        resampleRow(source, whole, span.from, row);
        const part = tapsOf(from + shift, 10, step);
        const partRow = new Float32Array(30);
        resampleRow(source, part, span.from, partRow);
        expect([...partRow]).toEqual([...row.subarray(3 * shift, 3 * shift + 30)]);
        resampleRow(new Uint8Array(source.length).fill(137), whole, span.from, row);
        expect(row.every((value) => Math.abs(value - 137) < 1e-3)).toBe(true);
      }),
      { numRuns: 40 },
    );
  });

  it("leaves a row as it is where the scales are equal", () => {
    const taps = tapsOf(10, 20, 1);
    const { from, to } = sourceSpan(taps);
    const source = Uint8Array.from({ length: 3 * (to - from) }, (_, at) => (at * 37) % 256);
    const row = new Float32Array(60);
    resampleRow(source, taps, from, row);
    expect([...row]).toEqual([...source.subarray(3 * (10 - from), 3 * (30 - from))]);
  });
});

describe("the store of tiles", () => {
  const size = { width: 32, height: 16 };
  const painting =
    (log: string[]) =>
    async (column: number, row: number): Promise<Picture> => {
      log.push(`${column},${row}`);
      const random = createRandom(100 * column + row);
      return { ...size, pixels: Uint8Array.from({ length: 3 * 32 * 16 }, () => 100 + random.int(40)) };
    };

  it("paints a tile once, and shows it the same from the first time on", async () => {
    const log: string[] = [];
    const store = new TileStore({ mostBytes: 1 << 20, paint: painting(log) });
    await store.prepare(1, 2);
    const first = Buffer.from(store.pixelsOf(1, 2));
    expect(store.has(1, 2)).toBe(true);
    // Its pixels go; it comes back from its compressed form.
    await store.prepare(3, 4);
    expect(() => store.pixelsOf(1, 2)).toThrow(RangeError);
    await store.prepare(1, 2);
    expect(first.equals(store.pixelsOf(1, 2))).toBe(true);
    expect(log).toEqual(["1,2", "3,4"]);
  });

  it("keeps within its bound, and what was asked for last", async () => {
    const log: string[] = [];
    const one = new TileStore({ mostBytes: 1 << 20, paint: painting([]) });
    await one.prepare(0, 0);
    const mostBytes = Math.round(3.5 * one.size.bytes);
    const store = new TileStore({ mostBytes, paint: painting(log) });
    for (const column of [0, 1, 2, 0, 3, 4, 0]) {
      await store.prepare(column, 0);
      expect(store.size.bytes).toBeLessThanOrEqual(mostBytes);
    }
    expect(log).toEqual(["0,0", "1,0", "2,0", "3,0", "4,0"]);
    expect([0, 1, 2, 3, 4].map((column) => store.has(column, 0))).toEqual([true, false, false, true, true]);
    expect(store.size.tiles).toBe(3);
  });

  it("keeps one tile even where the bound is too small for it, and nothing of one that failed", async () => {
    const small = new TileStore({ mostBytes: 1, paint: painting([]) });
    await small.prepare(0, 0);
    expect(small.pixelsOf(0, 0)).toHaveLength(3 * 32 * 16);
    let fails = true;
    const flaky = new TileStore({
      mostBytes: 1 << 20,
      paint: (column, row) => (fails ? Promise.reject(new Error("no")) : painting([])(column, row)),
    });
    await expect(flaky.prepare(0, 0)).rejects.toThrow("no");
    expect(flaky.size).toEqual({ bytes: 0, tiles: 0 });
    fails = false;
    await flaky.prepare(0, 0);
    expect(flaky.size.tiles).toBe(1);
  });
});
