import { spawnSync } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, type TestContext } from "vitest";
import { FieldRenderer } from "../../drivers/cameras/virtual/fieldRenderer.js";
import { opticsOptionsSchema, slideOptionsSchema } from "../../drivers/cameras/virtual/manifest.js";
import { loadConfig } from "../../src/config/index.js";
import { startDaemon } from "../../src/main.js";
import { createLogger } from "../../src/observability/index.js";
import {
  type CalibrationReport,
  type MicroscopeStatus,
  openOpticsStore,
  type ScanField,
  type ScanRecord,
} from "../../src/scan/index.js";
import { laboratoryPaths } from "../../src/store/index.js";
import { buildSlideCamera, cameraAddress, cameraTurn, type SlidePicture } from "../drivers/cameras/genicamPeers.js";
import { GrblFirmware } from "../drivers/stages/emulators/grbl.js";
import { EmulatedPort } from "../drivers/stages/emulators/pty.js";
import { python, requireGenicam, requirePython, requireTool } from "../requirements.js";

/** The daemon with a camera and a stage, as programs see it over HTTP: calibrated, and a slide scanned. */

let dataDir: string;
beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), "cytostream-microscope-"));
});
afterAll(() => rm(dataDir, { recursive: true, force: true }));

const start = async (context: TestContext, name: string, settings: readonly string[]) => {
  const log = createLogger({ level: "silent", pretty: false });
  const own = [`dataDir=${join(dataDir, name)}`, "publication.port=0", "labels.proposalsPerHour=0"];
  const config = await loadConfig({ settings: [...own, ...settings] });
  const daemon = await startDaemon({ config, version: "0.0.0-test", log });
  context.onTestFinished(async () => {
    await daemon.stop();
  });
  const ask = async <Value>(path: string, body?: unknown): Promise<Value> => {
    const init = { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
    const answer = await fetch(new URL(path, daemon.url), body === undefined ? {} : init);
    const value: unknown = await answer.json();
    expect([answer.status, value]).toEqual([200, value]);
    return value as Value;
  };
  const refusal = async (path: string, body: unknown): Promise<string> => {
    const init = { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
    return ((await (await fetch(new URL(path, daemon.url), init)).json()) as { code: string }).code;
  };
  const stage = (action: object): Promise<MicroscopeStatus> => ask("v1/microscope/stage", { ...action, by: "test" });
  const ready = async (): Promise<void> => {
    while ((await ask<MicroscopeStatus>("v1/microscope")).stage?.state !== "ready");
  };
  const scan = async (request: object): Promise<ScanRecord> => {
    const { id } = await ask<ScanRecord>("v1/scans", {
      slide: "test",
      focus: "none",
      stop: {},
      by: "test",
      ...request,
    });
    for (;;) {
      const record = await ask<ScanRecord>(`v1/scans/${id}`);
      if (record.state !== "running") return record;
    }
  };
  return { ask, refusal, stage, ready, scan };
};

const calibrate = { what: "optics", by: "test" };

describe("a scan on the virtual microscope", () => {
  it("homes, calibrates, scans, and counts each cell once", { timeout: 240_000 }, async (context) => {
    const daemon = await start(context, "virtual", [
      "camera.name=virtual",
      "camera.options.painting=drawn",
      "camera.options.framesPerSecond=0",
      "camera.options.fieldWidthPx=480",
      "camera.options.fieldHeightPx=360",
      "stage.name=virtual",
      "stage.options.rotationDegrees=0.5",
      "stage.options.speedUmPerS=1000000",
      "stage.options.accelerationUmPerS2=1000000000",
      "stage.settleMs=0",
      "camera.staleAfterMs=3000",
      "camera.openTimeoutMs=30000",
      "stage.limitsUm.x.min=0",
      "stage.limitsUm.x.max=12000",
    ]);
    await daemon.ready();
    const request = {
      slide: "test",
      plan: { kind: "serpentine", region: { left: 5000, top: 4000, width: 180, height: 140 } },
      by: "test",
    };
    expect(await daemon.refusal("v1/scans", request)).toBe("CALIBRATION_MISSING");
    expect(await daemon.refusal("v1/microscope/stage", { action: "move", to: { x: 5000 }, by: "test" })).toBe(
      "STAGE_UNREFERENCED",
    );
    await daemon.stage({ action: "home" });
    await daemon.stage({ action: "move", to: { x: 5000, y: 4000, z: 0 } });
    await daemon.ask("v1/microscope/focus", { by: "test" });
    const report = await daemon.ask<CalibrationReport>("v1/microscope/calibrate", calibrate);
    expect(report.umPerPixel).toBeCloseTo(0.16, 3);
    expect(report.rotationDegrees).toBeCloseTo(0.5, 1);
    const beyond = { ...request, plan: { ...request.plan, region: { ...request.plan.region, left: 20_000 } } };
    expect(["STAGE_LIMIT", "SCAN_PLAN_INVALID"]).toContain(await daemon.refusal("v1/scans", beyond));
    const record = await daemon.scan(request);
    expect([record.state, record.fieldsDone]).toEqual(["complete", record.fieldsPlanned]);
    expect(record.setup.simulated).toBe(true);
    const fields = await daemon.ask<ScanField[]>(`v1/scans/${record.id}/fields`);
    const sightings = fields.reduce((sum, { cells }) => sum + (cells.erythrocyte ?? 0), 0);
    const counted = record.counts?.classes.erythrocyte.count ?? 0;
    expect(counted).toBeGreaterThan(50);
    expect(counted).toBeLessThan(sightings);
  });
});

const field = { width: 512, height: 384 };
const umPerPixel = 0.24;

/** A part of the virtual slide as one large picture, in focus. */
const largePicture = (): SlidePicture => {
  const [width, height] = [2400, 1800];
  const slide = slideOptionsSchema.parse({ seed: 4 });
  const optics = opticsOptionsSchema.parse({ fieldWidthPx: width, fieldHeightPx: height, umPerPixel, vignetting: 0 });
  const renderer = new FieldRenderer(slide, optics);
  const at = { x: 5000, y: 4000 };
  return { width, height, pixels: renderer.render({ ...at, z: renderer.slide.focusZUm(at.x, at.y) }).pixels };
};

const tools = requireGenicam() && requireTool("socat");

describe.skipIf(!tools)(
  "a scan on a GigE Vision camera and a GRBL stage (needs aravis-tools, libaravis-dev, gstreamer1.0-tools, gcc, socat)",
  () => {
    let done: () => Promise<void>;
    beforeAll(async () => {
      done = await cameraTurn();
    }, 300_000);
    afterAll(() => done());

    it("calibrates the pair and scans what lies under it", { timeout: 240_000 }, async (context) => {
      const slides = await buildSlideCamera();
      context.onTestFinished(() => slides.remove());
      const picture = largePicture();
      await using camera = await slides.start(picture);
      const firmware = new GrblFirmware({ settings: { 22: 0 } });
      await using port = await EmulatedPort.open(firmware);
      // The stage carries the slide: the picture pans with the motors, from its middle.
      const middle = { x: (picture.width - field.width) / 2, y: (picture.height - field.height) / 2 };
      let shown = "";
      const follow = setInterval(() => {
        const [left, top] = [
          Math.round(middle.x + firmware.motors.counter("x") / umPerPixel),
          Math.round(middle.y + firmware.motors.counter("y") / umPerPixel),
        ];
        if (shown === `${left} ${top}` || left < 0 || top < 0) return;
        shown = `${left} ${top}`;
        void camera.pan(left, top);
      }, 5);
      await using _follow = { [Symbol.asyncDispose]: async () => clearInterval(follow) };
      const daemon = await start(context, "grbl", [
        "camera.name=genicam",
        `camera.source=${cameraAddress}`,
        `camera.options.region.width=${field.width}`,
        `camera.options.region.height=${field.height}`,
        "camera.options.openTimeoutMs=30000",
        "camera.options.stallTimeoutMs=10000",
        "camera.openTimeoutMs=40000",
        "camera.staleAfterMs=3000",
        "camera.latencyMs=700",
        "stage.name=grbl",
        `stage.source=${port.path}`,
        "stage.options.z=false",
        "stage.options.silenceMs=2000",
        ...["x.min=-220", "x.max=220", "y.min=-160", "y.max=160"].map((limit) => `stage.limitsUm.${limit}`),
      ]);
      await daemon.ready();
      expect((await daemon.ask<MicroscopeStatus>("v1/microscope")).stage?.referenced).toBe(false);
      await daemon.stage({ action: "declare", positionUm: { x: 0, y: 0 } });
      const report = await daemon.ask<CalibrationReport>("v1/microscope/calibrate", calibrate);
      expect(report.umPerPixel).toBeCloseTo(umPerPixel, 2);
      expect(report.mirrored).toBe(false);
      const record = await daemon.scan({
        plan: { kind: "serpentine", region: { left: -120, top: -90, width: 240, height: 180 }, overlap: 0.15 },
      });
      expect([record.state, record.failure]).toEqual(["complete", undefined]);
      expect(record.fieldsDone).toBe(record.fieldsPlanned);
      expect(record.setup).toMatchObject({ camera: "genicam", stage: "grbl" });
      expect(record.counts?.classes.erythrocyte.count ?? 0).toBeGreaterThan(50);
    });
  },
);

const demoConfiguration = (): string =>
  [
    ["Camera", "DCam"],
    ["XY", "DXYStage"],
    ["Z", "DStage"],
  ]
    .map(([label, device]) => `Device,${label},DemoCamera,${device}`)
    .concat(
      "Property,Core,Initialize,1",
      "Property,Core,Camera,Camera",
      "Property,Core,XYStage,XY",
      "Property,Core,Focus,Z",
    )
    .concat("Property,Camera,PixelType,32bitRGB")
    .join("\n");

const hasMicroManager = requirePython("pymmcore_nano", "mm_test_adapters", "numpy");

describe.skipIf(!hasMicroManager)(
  "a scan on Micro-Manager's demo devices (needs Python's pymmcore-nano, mm-test-adapters, numpy)",
  () => {
    it("goes over its plan, field by field", { timeout: 240_000 }, async (context) => {
      const told = spawnSync(python, ["-c", "import mm_test_adapters; print(mm_test_adapters.device_adapter_path())"]);
      const adapters = told.stdout.toString().trim();
      const file = join(dataDir, "demo.cfg");
      await writeFile(file, `${demoConfiguration()}\n`);
      // The demo camera's picture does not follow its stage: what a calibration would have measured is written down for it.
      const { optics } = laboratoryPaths(join(dataDir, "micromanager"));
      const store = await openOpticsStore(optics);
      await store.keepCalibration({
        ...{ objective: "default", umPerPixel: 0.2, toSlide: [1, 0, 0, 1], rotationDegrees: 0, mirrored: false },
        ...{ residualPx: 0, fieldWidthPx: 512, fieldHeightPx: 512, atMs: Date.now() },
      });
      await store[Symbol.asyncDispose]();
      const options = (device: "camera" | "stage") => [
        `${device}.name=micromanager`,
        `${device}.source=${file}`,
        `${device}.options.python=${python}`,
        `${device}.options.adapterPath=${adapters}`,
      ];
      const daemon = await start(context, "micromanager", [
        ...options("camera"),
        ...options("stage"),
        "optics.umPerPixel=0.2",
        "camera.openTimeoutMs=40000",
        "stage.openTimeoutMs=40000",
        "camera.staleAfterMs=3000",
      ]);
      await daemon.ready();
      await daemon.stage({ action: "declare", positionUm: { x: 0, y: 0, z: 0 } });
      const record = await daemon.scan({
        plan: { kind: "serpentine", region: { left: 0, top: 0, width: 300, height: 200 }, overlap: 0.1 },
      });
      expect([record.state, record.failure]).toEqual(["complete", undefined]);
      expect(record.fieldsDone).toBe(record.fieldsPlanned);
      expect(record.setup).toMatchObject({ camera: "micromanager", stage: "micromanager" });
      const fields = await daemon.ask<ScanField[]>(`v1/scans/${record.id}/fields`);
      expect(new Set(fields.map(({ centreUm: { x, y } }) => `${x.toFixed(1)} ${y.toFixed(1)}`)).size).toBe(
        fields.length,
      );
    });
  },
);
