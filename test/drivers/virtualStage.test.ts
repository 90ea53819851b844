import { setTimeout as delay } from "node:timers/promises";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { driver as cameraDriver } from "../../drivers/cameras/virtual/driver.js";
import { mountedStage } from "../../drivers/cameras/virtual/microscope.js";
import { driver } from "../../drivers/stages/virtual/driver.js";
import { follow, swing } from "../../drivers/stages/virtual/mechanics.js";

const fast = { speedUmPerS: 1e7, accelerationUmPerS2: 1e10 };

const open = (microscope: string, given: Record<string, unknown> = {}) =>
  driver.open({
    source: undefined,
    options: driver.manifest.options.parse({ ...fast, microscope, ...given }),
    limitsUm: {},
    signal: new AbortController().signal,
    onFault: () => {},
    onNotice: () => {},
  });

describe("the stage of the virtual microscope", () => {
  it("stands where it was left, and has forgotten where that is, or has not", async () => {
    const options = { backlashUm: { x: 10 } };
    const before = await open("left", { ...options, referenced: true });
    await before.moveTo({ x: 500, y: 300 });
    await before.moveTo({ x: 400 });
    const place = mountedStage("left")!.placeUm();
    expect(place).toMatchObject({ x: 405, y: 300 });
    await before[Symbol.asyncDispose]();
    expect(mountedStage("left")).toBeUndefined();

    const after = await open("left", options);
    expect(mountedStage("left")!.placeUm()).toEqual(place);
    expect(after.referenced).toBe(false);
    expect(await after.position()).toMatchObject({ x: 0, y: 0 });
    await after.home();
    expect(await after.position()).toMatchObject({ x: 0, y: 0 });
    expect(mountedStage("left")!.placeUm().y).toBeCloseTo(0, 9);
    await after[Symbol.asyncDispose]();

    const knowing = await open("left", { ...options, referenced: true });
    expect(await knowing.position()).toMatchObject({ x: 0, y: 0 });
    await knowing[Symbol.asyncDispose]();
  });

  it("is one to a microscope", async () => {
    const stage = await open("one");
    await expect(open("one")).rejects.toMatchObject({ code: "STAGE_PORT_BUSY" });
    await stage[Symbol.asyncDispose]();
    await (await open("one"))[Symbol.asyncDispose]();
  });

  it("is shown by the camera wherever it stands, which tells where only when asked", async () => {
    for (const tellsStagePosition of [false, true]) {
      const microscope = `shown ${tellsStagePosition}`;
      const stage = await open(microscope, { referenced: true });
      const camera = await cameraDriver.open({
        source: undefined,
        options: cameraDriver.manifest.options.parse({
          ...{ microscope, tellsStagePosition, fieldWidthPx: 128, fieldHeightPx: 96 },
          ...{ framesPerSecond: 0, painting: "drawn", focusTiltUmPerMm: { x: 2, y: 0 }, focusBumpsUm: 0 },
        }),
        signal: new AbortController().signal,
      });
      await stage.moveTo({ x: 2000, y: 1500, z: 4 });
      for await (const frame of camera.frames()) {
        expect(frame.stagePositionUm).toEqual(tellsStagePosition ? { x: 2000, y: 1500 } : undefined);
        expect(frame.defocusUm).toBeCloseTo(4 - camera.slide.focusZUm(2000, 1500), 1);
        break;
      }
      const tilt = camera.slide.focusZUm(6100, 4000) - camera.slide.focusZUm(5900, 4000);
      expect(tilt).toBeCloseTo(0.4, 1);
      await camera[Symbol.asyncDispose]();
      await stage[Symbol.asyncDispose]();
    }
  });

  it("swings after its arrival, and comes to rest", async () => {
    const stage = await open("swinging", { referenced: true, settleMs: 60, settleUm: 5 });
    await stage.moveTo({ x: 1000 });
    await delay(80);
    expect(mountedStage("swinging")!.placeUm().x).toBeCloseTo(1000, 9);
    await stage[Symbol.asyncDispose]();
    fc.assert(
      fc.property(
        fc.double({ min: -200, max: 400, noNaN: true }),
        fc.integer({ min: 0, max: 100 }),
        (nowMs, settleMs) => {
          const way = { from: { x: 0, y: 0, z: 0 }, to: { x: 30, y: 40, z: 1 }, beganMs: 0, durationMs: 100 };
          const { x, y } = swing(way, nowMs, { settleMs, settleUm: 5 });
          expect(Math.hypot(x, y)).toBeLessThanOrEqual(5 + 1e-9);
          if (nowMs < 100 || nowMs >= 100 + settleMs) expect([x, y]).toEqual([0, 0]);
        },
      ),
    );
  });

  it("never lets its table further from the motors than half of their play", () => {
    const axes = fc.record({
      x: fc.double({ min: -100, max: 100, noNaN: true }),
      y: fc.double({ min: -100, max: 100, noNaN: true }),
      z: fc.double({ min: -100, max: 100, noNaN: true }),
    });
    const playUm = { x: 20, y: 5, z: 0 };
    fc.assert(
      fc.property(axes, axes, (table, motors) => {
        const followed = follow(table, motors, playUm);
        for (const axis of ["x", "y", "z"] as const) {
          expect(Math.abs(followed[axis] - motors[axis])).toBeLessThanOrEqual(playUm[axis] / 2 + 1e-9);
          // Within the play nothing moves.
          if (Math.abs(table[axis] - motors[axis]) < playUm[axis] / 2) expect(followed[axis]).toBe(table[axis]);
        }
      }),
    );
  });
});
