import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { lastValueFrom, Subject, toArray } from "rxjs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CytoError, type Frame } from "../../src/core/index.js";
import {
  createDetector,
  type Detection,
  type Detector,
  type DetectorModels,
  detect,
  tryProvider,
} from "../../src/detection/index.js";
import { loadDetectorModel, writeModel } from "../../src/registry/index.js";
import { detectorDraft, temporaryFolders } from "../registry/modelFixture.js";
import { toyDetectorBytes, writeToyModels } from "./toyModel.js";
import { radiusUm, redGrid, type ToyCell, toyFrame } from "./toySmear.js";

const temporaryFolder = temporaryFolders();
let folder: string;
let models: Required<DetectorModels>;
let detector: Detector;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "cytostream-"));
  models = await writeToyModels(folder);
  detector = await createDetector({ models, provider: "cpu", threads: 1 });
});

afterAll(async () => {
  await detector[Symbol.asyncDispose]();
  await rm(folder, { recursive: true });
});

const failure = async (promise: Promise<unknown>): Promise<CytoError> => {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(CytoError);
  return error as CytoError;
};

const smear: readonly ToyCell[] = [
  { kind: "erythrocyte", x: 60, y: 60 },
  { kind: "erythrocyte", x: 150, y: 62 },
  { kind: "leukocyte", x: 300, y: 110 },
  { kind: "lymphocyte", x: 480, y: 300 },
  { kind: "platelet", x: 240, y: 330 },
  { kind: "erythrocyte", x: 100, y: 420 },
];
const smearFrame = (): Frame => toyFrame(smear, { width: 640, height: 480, umPerPixel: 0.12 });

const expectSmear = ({ cells }: Detection, umPerPixel: number, truth = smear): void => {
  expect(cells).toHaveLength(truth.length);
  for (const { kind, x, y } of truth) {
    const cell = cells.find(({ centre }) => Math.hypot(centre.x - x, centre.y - y) < 4);
    const name = kind === "leukocyte" ? "neutrophil" : kind;
    expect(cell?.cellClass).toBe(name);
    const radius = radiusUm(kind) / umPerPixel;
    expect(Math.abs(cell!.box.left - (x - radius))).toBeLessThan(4);
    expect(Math.abs(cell!.box.bottom - (y + radius))).toBeLessThan(4);
  }
};

describe("a detector", () => {
  it("finds the cells of a field: class, place, size; names its models, provider and scale", async () => {
    const detection = await detector.detect(smearFrame());
    expectSmear(detection, 0.12);
    expect(detection.scale).toEqual({ umPerPixel: 0.12, origin: "frame" });
    expect(detection.provider).toBe("cpu");
    expect(detection.models).toEqual({ detector: models.detector.ref, classifier: models.classifier.ref });
    const lymphocyte = detection.cells.find(({ cellClass }) => cellClass === "lymphocyte");
    const probabilities = Object.values(lymphocyte?.leukocyteProbabilities ?? {});
    expect(probabilities.reduce((sum, value) => sum + value, 0)).toBeCloseTo(1, 9);
    expect(detection.timings.inferenceMs).toBeGreaterThan(0);
    expect(detection.density).toBeUndefined();
  });

  it("takes the frame's pixels and hands the same bytes back when asked", async () => {
    const frame = smearFrame();
    const before = frame.pixels.slice();
    const pending = detector.detect(frame, { returnPixels: true });
    expect(frame.pixels.length).toBe(0);
    const { pixels } = await pending;
    expect(pixels && Buffer.compare(pixels, before)).toBe(0);
  });

  it("gives the density map of the picture, its peaks where the cells are", async () => {
    const { density, cells } = await detector.detect(smearFrame(), { density: true });
    expect(density?.planes.length).toBe(3 * density!.width * density!.height);
    for (const { centre, densityClass, confidence } of cells) {
      const column = Math.floor(centre.x / density!.framePixelsPerMapPixel);
      const row = Math.floor(centre.y / density!.framePixelsPerMapPixel);
      const plane = density!.classes.indexOf(densityClass) * density!.width * density!.height;
      expect(density!.planes[plane + row * density!.width + column]).toBeGreaterThan(confidence - 0.1);
    }
  });

  it.each([
    ["pixels too few", { pixels: new Uint8Array(5) }],
    ["no width", { width: 0 }],
    ["a fractional height", { height: 1.5 }],
    ["no scale", { umPerPixel: Number.NaN }],
  ])("refuses a frame with %s and goes on", async (_name, wrong) => {
    expect((await failure(detector.detect({ ...smearFrame(), ...wrong }))).code).toBe("FRAME_INVALID");
    expectSmear(await detector.detect(smearFrame()), 0.12);
  });

  it("refuses a scale that would make the field enormous, and goes on", async () => {
    expect((await failure(detector.detect({ ...smearFrame(), umPerPixel: 40 }))).code).toBe("DETECTION_FAILED");
    expectSmear(await detector.detect(smearFrame()), 0.12);
  });

  it("finds the same in a field that is searched in tiles", async () => {
    const umPerPixel = 0.234375;
    const cells: ToyCell[] = [];
    for (let y = 40; y < 680; y += 70)
      for (let x = 40; x < 1200; x += 70) cells.push({ kind: (x + y) % 4 === 0 ? "erythrocyte" : "platelet", x, y });
    const detection = await detector.detect(toyFrame(cells, { width: 1210, height: 700, umPerPixel }));
    expectSmear(detection, umPerPixel, cells);
  });

  it("copes with one pixel, with a line, and with nothing in the field", async () => {
    for (const [width, height] of [
      [1, 1],
      [500, 1],
      [64, 64],
    ] as const) {
      const { cells } = await detector.detect(toyFrame([], { width, height, umPerPixel: 0.1 }));
      expect(cells).toEqual([]);
    }
  });

  it("withdraws a field at once", async () => {
    const controller = new AbortController();
    const pending = detector.detect(smearFrame(), { signal: controller.signal });
    controller.abort();
    expect((await failure(pending)).code).toBe("DETECTION_CANCELLED");
  });
});

describe("the scale", () => {
  it.each([0.05, 0.08, 0.12, 0.2, 0.3])(
    "is estimated from the red cells at %f um a pixel, to a twentieth",
    async (umPerPixel) => {
      const size = { width: 900, height: 700 };
      const cells = redGrid(size.width, size.height, umPerPixel);
      const source = `scale ${umPerPixel}`;
      const frame = toyFrame(cells, { ...size, umPerPixel, tell: false, source });
      const detection = await detector.detect(frame);
      expect(detection.scale.origin).toBe("estimated");
      expect(Math.abs(Math.log(detection.scale.umPerPixel / umPerPixel))).toBeLessThan(0.05);
      expect(detection.cells).toHaveLength(cells.length);
    },
  );

  it("follows when the objective is changed under way", async () => {
    const size = { width: 900, height: 700, tell: false, source: "changing" };
    for (const umPerPixel of [0.1, 0.1, 0.1, 0.2, 0.2]) {
      const cells = redGrid(size.width, size.height, umPerPixel);
      const { scale } = await detector.detect(toyFrame(cells, { ...size, umPerPixel }));
      expect(Math.abs(Math.log(scale.umPerPixel / umPerPixel))).toBeLessThan(0.08);
    }
  });

  it("comes from the configuration where the frame does not tell", async () => {
    await using configured = await createDetector({ models, provider: "cpu", threads: 1, umPerPixel: 0.12 });
    const detection = await configured.detect(
      toyFrame(smear, { width: 640, height: 480, umPerPixel: 0.12, tell: false }),
    );
    expect(detection.scale).toEqual({ umPerPixel: 0.12, origin: "config" });
    expectSmear(detection, 0.12);
  });
});

describe("the model slot", () => {
  it("exchanges models under load without losing a field; each result names one version", async () => {
    const others = await writeToyModels(await temporaryFolder(), "2.0.0");
    await using slot = await createDetector({ models, provider: "cpu", threads: 1, workers: 2 });
    const versions: string[] = [];
    const search = async (): Promise<void> => {
      const detection = await slot.detect(smearFrame());
      expectSmear(detection, 0.12);
      expect(detection.models.classifier?.version).toBe(detection.models.detector.version);
      versions.push(detection.models.detector.version);
    };
    const load = Promise.all(Array.from({ length: 24 }, search));
    await slot.swap(others);
    expect(slot.models.detector.version).toBe("2.0.0");
    await slot.swap(models);
    await slot.swap(others);
    await load;
    await search();
    expect(versions).toHaveLength(25);
    expect(versions.at(-1)).toBe("2.0.0");
  });

  it.each([
    ["another hash", async (path: string) => writeFile(path, "no network"), "SHA-256"],
    ["no file", async (path: string) => rm(path), "cannot be read"],
  ])("refuses models with %s; the old ones serve on", async (_name, spoil, message) => {
    const others = await writeToyModels(await temporaryFolder(), "2.0.0");
    await spoil(others.detector.filePath);
    const refused = await failure(detector.swap(others));
    expect(refused.code).toMatch(/^MODEL_/);
    expect(refused.message).toContain(message);
    expect((await detector.detect(smearFrame())).models.detector.version).toBe("1.0.0");
  });

  it.each([
    ["no network at all", new Uint8Array([8, 7, 1, 2, 3])],
    ["densities out of range", toyDetectorBytes(Number.NaN)],
    ["negative densities", toyDetectorBytes(-1)],
  ])("refuses a file that has the right hash but is %s", async (_name, onnxBytes) => {
    const directory = join(await temporaryFolder(), "3.0.0");
    await writeModel(directory, detectorDraft("3.0.0"), { onnxBytes, card: "" });
    const error = await failure(detector.swap({ detector: await loadDetectorModel(directory) }));
    expect(error.code).toBe("MODEL_INVALID");
    expectSmear(await detector.detect(smearFrame()), 0.12);
  });

  it("refuses a file whose tensors are not those of the manifest", async () => {
    const other = { ...models.detector, inputs: [{ name: "picture", type: "uint8", shape: [1, -1, -1, 4] }] };
    expect((await failure(detector.swap({ detector: other }))).code).toBe("MODEL_INVALID");
  });

  it("is not opened with models that are wrong", async () => {
    const wrong = { ...models.detector, ref: { ...models.detector.ref, sha256: "0".repeat(64) } };
    const opened = createDetector({ models: { detector: wrong }, provider: "cpu" });
    expect((await failure(opened)).code).toBe("MODEL_INVALID");
  });
});

describe("a worker that dies or hangs", () => {
  it("fails its fields with a code, is replaced, and the next field is found", async () => {
    const crashes: CytoError[] = [];
    await using hasty = await createDetector({
      models,
      provider: "cpu",
      threads: 1,
      timeoutMs: 3000,
      onCrash: (error) => crashes.push(error),
    });
    const endless = toyFrame([], { width: 4800, height: 4800, umPerPixel: 0.234375 });
    const stuck = failure(hasty.detect(endless));
    const behind = failure(hasty.detect(smearFrame()));
    expect((await stuck).code).toBe("DETECTOR_CRASHED");
    expect((await behind).code).toBe("DETECTOR_CRASHED");
    expect(crashes.map(({ code }) => code)).toEqual(["DETECTOR_CRASHED"]);
    expectSmear(await hasty.detect(smearFrame()), 0.12);
  });
});

describe("closing", () => {
  it("finishes what was given, refuses more, and is idempotent", async () => {
    const closing = await createDetector({ models, provider: "cpu", threads: 1 });
    const pending = Array.from({ length: 4 }, () => closing.detect(smearFrame()));
    const closed = closing[Symbol.asyncDispose]();
    expect((await failure(closing.detect(smearFrame()))).code).toBe("DETECTOR_CLOSED");
    for (const detection of await Promise.all(pending)) expectSmear(detection, 0.12);
    await closed;
    await closing[Symbol.asyncDispose]();
    expect((await failure(closing.swap(models))).code).toBe("DETECTOR_CLOSED");
  });
});

describe("detect (operator)", () => {
  it("gives each frame back with its pixels; bad frames are values; given = found + failed + dropped", async () => {
    const frames = new Subject<Frame>();
    const dropped: number[] = [];
    const results = lastValueFrom(
      frames.pipe(detect(detector, { onDrop: ({ sequence }) => dropped.push(sequence) }), toArray()),
    );
    for (let sequence = 0; sequence < 6; sequence++) frames.next({ ...smearFrame(), sequence });
    frames.next({ ...smearFrame(), width: 7, sequence: 6 });
    frames.complete();
    const found = await results;
    expect(found.map(({ frame }) => frame.sequence)).toEqual([0, 6]);
    expect(dropped).toEqual([1, 2, 3, 4, 5]);
    const [first, last] = found;
    expect(first && "detection" in first && first.detection.cells.length).toBe(smear.length);
    expect(first?.frame.pixels.length).toBe(640 * 480 * 3);
    expect(last && "error" in last && last.error.code).toBe("FRAME_INVALID");
  });
});

const gpus = await Promise.all((["cuda", "webgpu", "dml", "coreml"] as const).map(tryProvider));

describe.each(gpus)("provider $provider", ({ provider, available, reason }) => {
  it.skipIf(!available)(`finds what the CPU finds${available ? "" : ` (not here: ${reason})`}`, async () => {
    await using accelerated = await createDetector({ models, provider });
    const detection = await accelerated.detect(smearFrame());
    expect(detection.provider).toBe(provider);
    expectSmear(detection, 0.12);
  });

  it.skipIf(available)("is refused by name with a remedy where it is not there", async () => {
    const error = await failure(createDetector({ models, provider }));
    expect(error.code).toBe("PROVIDER_UNAVAILABLE");
    expect(error.remedy).toContain("cpu");
  });
});
