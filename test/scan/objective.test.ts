import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { openVirtualMicroscope } from "../../bench/virtualMicroscope.js";
import { systemClock } from "../../src/core/index.js";
import { openModels } from "../../src/daemon/index.js";
import { createDetector, type RedCellScale } from "../../src/detection/index.js";
import { createScanDesk, type FrameSource, type ScanDeskOptions } from "../../src/scan/index.js";
import { checkCellScale, ScaleWatch } from "../../src/scan/optics/index.js";
import { fieldsDone, newFolder, settled } from "./scanning.js";
import { toyCalibration, toyMicroscope, toyRequest, toySlide } from "./toyMicroscope.js";

const calibrated = { objective: "40x", umPerPixel: 0.16 };
const seen = (umPerPixel: number, more: Partial<RedCellScale> = {}): RedCellScale => ({
  ...{ umPerPixel, count: 20, searched: false, telling: true },
  ...more,
});
const unclear = (umPerPixel = 0.4): RedCellScale => seen(umPerPixel, { telling: false, searched: true, count: 2 });
const codeOf = (work: () => void): string => {
  try {
    work();
    return "none";
  } catch (error) {
    return (error as { code: string }).code;
  }
};

describe("a scale seen on red cells", () => {
  it("tells another objective, and no other person", () => {
    for (const um of [0.14, 0.16, 0.19]) checkCellScale(calibrated, um);
    for (const um of [0.064, 0.1, 0.32]) expect(codeOf(() => checkCellScale(calibrated, um))).toBe("OBJECTIVE_CHANGED");
  });
});

describe("the watch over red cells' size", () => {
  it("says nothing of fields without red cells, of other people's, and of single odd ones", () => {
    const usual = fc.double({ min: 0.13, max: 0.2, noNaN: true }).map((um) => seen(um));
    const nothing = fc.double({ min: 0.01, max: 3 }).map(unclear);
    const odd = fc.double({ min: 0.01, max: 3, noNaN: true }).map((um) => [seen(um), seen(0.16), seen(0.16)]);
    const fields = fc.array(fc.oneof(usual, nothing)).map((cells) => cells.flat());
    fc.assert(
      fc.property(fields, fc.array(odd), (some, others) => {
        const watch = new ScaleWatch(calibrated);
        for (const cells of [...some, seen(0.16), seen(0.16), ...others.flat(), ...some]) watch.observe(cells);
        expect(watch.inDoubt).toBe(false);
      }),
    );
  });

  it("tells another objective by the third field that shows it, whatever came before", () => {
    const before = fc.array(fc.constantFrom(seen(0.16), seen(0.15), unclear()));
    const objective = fc.constantFrom(0.4, 0.6, 1 / 1.5, 1.5, 2, 2.5);
    fc.assert(
      fc.property(before, objective, (some, factor) => {
        const watch = new ScaleWatch(calibrated);
        for (const cells of some) watch.observe(cells);
        const codes = Array.from({ length: 3 }, () => codeOf(() => watch.observe(seen(0.16 * factor))));
        expect(watch.inDoubt).toBe(true);
        expect(codes.at(-1)).toBe("OBJECTIVE_CHANGED");
      }),
    );
  });

  it("searches where it is in doubt, and seldom where searching brings nothing", () => {
    const watch = new ScaleWatch(calibrated);
    let searches = 0;
    for (let field = 0; field < 100; field++) {
      if (watch.ask() === "search") {
        searches++;
        watch.observe(unclear());
      }
    }
    expect(searches).toBeLessThan(25);
    watch.observe(seen(0.4, { searched: true }));
    expect([watch.ask(), watch.ask(), watch.ask()]).toEqual(["search", "search", "search"]);
  });
});

/** A toy microscope whose detector also says what the red cells measure. */
const toyWith = async (scaleOf: () => RedCellScale, folder: string) => {
  const toy = toyMicroscope(folder, toySlide(11));
  const { detect } = toy.options;
  const options: ScanDeskOptions = {
    ...toy.options,
    detect: async (...field) => ({ ...(await detect(...field)), redCells: scaleOf() }),
  };
  return { toy, options };
};

describe("a scan through another objective", () => {
  const { umPerPixel } = toyCalibration;

  it("is refused before anything moves, when it is started and when it is to go on", async () => {
    let now = umPerPixel;
    const { toy, options } = await toyWith(() => seen(now), await newFolder());
    await using desk = createScanDesk(options);
    now = umPerPixel / 2.5;
    await expect(desk.start(toyRequest())).rejects.toMatchObject({ code: "OBJECTIVE_CHANGED" });
    expect([toy.stage.moves, await desk.list()]).toEqual([[], []]);
    now = umPerPixel;
    const { id } = await desk.start(toyRequest());
    await fieldsDone(desk, 4);
    const paused = await desk.pause(id);
    const moves = toy.stage.moves.length;
    now = umPerPixel / 2.5;
    await expect(desk.resume(id)).rejects.toMatchObject({ code: "OBJECTIVE_CHANGED" });
    expect([toy.stage.moves.length, await desk.show(id)]).toEqual([moves, paused]);
    now = umPerPixel;
    await desk.resume(id);
    expect(await settled(desk, id)).toMatchObject({ state: "complete", fieldsDone: 20 });
  });

  it("pauses it in between; no field of that is counted, and it goes on as if nothing had been", async () => {
    const whole = toyMicroscope(await newFolder(), toySlide(11));
    await using undisturbed = createScanDesk(whole.options);
    const expected = await settled(undisturbed, (await undisturbed.start(toyRequest())).id);
    let looks = 0;
    let changedFrom = 8;
    const scale = () => seen(++looks > changedFrom ? 2 * umPerPixel : umPerPixel);
    const { options } = await toyWith(scale, await newFolder());
    await using desk = createScanDesk(options);
    const { id } = await desk.start(toyRequest());
    const paused = await settled(desk, id);
    // The first look is before anything moves.
    expect(paused).toMatchObject({ state: "paused", fieldsDone: 7, failure: { code: "OBJECTIVE_CHANGED" } });
    changedFrom = Number.POSITIVE_INFINITY;
    await desk.resume(id);
    const record = await settled(desk, id);
    expect([record.state, record.counts]).toEqual(["complete", expected.counts]);
  });

  it("goes on where single fields are odd, and counts them", async () => {
    let looks = 0;
    const scale = () => (++looks % 4 === 0 ? seen(3 * umPerPixel, { searched: true }) : seen(umPerPixel));
    const { options } = await toyWith(scale, await newFolder());
    await using desk = createScanDesk(options);
    const { id } = await desk.start(toyRequest());
    expect(await settled(desk, id)).toMatchObject({ state: "complete", fieldsDone: 20 });
  });
});

describe("a scan on the virtual microscope whose magnification changes", () => {
  it("pauses with OBJECTIVE_CHANGED, and goes on under the right objective", { timeout: 120_000 }, async () => {
    const setup = { fieldWidthPx: 480, fieldHeightPx: 360 };
    const low = await openVirtualMicroscope({ name: "turret", camera: { ...setup, umPerPixel: 0.25 } });
    await using microscope = low;
    // The same table, seen through the other objective of the turret.
    await using other = await openVirtualMicroscope({ name: "turret-100x", camera: { ...setup, umPerPixel: 0.1 } });
    const detector = await createDetector({ models: { detector: (await openModels({})).detector }, provider: "cpu" });
    await using _ = detector;
    let [swapped, taken, swapAt] = [false, 0, 6];
    const frames: FrameSource = {
      take: async (signal) => {
        swapped ||= ++taken > swapAt;
        if (!swapped) return microscope.frames.take(signal);
        const { x, y, z } = microscope.truth.placeUm();
        await other.stage.moveTo({ x, y, z });
        return other.frames.take(signal);
      },
    };
    const home = { x: 5000, y: 4000, z: microscope.camera.slide.focusZUm(5000, 4000) };
    await microscope.stage.moveTo(home);
    const refuse = () => Promise.reject(new Error("not here"));
    await using desk = createScanDesk({
      ...{ stage: microscope.stage, frames, objective: "40x", limitsUm: {}, clock: systemClock },
      paths: { scans: await newFolder() },
      camera: { name: "virtual", simulated: true },
      calibration: () => ({
        ...{ ...toyCalibration, objective: "40x", umPerPixel: 0.25, toSlide: [1, 0, 0, 1], rotationDegrees: 0 },
        ...{ mirrored: false, ...setup },
      }),
      procedures: { calibrateOptics: refuse, calibrateLight: refuse, focus: refuse },
      detect: (frame, signal, asked) => detector.detect(frame, { ...asked, returnPixels: true, signal }),
    });
    const region = { left: 4950, top: 3950, width: 320, height: 200 };
    const request = toyRequest({ plan: { kind: "serpentine", region, overlap: 0.2 } });
    const { id } = await desk.start(request);
    const paused = await settled(desk, id);
    expect(paused).toMatchObject({ state: "paused", failure: { code: "OBJECTIVE_CHANGED" } });
    expect(paused.fieldsDone).toBeLessThan(swapAt);
    const there = microscope.stage.status.positionUm;
    await expect(desk.resume(id)).rejects.toMatchObject({ code: "OBJECTIVE_CHANGED" });
    expect(microscope.stage.status.positionUm).toEqual(there);
    [swapped, swapAt] = [false, Number.POSITIVE_INFINITY];
    await desk.resume(id);
    const record = await settled(desk, id);
    expect([record.state, record.fieldsDone]).toEqual(["complete", record.fieldsPlanned]);
  });
});
