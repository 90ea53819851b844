import { describe, expect, it } from "vitest";
import { CytoError, type Frame } from "../../src/core/index.js";
import { createScanDesk } from "../../src/scan/index.js";
import { fieldsDone, newFolder, settled } from "./scanning.js";
import { toyMicroscope, toyPlan, toyRequest, toySlide } from "./toyMicroscope.js";

const slide = toySlide(11);
const planned = toyPlan();

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
