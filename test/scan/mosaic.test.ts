import { cp, readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createScanDesk, mapTilePx, type ScanDesk, type ScanRecord, type SlideMap } from "../../src/scan/index.js";
import { isInMap, pictureAt, showsIn, slideMapOf } from "../../src/scan/record/pyramid.js";
import { newFolder } from "./scanning.js";
import { toyMicroscope, toyRequest, toySlide } from "./toyMicroscope.js";

const standing = (desk: ScanDesk, begin: () => Promise<unknown>): Promise<ScanRecord> =>
  new Promise((resolve, reject) => {
    const stop = desk.onChange((record) => {
      if (record === undefined || record.state === "running") return;
      stop();
      resolve(record);
    });
    begin().catch(reject);
  });

/** All tiles of a map that may hold anything. */
const tilesOf = (map: SlideMap) =>
  Array.from({ length: map.levels }, (_, level) => level).flatMap((level) => {
    const tileUm = mapTilePx * map.umPerPixel * 2 ** level;
    const columns = Math.ceil((map.boundsUm.right - map.boundsUm.left) / tileUm);
    const rows = Math.ceil((map.boundsUm.bottom - map.boundsUm.top) / tileUm);
    return Array.from({ length: columns * rows }, (_, index) => ({
      level,
      column: index % columns,
      row: Math.floor(index / columns),
    }));
  });

describe("the pyramid", () => {
  const bounds = fc
    .record({
      left: fc.integer({ min: -9000, max: 9000 }),
      top: fc.integer({ min: -9000, max: 9000 }),
      width: fc.integer({ min: 60, max: 9000 }),
      height: fc.integer({ min: 60, max: 9000 }),
    })
    .map(({ left, top, width, height }) => ({ left, top, right: left + width, bottom: top + height }));
  const scale = fc.double({ min: 0.05, max: 2, noNaN: true });

  it("ends in one tile, each level half as fine as the one before", () => {
    fc.assert(
      fc.property(bounds, scale, (boundsUm, umPerPixel) => {
        const map = slideMapOf(boundsUm, umPerPixel, 1);
        const top = { level: map.levels - 1, column: 0, row: 0 };
        expect(isInMap(map, top)).toBe(true);
        expect(isInMap(map, { ...top, column: 1 })).toBe(false);
        expect(isInMap(map, { ...top, row: 1 })).toBe(false);
        expect(isInMap(map, { level: map.levels, column: 0, row: 0 })).toBe(false);
        if (map.levels > 1) {
          const below = map.levels - 2;
          expect(
            isInMap(map, { level: below, column: 1, row: 0 }) || isInMap(map, { level: below, column: 0, row: 1 }),
          ).toBe(true);
        }
      }),
    );
  });

  it("shows a field in those tiles that it lies in, within a pixel of its place", () => {
    const shares = fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.double({ min: 0, max: 1, noNaN: true }));
    fc.assert(
      fc.property(bounds, shares, fc.integer({ min: 0, max: 5 }), (boundsUm, [shareX, shareY], level) => {
        const map = slideMapOf(boundsUm, 0.5, 1);
        const size = { width: 120, height: 90 };
        const centre = {
          x: boundsUm.left + 30 + shareX * (boundsUm.right - boundsUm.left - 60),
          y: boundsUm.top + 22.5 + shareY * (boundsUm.bottom - boundsUm.top - 45),
        };
        const place = pictureAt(map, level, centre, size);
        const perPixel = 0.5 * 2 ** level;
        expect(Math.abs((centre.x - boundsUm.left) / perPixel - place.left - place.width / 2)).toBeLessThanOrEqual(1);
        expect(Math.abs((centre.y - boundsUm.top) / perPixel - place.top - place.height / 2)).toBeLessThanOrEqual(1);
        for (const column of [-1, 0, 1, 2].map((step) => Math.floor(place.left / mapTilePx) + step)) {
          const row = Math.floor(place.top / mapTilePx);
          const left = Math.max(place.left, column * mapTilePx);
          const right = Math.min(place.left + place.width, (column + 1) * mapTilePx);
          expect(showsIn({ level, column, row }, place)).toBe(right > left);
        }
      }),
    );
  });
});

describe("tiles", () => {
  it("drawn field by field, drawn at once, and drawn after others had to go are the same", async () => {
    const folder = await newFolder();
    const toy = toyMicroscope(folder, toySlide(41));
    await using desk = createScanDesk(toy.options);
    const { id } = await standing(desk, () => desk.start(toyRequest({ stop: { fields: 6 } })));
    const copy = await newFolder();
    // One that was paused after six fields, its tiles drawn then, and again when it was whole.
    const paused = await standing(desk, async () => {
      const begun = await desk.start(toyRequest());
      await new Promise<void>((resolve) => {
        desk.onChange((record) => {
          if ((record?.fieldsDone ?? 0) >= 6) resolve();
        });
      });
      await desk.pause(begun.id);
    });
    expect(paused.state).toBe("paused");
    const early = await desk.map(paused.id);
    for (const tile of tilesOf(early)) await desk.mapTile(paused.id, tile);
    await standing(desk, () => desk.resume(paused.id));
    const map = await desk.map(paused.id);
    expect(map.version).toBeGreaterThan(early.version);
    const grown = await Promise.all(tilesOf(map).map((tile) => desk.mapTile(paused.id, tile)));
    expect(grown.some((tile) => tile !== undefined)).toBe(true);
    await cp(join(folder, paused.id), join(copy, paused.id), { recursive: true });
    await rm(join(copy, paused.id, "tiles"), { recursive: true });
    await using bounded = createScanDesk({ ...toyMicroscope(copy, toySlide(41)).options, tileBytes: 200_000 });
    for (let round = 0; round < 2; round++) {
      const atOnce = await Promise.all(tilesOf(map).map((tile) => bounded.mapTile(paused.id, tile)));
      expect(atOnce).toEqual(grown);
    }
    const tiles = join(copy, paused.id, "tiles");
    const sizes = await Promise.all((await readdir(tiles)).map(async (name) => (await stat(join(tiles, name))).size));
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThanOrEqual(200_000);
    expect(await desk.map(id)).toMatchObject({ version: 6 });
  });
});
