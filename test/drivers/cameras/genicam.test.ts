import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { driver } from "../../../drivers/cameras/genicam/driver.js";
import { cameraChecks } from "../../../drivers/conformance/index.js";
import type { Camera, CameraFrame } from "../../../drivers/contract.js";
import { type CytoError, createRandom } from "../../../src/core/index.js";
import { requireGenicam } from "../../requirements.js";
import { codeOf } from "../media.js";
import { buildSlideCamera, cameraAddress, cameraTurn, type SlidePicture, startFakeCamera } from "./genicamPeers.js";

interface Opening {
  readonly source?: string | undefined;
  readonly options?: object;
  readonly onFault?: (fault: CytoError) => void;
}

const open = ({ source = cameraAddress, options = {}, onFault }: Opening = {}): Promise<Camera> =>
  driver.open({
    source,
    options: driver.manifest.options.parse({ openTimeoutMs: 30_000, stallTimeoutMs: 10_000, ...options }),
    signal: new AbortController().signal,
    onFault,
  });

/** Frames of a camera, which is closed then. @param between awaited after each */
async function take(
  camera: Camera,
  count: number,
  between: () => Promise<void> = async () => {},
): Promise<CameraFrame[]> {
  const frames: CameraFrame[] = [];
  await using _ = camera;
  for await (const frame of camera.frames()) {
    frames.push(frame);
    if (frames.length >= count) break;
    await between();
  }
  return frames;
}

const processesLeft = (): number => process.getActiveResourcesInfo().filter((kind) => kind === "ProcessWrap").length;

const randomPicture = (width: number, height: number): SlidePicture => {
  const random = createRandom(11);
  return {
    width,
    height,
    pixels: Uint8Array.from({ length: width * height * 3 }, () => Math.floor(256 * random.next())),
  };
};

/** What of a picture a field of view shows. */
const viewOf = (picture: SlidePicture, left: number, top: number, { width, height }: CameraFrame): Uint8Array => {
  const pixels = new Uint8Array(width * height * 3);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++)
      for (let c = 0; c < 3; c++) {
        const from = ((top + y) % picture.height) * picture.width + ((left + x) % picture.width);
        pixels[(y * width + x) * 3 + c] = picture.pixels[from * 3 + c]!;
      }
  return pixels;
};

const isEqual = (one: Uint8Array, other: Uint8Array): boolean => Buffer.compare(one, other) === 0;

/** Frames that the fake camera has made from one of its frames to another, by the number that it paints into them. */
const stepsBetween = (frames: readonly CameraFrame[]): number =>
  frames.slice(1).reduce((sum, frame, at) => sum + ((frame.pixels[0]! - frames[at]!.pixels[0]! + 255) % 255), 0);

describe.skipIf(!requireGenicam())(
  "the genicam camera (needs aravis-tools, aravis-tools-cli, libaravis-dev, gstreamer1.0-tools, gcc)",
  () => {
    let slides: Awaited<ReturnType<typeof buildSlideCamera>>;
    let done: () => Promise<void>;
    beforeAll(async () => {
      done = await cameraTurn();
    }, 300_000);
    afterAll(() => done());
    beforeAll(async () => {
      slides = await buildSlideCamera();
    });
    afterAll(() => slides.remove());

    it("shows the slide pixel for pixel, whatever the region, and follows it", async () => {
      const picture = randomPicture(300, 200);
      await using slide = await slides.start(picture);
      for (const region of [
        { x: 0, y: 0, width: 160, height: 120 },
        // Rows of these are padded on their way.
        { x: 20, y: 10, width: 61, height: 40 },
        { x: 7, y: 3, width: 94, height: 33 },
      ]) {
        await slide.pan(0, 0);
        const camera = await open({ options: { pixelFormat: "RGB8", region, framesPerSecond: 50 } });
        let seen: CameraFrame | undefined;
        for await (const frame of camera.frames()) {
          seen = frame;
          if (isEqual(frame.pixels, viewOf(picture, 31 + region.x, 17 + region.y, frame))) break;
          expect(isEqual(frame.pixels, viewOf(picture, region.x, region.y, frame))).toBe(true);
          await slide.pan(31, 17);
        }
        expect([seen?.width, seen?.height]).toEqual([region.width, region.height]);
      }
    });

    it("reads grey and Bayer formats as the colours that they stand for", async () => {
      const colour = [180, 90, 40];
      const pixels = Uint8Array.from({ length: 64 * 48 * 3 }, (_, at) => colour[at % 3]!);
      await using _ = await slides.start({ width: 64, height: 48, pixels });
      const region = { width: 64, height: 48 };
      for (const pixelFormat of ["BayerRG8", "BayerGR8", "BayerGB8", "BayerBG8"]) {
        const [frame] = await take(await open({ options: { pixelFormat, region } }), 1);
        const middle = (24 * 64 + 32) * 3;
        expect([...frame!.pixels.subarray(middle, middle + 3)], pixelFormat).toEqual(colour);
      }
      const [grey] = await take(await open({ options: { pixelFormat: "Mono8", region } }), 1);
      expect(new Set(grey!.pixels)).toEqual(new Set([(180 + 2 * 90 + 40) / 4]));
    });

    it("sets exposure and whatever else is asked, before the first frame", async () => {
      const pixels = new Uint8Array(64 * 48 * 3).fill(100);
      await using _ = await slides.start({ width: 64, height: 48, pixels });
      const region = { width: 64, height: 48 };
      const options = { pixelFormat: "RGB8", region, exposureUs: 5000, gain: 2, binning: 1, framesPerSecond: 12.5 };
      const camera = await open({ options: { ...options, features: { TestRegister: 5 } } });
      expect(camera.frameIntervalMs).toBe(80);
      const [frame] = await take(camera, 1);
      expect(new Set(frame!.pixels)).toEqual(new Set([50]));
    });

    it.each([
      ["a gain beyond the camera's", { gain: 99 }],
      ["a feature that it has not", { features: { NoSuchFeature: 1 } }],
      ["a white balance that it has not", { whiteBalance: "once" }],
      ["a region that does not fit", { region: { width: 60_000, height: 4 } }],
      ["a pixel format that it has not", { pixelFormat: "BGR8" }],
      ["a pixel format that is not read", { features: { PixelFormat: "Mono16" } }],
      ["an input for its trigger that it has not", { trigger: { source: "Line9" } }],
    ])("refuses %s with CAMERA_UNSUPPORTED, and says which option", async (_what, options) => {
      await using _ = await startFakeCamera();
      const error = await open({ options }).then(
        () => undefined,
        (refusal: CytoError) => refusal,
      );
      expect([error?.code, error?.remedy.includes("camera.options.")]).toEqual(["CAMERA_UNSUPPORTED", true]);
    });

    it("answers frames over the limit with IMAGE_TOO_LARGE", async () => {
      await using _ = await startFakeCamera();
      expect(await codeOf(open({ options: { maxMegapixels: 0.1 } }))).toBe("IMAGE_TOO_LARGE");
    });

    it("answers a camera that another program has with CAMERA_BUSY, and leaves that one alone", async () => {
      await using _ = await startFakeCamera();
      await using first = await open();
      const frames = first.frames()[Symbol.asyncIterator]();
      await frames.next();
      expect(await codeOf(open())).toBe("CAMERA_BUSY");
      expect((await frames.next()).done).not.toBe(true);
    });

    it("answers what is not there by a code", async () => {
      expect(await codeOf(open({ source: "127.0.0.99" }))).toBe("CAMERA_UNREACHABLE");
      for (const source of ["NoSuch-Camera", "", '"; touch pwned "', "-n", "a\nb", undefined]) {
        const opening = driver.open({
          source,
          options: driver.manifest.options.parse({}),
          signal: new AbortController().signal,
        });
        expect(await codeOf(opening), String(source)).toBe("CAMERA_SOURCE_NOT_FOUND");
      }
      for (const options of [{ aravisToolPath: "/nowhere/arv-tool" }, { gstreamerPath: "/nowhere/gst-launch" }]) {
        await using _ = await startFakeCamera();
        expect(await codeOf(open({ options }))).toBe("GENICAM_TOOLS_NOT_FOUND");
      }
    });

    it("counts each frame that lost packets have spoilt", async () => {
      await using _ = await startFakeCamera(3);
      const faults: CytoError[] = [];
      const camera = await open({ onFault: (fault) => faults.push(fault) });
      const frames = await take(camera, 30);
      const expected = stepsBetween(frames) - (frames.length - 1);
      expect(expected).toBeGreaterThan(0);
      // What is lost before the first and after the last is counted too.
      expect(faults.length).toBeGreaterThanOrEqual(expected);
      expect(faults.length).toBeLessThanOrEqual(expected + 15);
      expect(new Set(faults.map(({ code }) => code))).toEqual(new Set(["FRAME_LOST"]));
    });

    it("counts each frame that was not fetched in time", async () => {
      await using _ = await startFakeCamera();
      let faults = 0;
      const camera = await open({ onFault: () => faults++ });
      const frames = await take(camera, 6, () => new Promise((resolve) => setTimeout(resolve, 200)));
      const expected = stepsBetween(frames) - (frames.length - 1);
      expect(expected).toBeGreaterThan(5);
      expect(faults).toBeGreaterThanOrEqual(expected);
      expect(faults).toBeLessThanOrEqual(expected + 10);
    });

    it("gives up a camera that freezes or is unplugged, leaves no process, and opens it again", async () => {
      await expect.poll(processesLeft).toBe(0);
      for (const how of ["freeze", "unplug"] as const) {
        const fake = await startFakeCamera();
        const camera = await open({ options: { stallTimeoutMs: 700 } });
        const ending = (async () => {
          let frames = 0;
          for await (const _ of camera.frames()) {
            frames++;
            if (frames !== 3) continue;
            if (how === "freeze") fake.freeze();
            else await fake[Symbol.asyncDispose]();
          }
        })();
        await expect(ending).rejects.toMatchObject({ code: "CAMERA_STALE", retryable: true });
        await fake[Symbol.asyncDispose]();
        await expect.poll(processesLeft).toBe(0);
      }
      await using _ = await startFakeCamera();
      expect(await take(await open(), 2)).toHaveLength(2);
    });

    it("finds a camera by the search", async () => {
      await using _ = await startFakeCamera();
      expect(await driver.find!()).toContainEqual({ source: cameraAddress, title: "Aravis-Fake-CYTO1" });
    });

    describe("conformance", () => {
      let fake: Awaited<ReturnType<typeof startFakeCamera>>;
      beforeAll(async () => {
        fake = await startFakeCamera();
      });
      afterAll(() => fake[Symbol.asyncDispose]());
      const subject = {
        ...{ driver, source: cameraAddress, ends: false, frames: 5, deadlineMs: 30_000 },
        badSources: [
          { source: "127.0.0.98", codes: ["CAMERA_UNREACHABLE"] },
          { source: "nobody", codes: ["CAMERA_SOURCE_NOT_FOUND"] },
          { source: undefined, codes: ["CAMERA_SOURCE_NOT_FOUND"] },
        ],
      };
      for (const { name, run } of cameraChecks(subject)) it(name, run);
    });
  },
);
