import { readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { cellClasses } from "../../src/core/index.js";
import { createCounter } from "../../src/counting/index.js";
import { type CountedScanField, createScanDesk, type ScanRecord } from "../../src/scan/index.js";
import { lookAt } from "../counting/slideModel.js";
import { fieldsDone, newFolder, settled } from "./scanning.js";
import { toyCalibration, toyField, toyMicroscope, toyPlan, toyRequest, toySlide } from "./toyMicroscope.js";

const slide = toySlide(11);
const planned = toyPlan();

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
    expect(await desk.fields(id, { from: 18 })).toEqual(fields.slice(18));
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
    let looks = 0;
    const { detect } = toy.options;
    await using desk = createScanDesk({
      ...toy.options,
      detect: async (frame, signal) => {
        most = Math.max(most, ++searching);
        looks++;
        const { sequence } = frame;
        const found = await detect(frame, signal);
        // The first look is before anything moves, and after the last field nothing does. A scan that does not move on hangs here.
        while (sequence > 0 && sequence < 20 && toy.stage.moves.length <= sequence) await nextTurn();
        searching--;
        return found;
      },
    });
    const { id } = await desk.start(toyRequest());
    await settled(desk, id);
    expect(most).toBeLessThanOrEqual(3);
    expect(looks).toBe(21);
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
