import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { driver } from "../../../drivers/cameras/genicam/driver.js";
import { controlArguments, settingsOf } from "../../../drivers/cameras/genicam/features.js";
import { camerasIn } from "../../../drivers/cameras/genicam/find.js";
import { FrameLedger, TimeLedger } from "../../../drivers/cameras/genicam/ledger.js";
import { manifest } from "../../../drivers/cameras/genicam/manifest.js";
import { pipelineArguments } from "../../../drivers/cameras/genicam/pipeline.js";
import { RasterAssembler } from "../../../drivers/cameras/genicam/rasterAssembler.js";
import { parseError, parseOutput } from "../../../drivers/cameras/genicam/report.js";
import { codeOf } from "../media.js";

describe("frames of a pipe with padded rows", () => {
  it("are cut out whole, wherever the chunks end", () => {
    const side = fc.integer({ min: 1, max: 12 });
    fc.assert(
      fc.property(
        side,
        side,
        fc.integer({ min: 0, max: 4 }),
        fc.infiniteStream(fc.integer({ min: 1, max: 60 })),
        (width, height, count, cuts) => {
          const assembler = new RasterAssembler(width, height, 1000);
          const stride = assembler.frameBytes / height;
          expect([stride % 4, stride - 3 * width < 4]).toEqual([0, true]);
          // Padding is 255, which no pixel is.
          const stream = Uint8Array.from({ length: count * assembler.frameBytes }, (_, at) =>
            at % stride < 3 * width ? (Math.floor(at / stride) * 7 + (at % stride)) % 251 : 255,
          );
          const pixels: number[] = [];
          let at = 0;
          for (const cut of cuts) {
            if (at >= stream.length) break;
            for (const frame of assembler.push(stream.subarray(at, at + cut))) pixels.push(...frame.pixels);
            at += cut;
          }
          expect(pixels).toEqual([...stream].filter((value) => value !== 255));
        },
      ),
    );
  });
});

describe("the account of lost frames", () => {
  it("counts what is given up and what never came, across the end of 16-bit numbers", () => {
    const fate = fc.constantFrom("complete", "giveUp", "absent" as const);
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 65_535 }),
        fc.array(fate, { minLength: 1, maxLength: 200 }),
        (start, fates) => {
          const ledger = new FrameLedger();
          let told = 0;
          let expected = 0;
          let pending = 0;
          let begun = false;
          for (const [at, what] of fates.entries()) {
            const id = BigInt(((start - 1 + at) % 65_535) + 1);
            if (what === "absent") {
              if (begun) pending++;
              continue;
            }
            begun = true;
            told += what === "complete" ? ledger.complete(id) : ledger.giveUp(id);
            // What is missing shows when the next one comes.
            expected += pending + (what === "giveUp" ? 1 : 0);
            pending = 0;
          }
          expect([told, ledger.lost]).toEqual([expected, expected]);
        },
      ),
    );
  });

  it("takes a camera that counts anew for one that lost nothing, and wide numbers as they are", () => {
    const ledger = new FrameLedger();
    expect([70_000n, 70_003n, 1n, 2n, 9_000_000_000n].map((id) => ledger.complete(id))).toEqual([0, 2, 0, 0, 0]);
  });

  it("tells missing frames by times where there is a steady rate", () => {
    const ledger = new TimeLedger(40);
    expect([0, 40, 79, 200, 241, 1_000_000, undefined, 5].map((ms) => ledger.arrive(ms))).toEqual([
      0, 0, 0, 2, 0, 0, 0, 0,
    ]);
    expect([0, 500].map((ms) => new TimeLedger(undefined).arrive(ms))).toEqual([0, 0]);
  });
});

describe("what the tools report", () => {
  it("is read as they write it", () => {
    const pad =
      "/GstPipeline:pipeline0/GstFdSink:frames.GstPad:sink: caps = video/x-raw, format=(string)RGB, width=(int)641, height=(int)512, framerate=(fraction)25/1";
    expect(parseOutput(pad)).toEqual({ kind: "size", width: 641, height: 512 });
    const chain =
      "/GstPipeline:pipeline0/GstIdentity:told: last-message = chain   ******* (told:sink) (985088 bytes, dts: none, pts: 0:01:02.250000000, duration: 0:00:00.040000000, offset: -1, offset_end: -1, flags: 00000000 , meta: none) 0x5614c4b7d6c0";
    expect(parseOutput(chain)).toEqual({ kind: "written", bytes: 985_088, timestampMs: 62_250 });
    expect(parseOutput(chain.replace("0:01:02.250000000", "none"))).toMatchObject({ timestampMs: undefined });
    const line = (text: string): string => `[07:02:10.008] 🅳 stream-thread> [GvStream::check_frame_completion] ${text}`;
    expect(parseError(line("Completed frame 65402"))).toEqual({ kind: "completed", frameId: 65_402n });
    expect(parseError(line("Timeout for frame 7 at dt = 200000"))).toEqual({ kind: "lost", frameId: 7n });
    expect(parseError(line("Incomplete frame 8"))).toEqual({ kind: "lost", frameId: 8n });
    expect(parseError("[07:02] 🅳 stream-thread> [GvStream::find_frame_data] Start frame 9")).toBeUndefined();
    fc.assert(fc.property(fc.string(), (any) => void [parseOutput(any), parseError(any)]));
  });

  it("asks for features in an order that works, and only the camera's own words reach the pipeline", () => {
    const options = manifest.options.parse({
      ...{ pixelFormat: "RGB8", binning: 2, gain: 3, exposureUs: 1500.5, whiteBalance: { red: 1.5, blue: 2 } },
      ...{ region: { x: 8, y: 4, width: 640, height: 480 }, trigger: { source: "Line1", activation: "RisingEdge" } },
    });
    expect(controlArguments("10.0.0.5", options).slice(4).join(" ")).toBe(
      "AcquisitionMode=Continuous PixelFormat=RGB8 PixelFormat=RGB8Packed BinningHorizontal=2 BinningVertical=2 " +
        "OffsetX=0 OffsetY=0 Width=640 Height=480 OffsetX=8 OffsetY=4 ExposureTime=1500.5 ExposureTimeAbs=1500.5 GainRaw=3 Gain=3 " +
        "BalanceWhiteAuto=Off BalanceRatioSelector=Red BalanceRatio=1.5 BalanceRatioAbs=1.5 BalanceRatioSelector=Blue " +
        "BalanceRatio=2 BalanceRatioAbs=2 TriggerSelector=FrameStart TriggerSource=Line1 TriggerActivation=RisingEdge TriggerMode=On " +
        "PixelFormat AcquisitionFrameRate AcquisitionFrameRateAbs",
    );
    const plain = manifest.options.parse({});
    const answers = [
      "AcquisitionMode = Continuous",
      "PixelFormat = BayerRG8",
      "AcquisitionFrameRate = 12.5 Hz min:0.1 max:1000",
    ];
    const settings = settingsOf("c", plain, [...answers.slice(0, 2), "AcquisitionFrameRate = 12.5 min:0.1 max:1000"]);
    expect(settings).toEqual({ pixelFormat: "BayerRG8", framesPerSecond: 12.5 });
    expect(pipelineArguments("Maker (x)-1", plain, settings)).toEqual(
      expect.arrayContaining([
        'camera-name="Maker (x)-1"',
        "video/x-bayer,format=rggb,framerate=12500/1000",
        "bayer2rgb",
      ]),
    );
    for (const bad of [
      { features: { "a b": 1 } },
      { features: { A: "x y" } },
      { trigger: { source: "L=1" } },
      { exposure: 1 },
    ]) {
      expect(manifest.options.safeParse(bad).success).toBe(false);
    }
  });
});

describe("tools that do not do what they should", () => {
  let folder = "";
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "cytostream-tools-"));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  const script = async (name: string, text: string): Promise<string> => {
    const path = join(folder, `${name}.cjs`);
    await writeFile(path, `#!${process.execPath}\n${text}\n`);
    await chmod(path, 0o755);
    return path;
  };

  const size = (width: number, height: number): string =>
    `console.log("/GstPipeline:pipeline0/GstFdSink:frames.GstPad:sink: caps = video/x-raw, format=(string)RGB, width=(int)${width}, height=(int)${height}");`;
  const written = (bytes: number): string =>
    `console.log("/GstPipeline:pipeline0/GstIdentity:told: last-message = chain   ******* (told:sink) (${bytes} bytes, dts: none, pts: none, duration: none) 0x1");`;
  const pixels = (bytes: number): string => `require("node:fs").writeSync(3, Buffer.alloc(${bytes}));`;
  const stay = "setInterval(() => {}, 1000);";

  /** The code that a camera ends with, opened or not. */
  const endOf = async (name: string, pipeline: string): Promise<string> => {
    const aravisToolPath = await script(
      "arv-tool",
      'console.log("AcquisitionMode = Continuous\\nPixelFormat = RGB8");',
    );
    const gstreamerPath = await script(name, pipeline);
    return codeOf(
      (async () => {
        await using camera = await driver.open({
          ...{ source: "10.0.0.1", signal: new AbortController().signal },
          options: driver.manifest.options.parse({
            aravisToolPath,
            gstreamerPath,
            openTimeoutMs: 4000,
            stallTimeoutMs: 4000,
          }),
        });
        for await (const { width, height, pixels } of camera.frames()) expect(pixels).toHaveLength(width * height * 3);
      })(),
    );
  };

  it.each([
    ["frames change their size", [size(4, 2), pixels(24), written(24), size(8, 2), stay], "FRAME_INVALID"],
    ["a frame has another length than the size tells", [size(4, 2), pixels(24), written(20), stay], "FRAME_INVALID"],
    ["a size has no area", [size(0, 2), stay], "FRAME_INVALID"],
    ["a size is beyond all bounds", [size(999_999, 999_999), stay], "IMAGE_TOO_LARGE"],
    ["frames come before their size, and stop", [pixels(24), size(4, 2), "process.exit(1);"], "CAMERA_DISCONNECTED"],
    ["it ends at once", ["process.exit(3);"], "CAMERA_OPEN_FAILED"],
    [
      "a plugin is missing",
      ["console.error('WARNING: erroneous pipeline: no element \"aravissrc\"');"],
      "GENICAM_TOOLS_NOT_FOUND",
    ],
    [
      "caps are not agreed on",
      ['console.error("streaming stopped, reason not-negotiated (-4)");'],
      "CAMERA_UNSUPPORTED",
    ],
    [
      "it heeds no signal",
      ['process.on("SIGINT", () => {}); process.on("SIGTERM", () => {});', size(4, 2), pixels(24), written(9), stay],
      "FRAME_INVALID",
    ],
    ["it says nothing", [stay], "CAMERA_STALE"],
  ])("are given up by a code where %s", async (what, lines, code) => {
    expect(await endOf(what.replaceAll(" ", "-"), lines.join("\n"))).toBe(code);
  });

  it("are given up where the camera's tool answers nothing, or is another program", async () => {
    for (const [name, text] of [
      ["silent-tool", ""],
      ["other-tool", 'console.log("hello");'],
    ] as const) {
      const options = driver.manifest.options.parse({ aravisToolPath: await script(name, text) });
      expect(await codeOf(driver.open({ source: "10.0.0.1", options, signal: new AbortController().signal }))).toBe(
        "CAMERA_OPEN_FAILED",
      );
    }
  });
});

describe("the list of arv-tool-0.8", () => {
  it("names cameras, each with its address", () => {
    const listing = "Aravis-Fake-CYTO1 (127.0.0.1)\nThe Imaging Source-DFK 33 (rev 2)-4711 (USB3)\nno device found\n\n";
    expect(camerasIn(listing)).toEqual([
      { source: "127.0.0.1", title: "Aravis-Fake-CYTO1" },
      { source: "The Imaging Source-DFK 33 (rev 2)-4711", title: "USB3" },
    ]);
    expect(camerasIn("No device found\n")).toEqual([]);
  });
});
