import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, describe, expect, it } from "vitest";
import { CytoError, cellClasses, type Frame } from "../../src/core/index.js";
import { createCounter } from "../../src/counting/index.js";
import {
  type CountedScanField,
  createScanDesk,
  exportScan,
  type FocusControl,
  mapTilePx,
  type ScanDesk,
  type ScanRecord,
} from "../../src/scan/index.js";
import { planFields } from "../../src/scan/plan/index.js";
import { lookAt } from "../counting/slideModel.js";
import { toyCalibration, toyField, toyFieldUm, toyMicroscope, toyRequest, toySlide } from "./toyMicroscope.js";

const folders: string[] = [];
afterAll(() => Promise.all(folders.map((folder) => rm(folder, { recursive: true, force: true }))));
const newFolder = async (): Promise<string> => {
  const folder = await mkdtemp(join(tmpdir(), "cytostream-scan-"));
  folders.push(folder);
  return folder;
};

/** Resolves with the record of the scan once it stands still. */
const settled = async (desk: ScanDesk, id: string): Promise<ScanRecord> => {
  const now = await desk.show(id);
  if (now.state !== "running") return now;
  return new Promise((resolve) => {
    const stop = desk.onChange((record) => {
      if (record?.id !== id || record.state === "running") return;
      stop();
      resolve(record);
    });
  });
};

/** Resolves once so many fields are done. */
const fieldsDone = (desk: ScanDesk, fields: number): Promise<void> =>
  new Promise((resolve) => {
    const stop = desk.onChange((record) => {
      if ((record?.fieldsDone ?? 0) < fields) return;
      stop();
      resolve();
    });
  });

const slide = toySlide(11);
const planned = planFields(
  toyRequest().plan as Extract<ReturnType<typeof toyRequest>["plan"], { kind: "serpentine" }>,
  toyFieldUm,
);

describe("a scan", () => {
  it("counts every planned field, each cell once, and is complete", async () => {
    const told: CountedScanField[] = [];
    const toy = toyMicroscope(await newFolder(), slide, { onField: (field) => told.push(field) });
    await using desk = createScanDesk(toy.options);
    const begun = await desk.start(toyRequest());
    expect(begun).toMatchObject({
      state: "running",
      fieldsPlanned: planned.centresUm.length,
      boundsUm: planned.boundsUm,
    });
    const record = await settled(desk, begun.id);
    expect(record).toMatchObject({ state: "complete", endedBy: "every planned field is counted", fieldsDone: 20 });
    const counter = createCounter();
    for (const [sequence, place] of planned.centresUm.entries()) {
      const field = lookAt(slide, place, { sequence, ...toyField });
      counter.add({ ...field, stagePositionUm: place, models: [] });
    }
    const counted = (counts: ScanRecord["counts"]) => cellClasses.map((name) => counts?.classes[name].count);
    expect(counted(record.counts)).toEqual(counted(counter.snapshot()));
    expect(record.counts?.fields.counted).toBe(20);
    expect(told.map(({ field }) => field.index)).toEqual(planned.centresUm.map((_, index) => index));
    expect(told.at(-1)?.counts).toEqual(record.counts);
    for (const { field, frame } of told) {
      expect(frame.stagePositionUm?.x).toBeCloseTo(planned.centresUm[field.index]!.x, 6);
      expect(frame.stagePositionUm?.y).toBeCloseTo(planned.centresUm[field.index]!.y, 6);
    }
  });

  it("is the same when it is read back, with its fields and pictures", async () => {
    const folder = await newFolder();
    const toy = toyMicroscope(folder, slide);
    const live = createScanDesk(toy.options);
    const { id } = await live.start(toyRequest({ stop: { limits: { halfWidthPercent: 1, level: 0.95 } } }));
    const record = await settled(live, id);
    const fields = await live.fields(id);
    const cells = await live.cells(id, { cellClass: "leukocyte", limit: 1000 });
    await live[Symbol.asyncDispose]();
    await rm(join(folder, id, "record.json"));
    await using desk = createScanDesk(toyMicroscope(folder, slide).options);
    expect(await desk.list()).toEqual([record]);
    expect(await desk.list()).toEqual([record]);
    expect(await desk.show(id)).toEqual(record);
    expect(await desk.fields(id)).toEqual(fields);
    expect(await desk.fields(id, 18)).toEqual(fields.slice(18));
    expect(await desk.cells(id, { cellClass: "leukocyte", limit: 1000 })).toEqual(cells);
    expect(record.limits?.total).toBe(record.counts?.differential.five.total);
    const picture = await sharp(await desk.fieldPicture(id, 3)).metadata();
    expect(picture).toMatchObject({ format: "jpeg", width: toyField.widthPx, height: toyField.heightPx });
    await expect(desk.fieldPicture(id, 20)).rejects.toMatchObject({ code: "NOT_FOUND" });
    await expect(desk.show("20260101-000000000-abcdef")).rejects.toMatchObject({ code: "SCAN_NOT_FOUND" });
    await expect(desk.show("../../etc")).rejects.toMatchObject({ code: "SCAN_NOT_FOUND" });
  });

  it("ends by the first rule that is met", async () => {
    const toy = toyMicroscope(await newFolder(), slide);
    await using desk = createScanDesk(toy.options);
    const { id } = await desk.start(toyRequest({ stop: { fields: 7, minutes: 60 } }));
    const record = await settled(desk, id);
    expect(record).toMatchObject({ state: "complete", endedBy: "7 fields are counted", fieldsDone: 7 });
    expect(record.progress).toMatchObject([
      { rule: "fields", value: 7, met: true },
      { rule: "minutes", met: false },
    ]);
    await expect(desk.resume(id)).rejects.toMatchObject({ code: "SCAN_ENDED" });
    await expect(desk.abort(id, "me")).rejects.toMatchObject({ code: "SCAN_ENDED" });
  });

  it("moves on while fields are searched, with no more of them under way than two that wait", async () => {
    const toy = toyMicroscope(await newFolder(), slide);
    let searching = 0;
    let most = 0;
    let movedMeanwhile = 0;
    const { detect } = toy.options;
    await using desk = createScanDesk({
      ...toy.options,
      detect: async (frame, signal) => {
        most = Math.max(most, ++searching);
        const moves = toy.stage.moves.length;
        toy.detectMs = 5;
        const found = await detect(frame, signal);
        if (toy.stage.moves.length > moves) movedMeanwhile++;
        searching--;
        return found;
      },
    });
    const { id } = await desk.start(toyRequest());
    await settled(desk, id);
    expect(most).toBeLessThanOrEqual(3);
    expect(movedMeanwhile).toBeGreaterThan(5);
  });

  it("pauses with all that was taken counted, and goes on to the same counts", async () => {
    const whole = toyMicroscope(await newFolder(), slide);
    await using undisturbed = createScanDesk(whole.options);
    const expected = await settled(undisturbed, (await undisturbed.start(toyRequest())).id);
    const folder = await newFolder();
    const toy = toyMicroscope(folder, slide);
    await using desk = createScanDesk(toy.options);
    const { id } = await desk.start(toyRequest());
    await fieldsDone(desk, 6);
    const paused = await desk.pause(id);
    expect(paused.state).toBe("paused");
    expect(paused.failure).toBeUndefined();
    expect(paused.fieldsDone).toBeLessThan(20);
    // Once again: nothing changes.
    expect(await desk.pause(id)).toEqual(paused);
    // In another process's stead.
    await using next = createScanDesk(toyMicroscope(folder, slide).options);
    expect((await next.resume(id)).state).toBe("running");
    const record = await settled(next, id);
    expect(record).toMatchObject({ state: "complete", fieldsDone: 20 });
    expect(record.counts).toEqual(expected.counts);
  });

  it("is aborted for good, whether it runs or is paused", async () => {
    const toy = toyMicroscope(await newFolder(), slide);
    toy.stage.moveMs = 2;
    await using desk = createScanDesk(toy.options);
    const { id } = await desk.start(toyRequest());
    await fieldsDone(desk, 3);
    await expect(desk.start(toyRequest())).rejects.toMatchObject({ code: "SCAN_RUNNING" });
    await expect(desk.resume(id)).rejects.toMatchObject({ code: "SCAN_RUNNING" });
    expect(await desk.abort(id, "Ada")).toMatchObject({ state: "aborted", endedBy: "Ada aborted it" });
    const moves = toy.stage.moves.length;
    await expect(desk.resume(id)).rejects.toMatchObject({ code: "SCAN_ENDED" });
    expect(toy.stage.moves.length).toBe(moves);
    const second = await desk.start(toyRequest());
    await fieldsDone(desk, 2);
    await desk.pause(second.id);
    expect(await desk.abort(second.id, "Ada")).toMatchObject({ state: "aborted" });
    expect((await desk.list()).map(({ state }) => state)).toEqual(["aborted", "aborted"]);
  });
});

describe("a scan that cannot be", () => {
  const refusals: [
    string,
    Parameters<typeof toyRequest>[0],
    (toy: ReturnType<typeof toyMicroscope>) => object,
    string,
  ][] = [
    ["outside of the stage's travel", {}, () => ({ limitsUm: { x: { min: 0, max: 250 } } }), "STAGE_LIMIT"],
    [
      "over a region whose monolayer may lie outside",
      {
        plan: {
          kind: "monolayer",
          region: { left: 0, top: 0, width: 900, height: 900 },
          overlap: 0.1,
          coarseFields: 9,
        },
      },
      () => ({ limitsUm: { x: { min: 0, max: 250 } } }),
      "STAGE_LIMIT",
    ],
    [
      "of too many fields",
      { plan: { kind: "serpentine", region: { left: 0, top: 0, width: 1e6, height: 1e6 }, overlap: 0 } },
      () => ({}),
      "SCAN_PLAN_INVALID",
    ],
    ["without a calibration", {}, () => ({ calibration: () => undefined }), "CALIBRATION_MISSING"],
    ["with another objective's calibration", {}, () => ({ objective: "other" }), "CALIBRATION_MISSING"],
    ["in focus without a focus", { focus: "each" }, () => ({}), "STAGE_UNSUPPORTED"],
    [
      "of a stage that does not know where it is",
      {},
      ({ stage }) => {
        stage.set({ referenced: false });
        return {};
      },
      "STAGE_UNREFERENCED",
    ],
    [
      "of a stage that was stopped",
      {},
      ({ stage }) => {
        void stage.stop();
        return {};
      },
      "STAGE_STOPPED",
    ],
  ];

  it.each(refusals)("is refused before anything moves: %s", async (_, request, change, code) => {
    const folder = await newFolder();
    const toy = toyMicroscope(folder, slide);
    await using desk = createScanDesk({ ...toy.options, ...change(toy) });
    await expect(desk.start(toyRequest(request))).rejects.toMatchObject({ code });
    expect(toy.stage.moves).toEqual([]);
    expect(await readdir(folder)).toEqual([]);
  });
});

/** A paused scan with some fields, and its devices. */
const pausedScan = async (fields = 6) => {
  const folder = await newFolder();
  const toy = toyMicroscope(folder, slide);
  const desk = createScanDesk(toy.options);
  const { id } = await desk.start(toyRequest());
  await fieldsDone(desk, fields);
  const record = await desk.pause(id);
  await desk[Symbol.asyncDispose]();
  return { folder, id, record };
};

describe("a scan that goes on", () => {
  const setups: [string, object][] = [
    ["another camera", { camera: { name: "other", simulated: true } }],
    ["another scale", { calibration: () => ({ ...toyCalibration, umPerPixel: 0.52 }) }],
    ["another size of the field", { calibration: () => ({ ...toyCalibration, fieldWidthPx: 320 }) }],
    ["a camera that is turned", { calibration: () => ({ ...toyCalibration, toSlide: [1, 0, 0, -1] }) }],
    ["another objective", { objective: "other", calibration: () => ({ ...toyCalibration, objective: "other" }) }],
  ];

  it.each(setups)("is refused with %s, and nothing moves", async (_, change) => {
    const { folder, id, record } = await pausedScan();
    const toy = toyMicroscope(folder, slide);
    await using desk = createScanDesk({ ...toy.options, ...change });
    await expect(desk.resume(id)).rejects.toMatchObject({ code: "SCAN_OTHER_SLIDE" });
    expect(toy.stage.moves).toEqual([]);
    expect(await desk.show(id)).toEqual(record);
  });

  it("finds another slide under the stage by the last field alone", async () => {
    const { folder, id, record } = await pausedScan();
    const toy = toyMicroscope(folder, toySlide(12));
    await using desk = createScanDesk(toy.options);
    await desk.resume(id);
    const refused = await settled(desk, id);
    expect(refused).toMatchObject({ state: "paused", failure: { code: "SCAN_OTHER_SLIDE" } });
    expect(refused.fieldsDone).toBe(record.fieldsDone);
    expect(refused.counts).toEqual(record.counts);
    expect(toy.stage.moves.length).toBe(1);
    // The right one again.
    toy.camera.slide = slide;
    await desk.resume(id);
    expect(await settled(desk, id)).toMatchObject({ state: "complete", fieldsDone: 20 });
  });

  it("finds a slide that was moved", async () => {
    const { folder, id } = await pausedScan();
    const moved = slide.cells.map(({ cellClass, box }) => ({
      cellClass,
      box: { ...box, left: box.left + 20, right: box.right + 20 },
    }));
    const toy = toyMicroscope(folder, { cells: moved });
    await using desk = createScanDesk(toy.options);
    await desk.resume(id);
    const { state, failure } = await settled(desk, id);
    expect({ state, code: failure?.code }).toEqual({ state: "paused", code: "SCAN_OTHER_SLIDE" });
    expect(failure?.message).toMatch(/lies (19|20|21)\.\d um/);
  });

  it("refuses pictures of another size", async () => {
    const { folder, id, record } = await pausedScan();
    const toy = toyMicroscope(folder, slide);
    const { frames } = toy.options;
    await using desk = createScanDesk({
      ...toy.options,
      frames: {
        take: async (signal) => {
          const frame = await frames.take(signal);
          const height = frame.height - 1;
          return { ...frame, height, pixels: frame.pixels.slice(0, frame.width * height * 3) };
        },
      },
    });
    await desk.resume(id);
    expect(await settled(desk, id)).toMatchObject({
      state: "paused",
      failure: { code: "SCAN_OTHER_SLIDE" },
      fieldsDone: record.fieldsDone,
    });
  });

  it("says so where its journal was changed", async () => {
    const { folder, id } = await pausedScan();
    const path = join(folder, id, "fields.journal");
    const text = await readFile(path, "utf8");
    await writeFile(path, text.replace('"index":2', '"index":3'));
    await rm(join(folder, id, "record.json"));
    await using desk = createScanDesk(toyMicroscope(folder, slide).options);
    await expect(desk.show(id)).rejects.toMatchObject({ code: "STORE_DAMAGED" });
    await expect(desk.resume(id)).rejects.toMatchObject({ code: "STORE_DAMAGED" });
    expect(await desk.list()).toEqual([]);
  });
});

describe("faults in a scan", () => {
  it.each([
    ["the stage", "STAGE_DISCONNECTED"],
    ["the camera", "CAMERA_STALE"],
  ] as const)("of %s pause it; mended, it goes on to the same counts", async (device, code) => {
    const toy = toyMicroscope(await newFolder(), slide);
    await using desk = createScanDesk(toy.options);
    const { id } = await desk.start(toyRequest());
    await fieldsDone(desk, 5);
    const broken = device === "the stage" ? toy.stage : toy.camera;
    broken.fault = code;
    const paused = await settled(desk, id);
    expect(paused).toMatchObject({ state: "paused", failure: { code } });
    broken.fault = undefined;
    expect((await desk.resume(id)).failure).toBeUndefined();
    expect(await settled(desk, id)).toMatchObject({ state: "complete", fieldsDone: 20 });
  });

  it("of the detector are tried again, then pause it", async () => {
    const toy = toyMicroscope(await newFolder(), slide);
    const { detect } = toy.options;
    // By field: how often the detector fails on it.
    const failing = new Map([
      [4, 2],
      [12, 100],
    ]);
    const indexOf = (frame: Frame): number =>
      planned.centresUm.findIndex(({ x, y }) => {
        const at = frame.stagePositionUm!;
        return Math.hypot(at.x - x, at.y - y) < 1;
      });
    await using desk = createScanDesk({
      ...toy.options,
      detect: async (frame, signal) => {
        const left = failing.get(indexOf(frame)) ?? 0;
        failing.set(indexOf(frame), left - 1);
        if (left > 0) throw new CytoError("DETECTOR_CRASHED", "the worker is gone");
        return detect(frame, signal);
      },
    });
    const { id } = await desk.start(toyRequest());
    const paused = await settled(desk, id);
    expect(paused).toMatchObject({ state: "paused", fieldsDone: 12, failure: { code: "DETECTOR_CRASHED" } });
  });

  it("the emergency stop halts it at once, and it moves no more before it is released and resumed", async () => {
    const toy = toyMicroscope(await newFolder(), slide);
    toy.stage.moveMs = 60_000;
    await using desk = createScanDesk(toy.options);
    const { id } = await desk.start(toyRequest());
    await desk.stage({ action: "stop" }, "Ada");
    expect(await settled(desk, id)).toMatchObject({ state: "paused", failure: { code: "STAGE_STOPPED" } });
    await expect(desk.resume(id)).rejects.toMatchObject({ code: "STAGE_STOPPED" });
    expect(toy.stage.moves.length).toBeLessThanOrEqual(1);
    toy.stage.moveMs = 0;
    await desk.stage({ action: "release" }, "Ada");
    await desk.resume(id);
    expect(await settled(desk, id)).toMatchObject({ state: "complete" });
  });

  it("the end of the daemon pauses it", async () => {
    const folder = await newFolder();
    const toy = toyMicroscope(folder, slide);
    toy.detectMs = 5;
    const desk = createScanDesk(toy.options);
    const { id } = await desk.start(toyRequest());
    await fieldsDone(desk, 4);
    await desk[Symbol.asyncDispose]();
    await using next = createScanDesk(toyMicroscope(folder, slide).options);
    const record = await next.show(id);
    expect(record.state).toBe("paused");
    expect(record.failure).toBeUndefined();
    await next.resume(id);
    expect(await settled(next, id)).toMatchObject({ state: "complete", fieldsDone: 20 });
  });
});

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
