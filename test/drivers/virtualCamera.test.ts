import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, describe, expect, it } from "vitest";
import { driver, type VirtualCamera } from "../../drivers/cameras/virtual/driver.js";
import { manifest } from "../../drivers/cameras/virtual/manifest.js";
import { coverRegion, fitIntoRegion } from "../../drivers/cameras/virtual/scanPath.js";
import { type PlannedView, plannedView, selfScanPath } from "../../drivers/cameras/virtual/selfScan.js";
import { createSlide } from "../../drivers/cameras/virtual/slide.js";
import { writeVirtualDataset } from "../../drivers/cameras/virtual/virtualDataset.js";
import { cameraChecks } from "../../drivers/conformance/index.js";
import type { CameraFrame } from "../../drivers/contract.js";
import { listDrivers, loadCamera } from "../../drivers/index.js";
import { CytoError } from "../../src/core/index.js";

const small = { fieldWidthPx: 160, fieldHeightPx: 120, framesPerSecond: 0 };
const region = { left: 1000, top: 1000, width: 70, height: 50 };

const opened: AsyncDisposable[] = [];
afterEach(async () => {
  for (const camera of opened.splice(0)) await camera[Symbol.asyncDispose]();
});

const open = async (options: object, run: { source?: string; signal?: AbortSignal } = {}): Promise<VirtualCamera> => {
  const signal = run.signal ?? new AbortController().signal;
  const camera = await driver.open({
    source: run.source,
    options: manifest.options.parse({ painting: "drawn", ...options }),
    signal,
  });
  opened.push(camera);
  return camera;
};

const take = async (camera: VirtualCamera, count: number): Promise<CameraFrame[]> => {
  const taken: CameraFrame[] = [];
  for await (const frame of camera.frames()) {
    taken.push(frame);
    if (taken.length === count) break;
  }
  return taken;
};

describe("the scan path", () => {
  const fieldWidthUm = 153.6;
  const fieldHeightUm = 115.2;
  const scans = fc.record({
    width: fc.double({ min: 20, max: 3000, noNaN: true }),
    height: fc.double({ min: 20, max: 3000, noNaN: true }),
    overlap: fc.double({ min: 0, max: 0.8, noNaN: true }),
  });

  it("covers the region with the overlap stated, in serpentine, one step at a time", () => {
    fc.assert(
      fc.property(scans, ({ width, height, overlap }) => {
        const path = coverRegion({ left: 40, top: 60, width, height }, { fieldWidthUm, fieldHeightUm, overlap });
        const stepX = fieldWidthUm * (1 - overlap);
        const stepY = fieldHeightUm * (1 - overlap);
        const first = path.at(0);
        expect(first.x - fieldWidthUm / 2).toBeCloseTo(40, 6);
        expect(first.y - fieldHeightUm / 2).toBeCloseTo(60, 6);
        let right = 0;
        let bottom = 0;
        for (let k = 0; k < path.length; k++) {
          const here = path.at(k);
          right = Math.max(right, here.x + fieldWidthUm / 2);
          bottom = Math.max(bottom, here.y + fieldHeightUm / 2);
          if (k === 0) continue;
          const last = path.at(k - 1);
          const along = Math.abs(here.x - last.x);
          const down = here.y - last.y;
          // Either a step along the row or one down at its end, never both.
          if (down === 0) expect(along).toBeCloseTo(stepX, 6);
          else {
            expect(along).toBeCloseTo(0, 6);
            expect(down).toBeCloseTo(stepY, 6);
          }
        }
        expect(right).toBeGreaterThanOrEqual(40 + width - 1e-5);
        expect(bottom).toBeGreaterThanOrEqual(60 + height - 1e-5);
        // And not a column or row more than it takes.
        if (path.columns > 1) expect(right - stepX).toBeLessThan(40 + width);
        if (path.rows > 1) expect(bottom - stepY).toBeLessThan(60 + height);
      }),
      { numRuns: 60 },
    );
  });

  it("stays on the painted area where no region is given", () => {
    fc.assert(
      fc.property(scans, ({ width, height, overlap }) => {
        const whole = { left: 0, top: 0, width: width + fieldWidthUm, height: height + fieldHeightUm };
        const path = fitIntoRegion(whole, { fieldWidthUm, fieldHeightUm, overlap });
        for (let k = 0; k < path.length; k++) {
          const { x, y } = path.at(k);
          expect(x - fieldWidthUm / 2).toBeGreaterThanOrEqual(-1e-5);
          expect(y - fieldHeightUm / 2).toBeGreaterThanOrEqual(-1e-5);
          expect(x + fieldWidthUm / 2).toBeLessThanOrEqual(whole.width + 1e-5);
          expect(y + fieldHeightUm / 2).toBeLessThanOrEqual(whole.height + 1e-5);
        }
      }),
      { numRuns: 40 },
    );
  });
});

describe("the virtual camera", () => {
  it("delivers whole frames that say what they are", async () => {
    const camera = await open({ ...small });
    expect(camera.pace).toBe("onDemand");
    const startedMs = Date.now();
    const frames = await take(camera, 3);
    for (const frame of frames) {
      expect(frame.width).toBe(160);
      expect(frame.height).toBe(120);
      expect(frame.pixels).toBeInstanceOf(Uint8Array);
      expect(frame.pixels.length).toBe(160 * 120 * 3);
      expect(frame.pixels.buffer.byteLength).toBe(frame.pixels.length);
      expect(frame.simulated).toBe(true);
      expect(frame.umPerPixel).toBe(0.16);
      expect(frame.source).toBe("slide 1, drawn");
      expect(frame.capturedAtMs).toBeGreaterThanOrEqual(startedMs);
      expect(Math.abs(frame.defocusUm ?? 99)).toBeLessThan(3);
    }
    const [first, second] = frames.map((frame) => frame.stagePositionUm!);
    expect(second!.x - first!.x).toBeCloseTo(0.9 * 160 * 0.16, 0);
    expect(second!.y).toBeCloseTo(first!.y, 6);
    expect(Buffer.from(frames[0]!.pixels).equals(frames[1]!.pixels)).toBe(false);
  });

  it("scans a region once and ends, or goes on", async () => {
    const once = await open({ ...small, region, repeat: false });
    const frames = await take(once, 1000);
    expect(frames.length).toBe(once.scanLength);
    expect(once.scanLength).toBe(3 * 3);
    const again = await open({ ...small, region: { ...region, width: 30, height: 10 } });
    const more = await take(again, again.scanLength + 1);
    expect(more.length).toBe(3);
    expect(more.at(-1)!.stagePositionUm).toEqual(more[0]!.stagePositionUm);
  });

  it("gives equal slides for equal seeds, by option and by source", async () => {
    const tiny = { ...small, fieldWidthPx: 64, fieldHeightPx: 64 };
    const [a] = await take(await open({ ...tiny, seed: 42 }), 1);
    const [b] = await take(await open(tiny, { source: "42" }), 1);
    expect(Buffer.from(b!.pixels).equals(a!.pixels)).toBe(true);
    expect(b!.source).toBe("slide 42, drawn");
  });

  it("shows what its truth says, at the position that it reports", async () => {
    const camera = await open({ ...small, fieldWidthPx: 320, fieldHeightPx: 240, noiseLevels: 0 });
    const [frame] = await take(camera, 1);
    const geometry = { fieldWidthPx: 320, fieldHeightPx: 240, umPerPixel: 0.16 };
    const truth = camera.slide.truthInField(frame!.stagePositionUm!, geometry);
    const whole = truth.filter((cell) => cell.cellClass === "erythrocyte" && !cell.cutByBorder);
    expect(whole.length).toBeGreaterThan(2);
    for (const { box } of whole) {
      const row = Math.round((box.top + box.bottom) / 2);
      let darkest = 255;
      for (let x = Math.ceil(box.left); x < box.right; x++) {
        darkest = Math.min(darkest, frame!.pixels[3 * (row * 320 + x) + 1] ?? 255);
      }
      expect(darkest).toBeLessThan(205);
    }
  });

  it("moves where it is told, looks there from any height, and goes on with the scan", async () => {
    const camera = await open({ ...small });
    const frames = camera.frames()[Symbol.asyncIterator]();
    const next = async (): Promise<CameraFrame> => {
      const result = await frames.next();
      if (result.done) throw new Error("the stream has ended");
      return result.value;
    };
    const first = await next();
    camera.moveTo({ x: 5000, y: 3000, z: camera.slide.focusZUm(5000, 3000) + 4 });
    for (let k = 0; k < 3; k++) {
      const held = await next();
      expect(held.stagePositionUm!.x).toBeCloseTo(5000, 0);
      expect(held.stagePositionUm!.y).toBeCloseTo(3000, 0);
      expect(held.defocusUm).toBeCloseTo(4, 1);
    }
    camera.resumeScan();
    const resumed = await next();
    expect(resumed.stagePositionUm!.x - first.stagePositionUm!.x).toBeCloseTo(0.9 * 160 * 0.16, 0);
    await frames.return?.(undefined);
  });

  it("is iterated once", async () => {
    const camera = await open({ ...small });
    await take(camera, 1);
    await expect(take(camera, 1)).rejects.toThrow(CytoError);
  });

  it("refuses a source that is no number of a slide, unknown options, and an aborted opening", async () => {
    await expect(open({}, { source: "slide-7" })).rejects.toMatchObject({ code: "CAMERA_NOT_FOUND" });
    await expect(open({}, { source: "4294967296" })).rejects.toMatchObject({ code: "CAMERA_NOT_FOUND" });
    expect(manifest.options.safeParse({ sead: 1 }).success).toBe(false);
    expect(manifest.options.safeParse({ leukocyteMix: { neutrophils: 1 } }).success).toBe(false);
    expect(manifest.options.safeParse({ leukocyteMix: noLeukocytes }).success).toBe(false);
    await expect(open({}, { signal: AbortSignal.abort() })).rejects.toThrow();
  });
});

describe("the views of the self-scan", () => {
  const views = (options: object): readonly PlannedView[] => {
    const parsed = manifest.options.parse(options);
    const scan = { path: selfScanPath(parsed), slide: createSlide({ seed: parsed.seed }), options: parsed };
    return Array.from({ length: 200 }, (_, index) => plannedView(index, scan));
  };
  const deviation = (values: readonly number[]): number =>
    Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / values.length);

  it("stray from the plan, the reading and the focus by what the options say", () => {
    const exact = views({ focusErrorUm: 0 });
    const stray = views({ jitterUm: 3, stageErrorUm: 2, focusErrorUm: 1.5 });
    const slide = createSlide();
    expect(exact.every((view) => view.readingErrorUm.x === 0 && view.readingErrorUm.y === 0)).toBe(true);
    expect(exact.every(({ position: { x, y, z } }) => z === slide.focusZUm(x, y))).toBe(true);
    const off = deviation(stray.map((view, k) => view.position.x - exact[k]!.position.x));
    expect(off).toBeGreaterThan(2.4);
    expect(off).toBeLessThan(3.6);
    const misread = deviation(stray.map((view) => view.readingErrorUm.y));
    expect(misread).toBeGreaterThan(1.6);
    expect(misread).toBeLessThan(2.4);
    const defocus = deviation(stray.map(({ position: { x, y, z } }) => z - slide.focusZUm(x, y)));
    expect(defocus).toBeGreaterThan(1.2);
    expect(defocus).toBeLessThan(1.8);
  });

  it("are the same whenever they are planned", () => {
    expect(views({ jitterUm: 3 })).toEqual(views({ jitterUm: 3 }));
  });
});

describe("the virtual camera against the suite for cameras", () => {
  const checks = cameraChecks({
    driver,
    source: "3",
    options: { ...small, painting: "drawn", region, repeat: false },
    frames: 3,
    ends: true,
    badSources: [{ source: "no-such-slide", codes: ["CAMERA_NOT_FOUND"] }],
    deadlineMs: 50_000,
  });
  for (const check of checks) it(check.name, () => check.run());

  it("is found by its folder", async () => {
    const { drivers } = await listDrivers("cameras");
    expect(drivers.find(({ name }) => name === "virtual")).toMatchObject({ simulated: true });
    expect((await loadCamera("virtual")).manifest.name).toBe("virtual");
  });
});

const noLeukocytes = {
  neutrophil: 0,
  eosinophil: 0,
  basophil: 0,
  lymphocyte: 0,
  monocyte: 0,
  "immature-granulocyte": 0,
  erythroblast: 0,
};

describe("a virtual data set", () => {
  it("has YOLO's layout, boxes inside the pictures, and is the same for the same seed", async () => {
    const directory = await mkdtemp(join(tmpdir(), "virtual-"));
    try {
      const options = { fields: 3, seed: 7, options: { fieldWidthPx: 320, fieldHeightPx: 240 } };
      await writeVirtualDataset(join(directory, "a"), options);
      await writeVirtualDataset(join(directory, "b"), options);
      const images = await readdir(join(directory, "a", "images", "val"));
      expect(images.sort()).toEqual(["0000.jpg", "0001.jpg", "0002.jpg"]);
      expect(await readFile(join(directory, "a", "data.yaml"), "utf8")).toContain("names: [erythrocyte, platelet");
      for (const image of images) {
        const label = image.replace(".jpg", ".txt");
        const text = await readFile(join(directory, "a", "labels", "val", label), "utf8");
        const lines = text.trim().split("\n");
        expect(lines.length).toBeGreaterThan(5);
        for (const line of lines) {
          const [cellClass, x, y, width, height] = line.split(" ").map(Number);
          expect(Number.isInteger(cellClass)).toBe(true);
          expect(cellClass).toBeLessThan(9);
          expect(x! - width! / 2).toBeGreaterThanOrEqual(-1e-6);
          expect(y! + height! / 2).toBeLessThanOrEqual(1 + 1e-6);
        }
        expect(await readFile(join(directory, "b", "labels", "val", label), "utf8")).toBe(text);
        const bytes = await readFile(join(directory, "a", "images", "val", image));
        expect(bytes.equals(await readFile(join(directory, "b", "images", "val", image)))).toBe(true);
      }
    } finally {
      await rm(directory, { recursive: true });
    }
  });
});
