import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { createScanDesk, exportScan, type FocusControl, mapTilePx } from "../../src/scan/index.js";
import { newFolder, settled } from "./scanning.js";
import { toyField, toyMicroscope, toyPlan, toyRequest, toySlide } from "./toyMicroscope.js";

const slide = toySlide(11);
const planned = toyPlan();

describe("a scan of a monolayer", () => {
  it("looks at the region first, then covers where cells lie side by side", async () => {
    // Cells in the middle of the region only.
    const cells = slide.cells.filter(({ box }) => box.left > 150 && box.left < 420);
    const toy = toyMicroscope(await newFolder(), { cells });
    await using desk = createScanDesk(toy.options);
    const region = { left: 0, top: 0, width: 560, height: 240 };
    const plan = { kind: "monolayer", region, overlap: 0.1, coarseFields: 28 } as const;
    const begun = await desk.start(toyRequest({ plan }));
    expect(begun).toMatchObject({ fieldsPlanned: 0, boundsUm: { left: 0, top: 0, right: 560, bottom: 240 } });
    const record = await settled(desk, begun.id);
    expect(record.state).toBe("complete");
    expect(record.fieldsDone).toBe(record.fieldsPlanned);
    expect(record.boundsUm.left).toBeGreaterThan(100);
    expect(record.boundsUm.right).toBeLessThan(470);
    for (const { centreUm } of await desk.fields(begun.id)) expect(Math.abs(centreUm.x - 285)).toBeLessThan(150);
  });

  it("paused in its coarse pass goes on with it, to the same fields", async () => {
    const cells = slide.cells.filter(({ box }) => box.left > 150 && box.left < 420);
    const plan = {
      kind: "monolayer",
      region: { left: 0, top: 0, width: 560, height: 240 },
      overlap: 0.1,
      coarseFields: 28,
    } as const;
    const whole = toyMicroscope(await newFolder(), { cells });
    await using undisturbed = createScanDesk(whole.options);
    const expected = await settled(undisturbed, (await undisturbed.start(toyRequest({ plan }))).id);
    const toy = toyMicroscope(await newFolder(), { cells });
    await using desk = createScanDesk(toy.options);
    const { id } = await desk.start(toyRequest({ plan }));
    expect(await desk.pause(id)).toMatchObject({ state: "paused", fieldsPlanned: 0, fieldsDone: 0 });
    await desk.resume(id);
    const record = await settled(desk, id);
    expect(record.counts).toEqual(expected.counts);
    expect(record.boundsUm).toEqual(expected.boundsUm);
    expect(toy.stage.moves.length).toBe(whole.stage.moves.length);
  });

  it("flows in its coarse pass too, and finds another slide under it when it goes on", async () => {
    const folder = await newFolder();
    const toy = toyMicroscope(folder, slide);
    const region = { left: 0, top: 0, width: 560, height: 240 };
    const plan = { kind: "monolayer", region, overlap: 0.1, coarseFields: 28 } as const;
    const { detect } = toy.options;
    const desk = createScanDesk({
      ...toy.options,
      detect: async (...field) => {
        // The first look is before anything moves. The next fields are not found before the stage has moved on.
        const { sequence } = field[0];
        while (sequence > 0 && sequence < 5 && toy.stage.moves.length <= sequence) await nextTurn();
        return detect(...field);
      },
    });
    const { id } = await desk.start(toyRequest({ plan }));
    while (toy.stage.moves.length < 6) await nextTurn();
    expect(await desk.pause(id)).toMatchObject({ state: "paused", fieldsPlanned: 0, fieldsDone: 0 });
    await desk[Symbol.asyncDispose]();
    const other = toyMicroscope(folder, toySlide(12));
    await using next = createScanDesk(other.options);
    await next.resume(id);
    expect(await settled(next, id)).toMatchObject({ state: "paused", failure: { code: "SCAN_OTHER_SLIDE" } });
    expect(other.stage.moves).toHaveLength(1);
    other.camera.slide = slide;
    await next.resume(id);
    expect(await settled(next, id)).toMatchObject({ state: "complete" });
  });

  it("fails where there is none", async () => {
    const toy = toyMicroscope(await newFolder(), { cells: [] });
    await using desk = createScanDesk(toy.options);
    const region = { left: 0, top: 0, width: 400, height: 200 };
    const { id } = await desk.start(toyRequest({ plan: { kind: "monolayer", region, overlap: 0.1, coarseFields: 8 } }));
    expect(await settled(desk, id)).toMatchObject({ state: "failed", failure: { code: "SCAN_NO_MONOLAYER" } });
  });
});

describe("the focus in a scan", () => {
  it("is prepared before the fields, predicted with each move, and looked for at each field", async () => {
    const calls: string[] = [];
    const focus: FocusControl = {
      prepare: async (mode, centresUm) => void calls.push(`prepare ${mode} ${centresUm.length}`),
      predict: ({ x }) => x / 100,
      atField: async (place) => ({ zUm: place.x / 100 + 0.5, refocused: true }),
      quality: (frame, sharpness) => {
        expect(frame.pixels.length).toBe(3 * toyField.widthPx * toyField.heightPx);
        expect(sharpness).toBeGreaterThan(0);
      },
    };
    const toy = toyMicroscope(await newFolder(), slide, { focus });
    await using desk = createScanDesk(toy.options);
    const { id } = await desk.start(toyRequest({ focus: "map" }));
    await settled(desk, id);
    expect(calls).toEqual(["prepare map 20"]);
    expect(toy.stage.moves.map(({ z }) => z)).toEqual(planned.centresUm.map(({ x }) => x / 100));
    const fields = await desk.fields(id);
    expect(fields.every(({ refocused }) => refocused)).toBe(true);
    expect(fields[0]?.centreUm.z).toBeCloseTo(planned.centresUm[0]!.x / 100 + 0.5, 9);
  });
});

describe("what is made of a scan", () => {
  it("the map shows the fields where they lie, at every level, also while it grows", async () => {
    const toy = toyMicroscope(await newFolder(), slide);
    await using desk = createScanDesk(toy.options);
    const { id } = await desk.start(toyRequest({ stop: { fields: 9 } }));
    const record = await settled(desk, id);
    const map = await desk.map(id);
    expect(map).toMatchObject({ boundsUm: record.boundsUm, umPerPixel: 0.5, levels: 3, version: 9 });
    const tile = await desk.mapTile(id, { level: 0, column: 0, row: 0 });
    expect(await desk.mapTile(id, { level: 0, column: 0, row: 0 })).toEqual(tile);
    const { data, info } = await sharp(tile).raw().toBuffer({ resolveWithObject: true });
    expect(info).toMatchObject({ width: mapTilePx, height: mapTilePx });
    const green = (x: number, y: number): number => data[(y * mapTilePx + x) * 3 + 1]!;
    // Cells of the first field, which no later one overlies, lie in the map where they lie on the slide.
    const inside = slide.cells.filter(({ cellClass, box }) => {
      const { left, top, right, bottom } = box;
      return cellClass === "erythrocyte" && left > 2 && top > 2 && right < 55 && bottom < 40;
    });
    expect(inside.length).toBeGreaterThan(3);
    for (const { box } of inside)
      expect(green(Math.round(box.left + box.right), Math.round(box.top + box.bottom))).toBeLessThan(190);
    const top = await desk.mapTile(id, { level: map.levels - 1, column: 0, row: 0 });
    expect((await sharp(top).metadata()).width).toBe(mapTilePx);
    expect(await desk.mapTile(id, { level: 0, column: 99, row: 0 })).toBeUndefined();
    expect(await desk.mapTile(id, { level: 0, column: 2, row: 1 })).toBeUndefined();
    expect(await desk.mapTile(id, { level: 9, column: 0, row: 0 })).toBeUndefined();
  });

  it("cells come as a gallery, the surest first, each with a picture of it", async () => {
    const toy = toyMicroscope(await newFolder(), slide);
    await using desk = createScanDesk(toy.options);
    const { id } = await desk.start(toyRequest());
    const { counts } = await settled(desk, id);
    const cells = await desk.cells(id, { cellClass: "leukocyte", limit: 1000 });
    expect(cells.length).toBe(counts?.classes.leukocyte.count);
    expect((await desk.cells(id, { cellClass: "leukocyte", limit: 2 })).length).toBe(2);
    const fields = await desk.fields(id);
    for (const { boxUm, boxPx, field } of cells) {
      // The view's box lies on the slide where the cell does.
      const centre = fields[field]!.centreUm;
      const left = centre.x + (boxPx.left - toyField.widthPx / 2) * toyField.umPerPixel;
      expect(Math.abs(left + (boxPx.width * toyField.umPerPixel) / 2 - (boxUm.left + boxUm.right) / 2)).toBeLessThan(3);
    }
    const picture = await sharp(await desk.cellPicture(id, cells[0]!.id))
      .raw()
      .toBuffer({ resolveWithObject: true });
    expect(picture.info.width).toBe(picture.info.height);
    const middle = (picture.info.height / 2) * picture.info.width + picture.info.width / 2;
    expect(picture.data[3 * middle + 1]).toBeLessThan(120);
    await expect(desk.cellPicture(id, 1e6)).rejects.toMatchObject({ code: "NOT_FOUND" });
  });

  it("an export holds all of it", async () => {
    const folder = await newFolder();
    const toy = toyMicroscope(folder, slide);
    await using desk = createScanDesk(toy.options);
    const { id } = await desk.start(toyRequest());
    const record = await settled(desk, id);
    const out = join(await newFolder(), "export");
    const written = await exportScan({ scans: folder }, id, out);
    expect(written).toMatchObject({ record, pictures: 20 });
    expect(JSON.parse(await readFile(join(out, "scan.json"), "utf8"))).toEqual(record);
    expect(JSON.parse(await readFile(join(out, "counts.json"), "utf8"))).toEqual(record.counts);
    const fields = (await readFile(join(out, "fields.csv"), "utf8")).trim().split("\r\n");
    expect(fields.length).toBe(21);
    const cells = (await readFile(join(out, "cells.csv"), "utf8")).trim().split("\r\n");
    const { erythrocyte, leukocyte, platelet } = record.counts!.classes;
    expect(cells.length).toBe(1 + erythrocyte.count + leukocyte.count + platelet.count);
    expect((await readdir(join(out, "pictures"))).length).toBe(20);
    expect((await sharp(join(out, "map.jpg")).metadata()).width).toBe(660);
    await expect(exportScan({ scans: folder }, id, out)).rejects.toMatchObject({ code: "DATA_DIRECTORY_NOT_EMPTY" });
  });
});

describe("the microscope by hand", () => {
  it("moves in the slide's coordinates, one thing at a time, and not beside a scan", async () => {
    const toy = toyMicroscope(await newFolder(), slide);
    await using desk = createScanDesk(toy.options);
    await desk.stage({ action: "move", to: { x: 100, y: 50 }, relative: false }, "Ada");
    await desk.stage({ action: "move", to: { x: 10 }, relative: true }, "Ada");
    const status = await desk.stage({ action: "move", to: { z: 4 }, relative: true }, "Ada");
    expect(status.stage?.positionUm?.x).toBeCloseTo(110, 6);
    expect(status.stage?.positionUm?.y).toBeCloseTo(50, 6);
    expect(status.stage?.positionUm?.z).toBeCloseTo(4, 6);
    await desk.stage({ action: "declare", positionUm: { x: 0, y: 0, z: 0 } }, "Ada");
    expect(desk.status()).toMatchObject({
      stage: { referenced: true, name: "toy-stage" },
      objective: "toy",
      busy: null,
    });
    toy.stage.moveMs = 60_000;
    const moving = desk.stage({ action: "move", to: { x: 1 }, relative: false }, "Ada");
    await Promise.resolve();
    expect(desk.status().busy).toBe("moving");
    await expect(desk.start(toyRequest())).rejects.toMatchObject({ code: "STAGE_BUSY" });
    await expect(desk.focus("Ada")).rejects.toMatchObject({ code: "STAGE_BUSY" });
    await desk.stage({ action: "stop" }, "Ada");
    await expect(moving).rejects.toMatchObject({ code: "STAGE_STOPPED" });
    await desk.stage({ action: "release" }, "Ada");
    const { id } = await desk.start(toyRequest());
    await expect(desk.stage({ action: "home" }, "Ada")).rejects.toMatchObject({ code: "SCAN_RUNNING" });
    await expect(desk.calibrate("optics", "Ada")).rejects.toMatchObject({ code: "SCAN_RUNNING" });
    await desk.abort(id, "Ada");
    await expect(desk.calibrate("light", "Ada")).rejects.toMatchObject({ code: "STAGE_UNSUPPORTED" });
    expect(desk.status().busy).toBeNull();
  });
});
