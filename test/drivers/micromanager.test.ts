import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { driver as cameraDriver } from "../../drivers/cameras/micromanager/driver.js";
import { cameraChecks, stageChecks } from "../../drivers/conformance/index.js";
import type { Camera, CameraFrame, Stage } from "../../drivers/contract.js";
import { BridgeFrameReader, frameHeaderBytes, parseMessage } from "../../drivers/micromanager/protocol.js";
import { driver as stageDriver } from "../../drivers/stages/micromanager/driver.js";
import type { CytoError } from "../../src/core/index.js";
import { processesBelow } from "../integration/program.js";
import { python, requirePython } from "../requirements.js";
import { codeOf } from "./media.js";
import { demoConfiguration, demoDevices } from "./micromanagerDemo.js";

const headerOf = (width: number, height: number, session = 1, lost = 0): Uint8Array => {
  const header = Buffer.alloc(frameHeaderBytes);
  header.write("CYF1");
  for (const [at, value] of [session, width, height, lost].entries()) header.writeUInt32LE(value, 4 + 4 * at);
  header.writeDoubleLE(5000, 24);
  header.writeDoubleLE(0.25, 32);
  return header;
};

describe("frames of Micro-Manager's bridge", () => {
  it("are read whole, wherever the chunks end", () => {
    const frame = fc.record({
      width: fc.integer({ min: 1, max: 9 }),
      height: fc.integer({ min: 1, max: 9 }),
      lost: fc.nat(5),
    });
    fc.assert(
      fc.property(
        fc.array(frame, { maxLength: 6 }),
        fc.infiniteStream(fc.integer({ min: 1, max: 70 })),
        (frames, cuts) => {
          const stream = Buffer.concat(
            frames.flatMap(({ width, height, lost }, at) => [
              headerOf(width, height, 3, lost),
              new Uint8Array(width * height * 3).fill(at),
            ]),
          );
          const reader = new BridgeFrameReader(1000);
          const read: unknown[] = [];
          let from = 0;
          for (const cut of cuts) {
            if (from >= stream.length) break;
            read.push(...reader.push(stream.subarray(from, from + cut)));
            from += cut;
          }
          expect(read).toEqual(
            frames.map((wanted, at) => ({
              ...{ ...wanted, session: 3, capturedAtMs: 5000, umPerPixel: 0.25 },
              pixels: new Uint8Array(wanted.width * wanted.height * 3).fill(at),
            })),
          );
        },
      ),
    );
  });

  it("are refused by a code where they are none, and messages are told from other lines", async () => {
    const code = (bytes: Uint8Array): Promise<string> => codeOf((async () => new BridgeFrameReader(100).push(bytes))());
    expect(await code(new Uint8Array(frameHeaderBytes))).toBe("FRAME_INVALID");
    expect(await code(headerOf(0, 5))).toBe("FRAME_INVALID");
    expect(await code(headerOf(4_000_000_000, 5))).toBe("IMAGE_TOO_LARGE");
    fc.assert(fc.property(fc.oneof(fc.string(), fc.json()), (line) => void parseMessage(line)));
    expect(parseMessage('{"id": 1, "result": {"x": 2}}')).toEqual({ id: 1, result: { x: 2 } });
  });
});

describe.skipIf(!requirePython("pymmcore_nano", "mm_test_adapters", "numpy"))(
  "the micromanager camera and stage (need Python's pymmcore-nano, mm-test-adapters, numpy; PYTHON names another)",
  () => {
    let folder = "";
    let configFile = "";
    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), "cytostream-micromanager-"));
      configFile = join(folder, "scope.cfg");
      await writeFile(configFile, demoConfiguration);
      await writeFile(join(folder, "broken.cfg"), "Device,Camera,NoSuchAdapter,None\n");
    });
    afterAll(() => rm(folder, { recursive: true, force: true }));

    const camera = (
      options: object = {},
      more: { source?: string; onFault?: (fault: CytoError) => void } = {},
    ): Promise<Camera> =>
      cameraDriver.open({
        source: configFile,
        signal: new AbortController().signal,
        ...more,
        options: cameraDriver.manifest.options.parse({ python, openTimeoutMs: 30_000, ...options }),
      });

    const stage = (options: object = {}, more: object = {}): Promise<Stage> =>
      stageDriver.open({
        source: configFile,
        signal: new AbortController().signal,
        limitsUm: { x: { min: -1000, max: 1000 }, y: { min: -1000, max: 1000 }, z: { min: -50, max: 50 } },
        ...more,
        options: stageDriver.manifest.options.parse({ python, ...options }),
      });

    async function frameOf(opened: Camera): Promise<CameraFrame> {
      await using _ = opened;
      for await (const frame of opened.frames()) return frame;
      throw new Error("no frame");
    }

    const bridges = (): number[] => processesBelow(process.pid).filter((pid) => readdirSync(`/proc/${pid}`).length > 0);

    /** Sums of red, green and blue of a picture that the core itself gives, shifted to 8 bits. */
    const sumsOf = (pixelType: string, mode: string): number[] => {
      const script = [
        "import json, sys, numpy, mm_test_adapters, pymmcore_nano",
        "core = pymmcore_nano.CMMCore()",
        "core.setDeviceAdapterSearchPaths([str(mm_test_adapters.device_adapter_path())])",
        'core.loadDevice("C", "DemoCamera", "DCam"); core.initializeDevice("C"); core.setCameraDevice("C")',
        'core.setProperty("C", "PixelType", sys.argv[1]); core.setProperty("C", "Mode", sys.argv[2])',
        "core.setExposure(10); core.snapImage(); image = core.getImage()",
        "image = (image >> max(0, core.getImageBitDepth() - 8)).astype(float)",
        "image = image if image.ndim == 3 else numpy.repeat(image[:, :, None], 3, 2)",
        "print(json.dumps(image.sum((0, 1)).tolist()))",
      ];
      const run = spawnSync(python, ["-c", script.join("\n"), pixelType, mode]);
      return JSON.parse(run.stdout.toString()) as number[];
    };

    it.each(["8bit", "16bit", "32bitRGB"])(
      "gives 8-bit RGB of pixel type %s, as the core itself does",
      async (PixelType) => {
        const Mode = "Color Test Pattern";
        const frame = await frameOf(await camera({ properties: { PixelType, Mode }, exposureMs: 10 }));
        expect([frame.width, frame.height, frame.umPerPixel]).toEqual([512, 512, 0.16]);
        const sums = [0, 0, 0];
        for (const [at, value] of frame.pixels.entries()) sums[at % 3]! += value;
        expect(sums).toEqual(sumsOf(PixelType, Mode));
        expect(sums[0]).toBeGreaterThan(0);
      },
    );

    it("sets region, binning and properties, and refuses what the camera does not take", async () => {
      const region = { x: 10, y: 20, width: 101, height: 60 };
      const { width, height } = await frameOf(await camera({ region }));
      expect([width, height]).toEqual([101, 60]);
      expect((await frameOf(await camera({ binning: 2 }))).width).toBe(256);
      expect(await codeOf(camera({ binning: 3 }))).toBe("CAMERA_UNSUPPORTED");
      expect(await codeOf(camera({ properties: { NoSuchProperty: "1" } }))).toBe("CAMERA_UNSUPPORTED");
      for (const PixelType of ["32bit", "64bitRGB"]) {
        expect(await codeOf(camera({ properties: { PixelType } }))).toBe("CAMERA_UNSUPPORTED");
      }
      expect(await codeOf(camera({ camera: "XY" }))).toBe("CAMERA_UNSUPPORTED");
      expect(await codeOf(camera({ maxMegapixels: 0.1 }))).toBe("IMAGE_TOO_LARGE");
    });

    it("says by a code what is missing", async () => {
      for (const [code, options, more] of [
        ["CAMERA_SOURCE_NOT_FOUND", {}, { source: join(folder, "absent.cfg") }],
        ["CAMERA_SOURCE_NOT_FOUND", {}, { source: undefined }],
        ["CAMERA_OPEN_FAILED", {}, { source: join(folder, "broken.cfg") }],
        ["CAMERA_OPEN_FAILED", { adapterPath: folder }, {}],
        ["MICROMANAGER_NOT_FOUND", { python: "/nowhere/python" }, {}],
        ["MICROMANAGER_NOT_FOUND", { python: join(folder, "python") }, {}],
      ] as const) {
        expect(await codeOf(camera(options, more as object)), JSON.stringify(options)).toBe(code);
      }
      expect(await codeOf(stage({}, { source: join(folder, "absent.cfg") }))).toBe("STAGE_PORT_NOT_FOUND");
      expect(await codeOf(stage({ xyStage: "Camera" }))).toBe("STAGE_UNSUPPORTED");
    });

    it("opens devices without a configuration file", async () => {
      const opened = await stage({ devices: demoDevices.slice(1) }, { source: undefined });
      expect(opened.axes).toEqual(["x", "y", "z"]);
      await opened[Symbol.asyncDispose]();
    });

    it("serves camera and stage by one process, which ends with the last of them", async () => {
      await expect.poll(() => bridges().length).toBe(0);
      const [one, other] = await Promise.all([camera(), stage()]);
      const frames = one.frames()[Symbol.asyncIterator]();
      expect((await frames.next()).done).toBe(false);
      expect(bridges()).toHaveLength(1);
      expect(await codeOf(camera())).toBe("CAMERA_BUSY");
      expect(await codeOf(stage())).toBe("STAGE_PORT_BUSY");
      await other.declare({ x: 0, y: 0, z: 0 });
      await other.moveTo({ x: 300, y: 40 });
      expect((await frames.next()).done).toBe(false);
      await one[Symbol.asyncDispose]();
      expect(bridges()).toHaveLength(1);
      expect((await other.position()).x).toBeCloseTo(300, 0);
      await other[Symbol.asyncDispose]();
      expect(bridges()).toHaveLength(0);
    });

    it("tells camera and stage when the process dies, and opens both again", async () => {
      const faults: string[] = [];
      const [one, other] = await Promise.all([
        camera(),
        stage({}, { onFault: ({ code }: CytoError) => faults.push(code) }),
      ]);
      const ending = (async () => {
        for await (const _ of one.frames()) for (const pid of bridges()) process.kill(pid, "SIGKILL");
      })();
      await expect(ending).rejects.toMatchObject({ code: "CAMERA_DISCONNECTED", retryable: true });
      expect(await codeOf(other.moveTo({ x: 1 }))).toBe("STAGE_DISCONNECTED");
      expect([faults, other.referenced]).toEqual([["STAGE_DISCONNECTED"], false]);
      const [again, alsoAgain] = await Promise.all([camera(), stage()]);
      expect(alsoAgain.referenced).toBe(false);
      await frameOf(again);
      await Promise.all([again, alsoAgain, one, other].map((device) => device[Symbol.asyncDispose]()));
      expect(bridges()).toHaveLength(0);
    });

    it("counts frames that were not fetched", async () => {
      let faults = 0;
      await using opened = await camera(
        { exposureMs: 5 },
        { onFault: ({ code }) => (faults += code === "FRAME_LOST" ? 1 : 0) },
      );
      const frames = opened.frames()[Symbol.asyncIterator]();
      await frames.next();
      await expect.poll(() => faults).toBeGreaterThan(3);
      expect((await frames.next()).done).toBe(false);
    });

    describe("the stage", () => {
      it("moves where it is told, in its own axes from where it was declared to be", async () => {
        await using opened = await stage();
        expect([opened.referenced, opened.canHome]).toEqual([false, false]);
        await opened.declare({ x: 100, y: -50, z: 5 });
        expect([opened.referenced, await opened.position()]).toEqual([true, { x: 100, y: -50, z: 5 }]);
        const there = await opened.moveTo({ x: 350, z: 7.5 });
        expect([there.x, there.y, there.z]).toEqual([350, -50, 7.5].map((um) => expect.closeTo(um, 1)));
        expect(await opened.position()).toEqual(there);
        expect(opened.identity).toMatch(/XY \(DemoCamera DXYStage\), Z \(DemoCamera DStage\); MMCore version/);
      });

      it("sends nothing of a move beyond its limits or its axes", async () => {
        await using opened = await stage({ focus: false });
        const before = await opened.position();
        for (const target of [{ x: 1001 }, { y: Number.NaN }, { x: 5, y: -1000.1 }, { x: Number.POSITIVE_INFINITY }]) {
          expect(await codeOf(opened.moveTo(target))).toBe("STAGE_LIMIT");
        }
        expect(await codeOf(opened.moveTo({ x: 5, z: 1 }))).toBe("STAGE_UNSUPPORTED");
        expect(await codeOf(opened.home())).toBe("STAGE_UNSUPPORTED");
        expect(await opened.position()).toEqual(before);
      });

      it("stops in mid-move, by stop or signal; refuses a second move meanwhile", async () => {
        const far = { limitsUm: {} };
        await using opened = await stage({}, far);
        const start = await opened.position();
        const moving = opened.moveTo({ x: start.x + 50_000 });
        expect(await codeOf(opened.moveTo({ x: 1 }))).toBe("STAGE_BUSY");
        await opened.position();
        await opened.stop();
        expect(await codeOf(moving)).toBe("STAGE_STOPPED");
        const stopped = await opened.position();
        expect(stopped.x - start.x).toBeLessThan(49_000);
        const abort = new AbortController();
        const withdrawn = opened.moveTo({ x: stopped.x + 50_000 }, abort.signal);
        abort.abort();
        expect(await codeOf(withdrawn)).toBe("STAGE_STOPPED");
        expect(await codeOf(opened.moveTo({ x: 0 }, AbortSignal.abort()))).toBe("STAGE_STOPPED");
      });

      it("is stopped when it takes too long, when it is closed, and when the signal aborts", async () => {
        const slow = await stage({ moveTimeoutMs: 100 }, { limitsUm: {} });
        expect(await codeOf(slow.moveTo({ x: 80_000 }))).toBe("STAGE_SILENT");
        await slow[Symbol.asyncDispose]();
        const abort = new AbortController();
        const opened = await stage({}, { limitsUm: {}, signal: abort.signal });
        const moving = codeOf(opened.moveTo({ x: 80_000 }));
        abort.abort();
        expect(await moving).toBe("STAGE_STOPPED");
        await opened[Symbol.asyncDispose]();
      });

      it("homes where it is said to be able to", async () => {
        await using opened = await stage({ canHome: true });
        await opened.declare({ x: 500, y: 500 });
        const origin = await opened.home();
        expect([opened.referenced, Math.round(origin.x), Math.round(origin.y)]).toEqual([true, 0, 0]);
      });
    });

    describe("conformance of the camera", () => {
      const subject = (source: string) =>
        cameraChecks({
          ...{ driver: cameraDriver, source, ends: false, frames: 5, deadlineMs: 30_000 },
          options: { python, openTimeoutMs: 30_000, exposureMs: 5 },
          badSources: [
            { source: "/nowhere/scope.cfg", codes: ["CAMERA_SOURCE_NOT_FOUND"] },
            { source: undefined, codes: ["CAMERA_SOURCE_NOT_FOUND"] },
          ],
        });
      for (const [index, { name }] of subject("scope.cfg").entries()) it(name, () => subject(configFile)[index]!.run());
    });

    describe("conformance of the stage", () => {
      const subject = (source: string) =>
        stageChecks({
          ...{ driver: stageDriver, source, options: { python, canHome: true }, homes: true, deadlineMs: 30_000 },
          // Its table goes 10 mm a second: moves of that length can be halted.
          limitsUm: { x: { min: 0, max: 20_000 }, y: { min: 0, max: 20_000 }, z: { min: -20, max: 20 } },
          badSources: [
            { source: "/nowhere/scope.cfg", codes: ["STAGE_PORT_NOT_FOUND"] },
            { source: undefined, codes: ["STAGE_PORT_NOT_FOUND"] },
          ],
        });
      for (const [index, { name }] of subject("scope.cfg").entries()) it(name, () => subject(configFile)[index]!.run());
    });
  },
);
