import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { encodeJpeg } from "../../src/pictures/index.js";
import { cameraAddress, cameraTurn, startFakeCamera } from "../drivers/cameras/genicamPeers.js";
import { hasFfmpeg, makeMedia, temporaryFolder } from "../drivers/media.js";
import { demoConfiguration } from "../drivers/micromanagerDemo.js";
import { controllerCases } from "../drivers/stages/controllers.js";
import { startMjpegServer } from "../integration/mjpegServer.js";
import { python, requireGenicam, requirePython } from "../requirements.js";
import { devicesCommand } from "./devicesCommand.js";

/** `devices conformance` as a person calls it, against each camera's own peer; serial stages and the virtual ones: devices.test.ts. */

let root = "";
let removeRoot = async (): Promise<void> => {};
const at = (name: string): string => join(root, name);
beforeAll(async () => {
  ({ path: root, remove: removeRoot } = await temporaryFolder());
  await writeFile(at("scope.cfg"), demoConfiguration);
});
afterAll(() => removeRoot());
afterEach(() => {
  process.exitCode = undefined;
});

const examine = async (name: string, kind: "camera" | "stage", ...words: readonly string[]): Promise<void> => {
  const { stdout, failure, exitCode } = await devicesCommand("conformance", name, "--kind", kind, "--json", ...words);
  expect(failure).toBeUndefined();
  const { ok, source, checks } = JSON.parse(stdout) as {
    readonly ok: boolean;
    readonly source: string;
    readonly checks: readonly { readonly ok: boolean }[];
  };
  expect(checks.filter((check) => !check.ok)).toEqual([]);
  expect([ok, exitCode, words.includes(source)]).toEqual([true, undefined, true]);
  expect(checks.length).toBeGreaterThan(8);
};

const [width, height] = [64, 48];
const picture = { width, height, pixels: new Uint8Array(3 * width * height).map((_, index) => (7 * index) % 256) };

describe("devices conformance", () => {
  it("is tried, here or beside, on every driver that there is", async () => {
    const { cameras, stages } = JSON.parse((await devicesCommand("list", "--json")).stdout) as Record<
      "cameras" | "stages",
      { readonly drivers: readonly { readonly name: string }[] }
    >;
    const names = ({ drivers }: typeof cameras) => drivers.map(({ name }) => name).sort();
    expect(names(cameras)).toEqual(["ffmpeg", "folder", "genicam", "micromanager", "mjpeg", "virtual"]);
    const emulated = controllerCases.map(({ name }) => name);
    expect(names(stages)).toEqual([...emulated, "micromanager", "virtual"].sort());
  });

  it("passes a folder of pictures", async () => {
    for (const name of ["a.png", "b.png", "c.png", "d.png"])
      await sharp(picture.pixels, { raw: { width, height, channels: 3 } }).toFile(at(name));
    await examine("folder", "camera", "--source", at("*.png"), "--set", "repeat=true");
  });

  it("passes a network camera that sends MJPEG", async () => {
    await using server = await startMjpegServer({ pictures: [await encodeJpeg(picture)], framesPerSecond: 50 });
    await examine("mjpeg", "camera", "--source", server.url);
  });

  it.skipIf(!hasFfmpeg)("passes ffmpeg in real time (skipped where ffmpeg is not installed)", async () => {
    const clip = makeMedia(at("clip.mp4"), "testsrc=size=160x120:rate=20:duration=2", "-c:v", "mpeg4");
    const live = ["--set", "realTime=true", "--set", "repeat=true", "--set", "openTimeoutMs=60000"];
    await examine("ffmpeg", "camera", "--source", clip, ...live);
  });
});

describe.skipIf(!requireGenicam())(
  "devices conformance of a GigE Vision camera (needs aravis-tools, libaravis-dev, gstreamer1.0-tools, gcc)",
  () => {
    let done: () => Promise<void>;
    beforeAll(async () => {
      done = await cameraTurn();
    }, 300_000);
    afterAll(() => done());

    it("passes aravis' own fake camera", async () => {
      await using _ = await startFakeCamera();
      await examine("genicam", "camera", "--source", cameraAddress, "--set", "openTimeoutMs=30000");
    });
  },
);

describe.skipIf(!requirePython("pymmcore_nano", "mm_test_adapters", "numpy"))(
  "devices conformance of Micro-Manager (needs Python's pymmcore-nano, mm-test-adapters, numpy; PYTHON names another)",
  () => {
    const source = () => ["--source", at("scope.cfg"), "--set", `python=${python}`];

    it("passes DemoCamera", async () => {
      await examine("micromanager", "camera", ...source(), "--set", "exposureMs=5", "--set", "openTimeoutMs=30000");
    });

    it("passes the demo stages, the search of the switches too", async () => {
      // Its table goes 10 mm a second: moves of that length can be halted.
      const limits = ["--limits", "x=0:20000,y=0:20000,z=-20:20"];
      await examine("micromanager", "stage", ...source(), ...limits, "--set", "canHome=true", "--home", "--yes");
    });
  },
);
