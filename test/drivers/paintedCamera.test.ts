import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { choosePainting } from "../../drivers/cameras/virtual/choosePainting.js";
import { driver, type VirtualCamera } from "../../drivers/cameras/virtual/driver.js";
import { manifest } from "../../drivers/cameras/virtual/manifest.js";
import { cameraChecks } from "../../drivers/conformance/index.js";
import type { CameraFrame } from "../../drivers/contract.js";
import { modelsDirectory } from "../../src/core/index.js";
import { listModels } from "../../src/registry/index.js";
import { writeUntrainedPainter } from "../training/painter/untrainedPainter.js";

let models: string;
/** A folder of models with two painters, one of which has noise. */
beforeAll(async () => {
  models = await mkdtemp(join(tmpdir(), "painted-camera-"));
  for (const method of ["mcgan", "cgan", "pix2pix"] as const) {
    await mkdir(join(models, method));
    await writeUntrainedPainter(join(models, method, "0.1.0"), method);
  }
});
afterAll(() => rm(models, { recursive: true }));

const small = { fieldWidthPx: 96, fieldHeightPx: 72, framesPerSecond: 0 };
const region = { left: 1000, top: 1000, width: 25, height: 20 };
const painter = (name = "mcgan"): string => join(models, name, "0.1.0");
const parse = (options: object) => manifest.options.parse(options);

const opened: AsyncDisposable[] = [];
afterEach(async () => {
  for (const camera of opened.splice(0)) await camera[Symbol.asyncDispose]();
});

const open = async (options: object, onNotice?: (notice: string) => void): Promise<VirtualCamera> => {
  const { signal } = new AbortController();
  const camera = await driver.open({ source: undefined, options: parse(options), signal, onNotice });
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

const equal = (a: CameraFrame | undefined, b: CameraFrame | undefined): boolean =>
  Buffer.from(a!.pixels).equals(b!.pixels);

describe("who paints the virtual slide", () => {
  it("is the shipped MCGAN where there is one, any painter without noise else, and nobody where there is none", async () => {
    const chosen = await choosePainting(parse(small), models);
    expect(chosen).toMatchObject({ kind: "painted", painter: { name: "mcgan", version: "0.1.0" }, tiles: 1 });
    const empty = await mkdtemp(join(tmpdir(), "painted-camera-"));
    opened.push({ [Symbol.asyncDispose]: () => rm(empty, { recursive: true }) });
    expect(await choosePainting(parse(small), empty)).toMatchObject({ kind: "drawn", reason: expect.any(String) });
    await mkdir(join(empty, "cgan"));
    await writeUntrainedPainter(join(empty, "cgan", "0.1.0"), "cgan");
    expect((await choosePainting(parse(small), empty)).kind).toBe("drawn");
    await mkdir(join(empty, "pix2pix"));
    await writeUntrainedPainter(join(empty, "pix2pix", "0.1.0"), "pix2pix");
    expect(await choosePainting(parse(small), empty)).toMatchObject({ painter: { name: "pix2pix" } });
  });

  it("is who is asked for: by name, version or folder, or the drawing", async () => {
    for (const painting of ["pix2pix", "pix2pix@0.1.0", painter("pix2pix")])
      expect(await choosePainting(parse({ ...small, painting }), models)).toMatchObject({
        kind: "painted",
        directory: painter("pix2pix"),
      });
    expect(await choosePainting(parse({ ...small, painting: "drawn" }), models)).toEqual({ kind: "drawn" });
  });

  it("is found by its method where its folder has another name", async () => {
    const { kind } = await choosePainting(parse({ ...small, painting: "mcgan@0.1.0" }), models);
    expect(kind).toBe("painted");
  });

  it("cannot be a model that is not there, of another kind, damaged, or with noise, nor is a field too large", async () => {
    const refusal = (painting: string, options: object = {}) =>
      expect(choosePainting(parse({ ...small, ...options, painting }), models)).rejects;
    await refusal("nobody").toMatchObject({ code: "MODEL_NOT_FOUND" });
    await refusal("mcgan@9.9.9").toMatchObject({ code: "MODEL_NOT_FOUND" });
    await refusal("./nowhere").toMatchObject({ code: "MODEL_NOT_FOUND" });
    await refusal("cgan").toMatchObject({ code: "MODEL_INVALID" });
    await refusal("mcgan", { fieldWidthPx: 4096, fieldHeightPx: 4096 }).toMatchObject({ code: "CAMERA_UNSUPPORTED" });
    expect((await choosePainting(parse({ ...small, fieldWidthPx: 4096, fieldHeightPx: 4096 }), models)).kind).toBe(
      "drawn",
    );
    const detector = (await listModels(modelsDirectory())).find((model) => model.manifest?.kind === "detector");
    if (detector)
      await expect(open({ ...small, painting: detector.directory })).rejects.toMatchObject({ code: "MODEL_INVALID" });
  });

  it("is refused when the camera is opened where its files are damaged", async () => {
    const damaged = await mkdtemp(join(tmpdir(), "painted-camera-"));
    opened.push({ [Symbol.asyncDispose]: () => rm(damaged, { recursive: true }) });
    await writeUntrainedPainter(damaged);
    await writeFile(join(damaged, "model.onnx"), "no network");
    await expect(open({ ...small, painting: damaged })).rejects.toMatchObject({ code: "MODEL_INVALID" });
  });
});

describe("the painted virtual camera", () => {
  it("says who painted its frames, that they are simulated, and where they are", async () => {
    const camera = await open({ ...small, painting: painter() });
    const frames = await take(camera, 3);
    for (const frame of frames) {
      expect(frame).toMatchObject({ width: 96, height: 72, simulated: true, umPerPixel: 0.16 });
      expect(frame.source).toBe("slide 1, painted by mcgan 0.1.0");
    }
    const [first, second] = frames.map((frame) => frame.stagePositionUm!);
    expect(second!.x - first!.x).toBeCloseTo(0.9 * 96 * 0.16, 0);
    expect(equal(frames[0], frames[1])).toBe(false);
    // A field that nobody has seen may take as long as its tiles do; the camera is not stale before.
    expect(camera.pace).toBe("onDemand");
    expect(camera.frameIntervalMs).toBeGreaterThan(0);
  });

  it("tells when it draws although nobody asked for that", async () => {
    const notices: string[] = [];
    const [frame] = await take(await open({ ...small, painting: "drawn" }, (notice) => notices.push(notice)), 1);
    expect(notices).toEqual([]);
    expect(frame!.source).toBe("slide 1, drawn");
    const large = { fieldWidthPx: 4096, fieldHeightPx: 64, umPerPixel: 1 };
    await open({ ...large, framesPerSecond: 0 }, (notice) => notices.push(notice));
    expect(notices).toHaveLength(1);
    expect(notices[0]).toContain("drawn");
  });

  it("shows the same slide again, whatever it has shown before", async () => {
    const options = { ...small, painting: painter(), region, noiseLevels: 0, focusErrorUm: 0 };
    const camera = await open(options);
    const twice = await take(camera, 2 * camera.scanLength);
    for (let index = 0; index < camera.scanLength; index++)
      expect(equal(twice[index], twice[index + camera.scanLength])).toBe(true);
    const other = await open(options);
    const frames = other.frames()[Symbol.asyncIterator]();
    const last = twice[camera.scanLength - 1]!.stagePositionUm!;
    other.moveTo({ ...last, z: other.slide.focusZUm(last.x, last.y) });
    expect(equal((await frames.next()).value, twice[camera.scanLength - 1])).toBe(true);
    other.resumeScan();
    expect(equal((await frames.next()).value, twice[0])).toBe(true);
    await frames.return?.(undefined);
  });

  it("leaves what it was about to paint when the stage is moved", async () => {
    const camera = await open({ ...small, painting: painter() });
    const frames = camera.frames()[Symbol.asyncIterator]();
    await frames.next();
    const pending = frames.next();
    camera.moveTo({ x: 5000, y: 3000, z: camera.slide.focusZUm(5000, 3000) });
    const moved = (await pending).value as CameraFrame;
    expect(moved.stagePositionUm!.x).toBeCloseTo(5000, 0);
    camera.resumeScan();
    const resumed = (await frames.next()).value as CameraFrame;
    expect(resumed.stagePositionUm!.x).toBeLessThan(1000);
    await frames.return?.(undefined);
  });
});

describe("the painted virtual camera against the suite for cameras", () => {
  const subject = () => ({
    driver,
    source: "3",
    options: { ...small, region, repeat: false, painting: painter() },
    frames: 3,
    ends: true,
    badSources: [{ source: "no-such-slide", codes: ["CAMERA_NOT_FOUND"] }],
    deadlineMs: 50_000,
  });
  const names = cameraChecks({ ...subject, driver, source: "3", ends: true, badSources: [] }).map(({ name }) => name);
  for (const name of names)
    it(name, async () => {
      // The painter's folder is there once the tests run.
      await cameraChecks(subject())
        .find((check) => check.name === name)!
        .run();
    });
});
