import { deflateSync } from "node:zlib";
import { map, of } from "rxjs";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import type { CameraDriver, CameraFrame } from "../../drivers/contract.js";
import { acquire } from "../../src/acquisition/index.js";
import { CytoError, createRandom } from "../../src/core/index.js";
import { createDetector, detect } from "../../src/detection/index.js";
import { decodePicture, encodeJpeg } from "../../src/pictures/index.js";
import { startMjpegServer } from "../integration/mjpegServer.js";
import {
  type DaemonProcess,
  descriptorsOf,
  isRunning,
  processesBelow,
  startDaemonProcess,
} from "../integration/program.js";
import { countsWhere, subscribe } from "../integration/streamClient.js";
import { openToySetting, type ToySetting, toyField, toyPicture, toyUmPerPixel } from "../integration/toySetting.js";
import { requireTool } from "../requirements.js";
import { pass, quantile, tell, times, untilTrue } from "./counts.js";

let toy: ToySetting;
let jpegs: Uint8Array[] = [];
beforeAll(async () => {
  toy = await openToySetting();
  jpegs = await Promise.all(
    [0, 1, 2, 3].map((index) => encodeJpeg({ ...toyField, pixels: toyPicture(index) }, { quality: 95 })),
  );
});
afterAll(() => toy.remove());

const startOn = (url: string): Promise<DaemonProcess> =>
  startDaemonProcess([...toy.settings, "camera.name=ffmpeg", `camera.source=${url}`]);

const processed = (daemon: DaemonProcess): Promise<number> => daemon.metric("cytostream_frames_processed_total");

describe.skipIf(!requireTool("ffmpeg"))("a network camera (needs ffmpeg)", () => {
  const unplugged = times(100, 8);

  it(`unplugged ${unplugged} times: frames within 5 s of its return, no descriptor or process lost (promise 14)`, async () => {
    let camera = await startMjpegServer({ pictures: jpegs, framesPerSecond: 10 });
    const { url, port } = camera;
    await using daemon = await startOn(url);
    await untilTrue(async () => (await processed(daemon)) > 5);
    const descriptors = descriptorsOf(daemon.pid);
    const random = createRandom(14);
    const waits: number[] = [];
    for (let round = 0; round < unplugged; round++) {
      await camera[Symbol.asyncDispose]();
      await daemon.until("camera.retrying");
      // From gone for a moment to gone for as long as the delays have grown to their greatest.
      await pass(round % 4 === 3 ? 6000 : 300 + 1200 * random.next());
      const before = await processed(daemon);
      camera = await startMjpegServer({ pictures: jpegs, framesPerSecond: 10, port });
      waits.push(await untilTrue(async () => (await processed(daemon)) > before));
    }
    const below = processesBelow(daemon.pid);
    const lost = descriptorsOf(daemon.pid) - descriptors;
    tell(14, { unplugged, medianMs: quantile(waits, 0.5), worstMs: Math.max(...waits), descriptorsLost: lost });
    expect(Math.max(...waits)).toBeLessThan(5000);
    expect(lost).toBeLessThanOrEqual(3);
    expect(below.length).toBeLessThanOrEqual(2);
    expect((await daemon.stop()).code).toBe(0);
    expect(below.filter(isRunning)).toEqual([]);
    await camera[Symbol.asyncDispose]();
  });

  const frozen = times(50, 4);

  it(`frozen ${frozen} times: counts marked stale within 3 s, and fresh again (promise 15)`, async () => {
    await using camera = await startMjpegServer({ pictures: jpegs, framesPerSecond: 10 });
    await using daemon = await startOn(camera.url);
    const client = await subscribe(daemon, "counts");
    const waits: number[] = [];
    for (let round = 0; round < frozen; round++) {
      await countsWhere(client, ({ stale }) => !stale);
      camera.freeze();
      const startedMs = performance.now();
      await countsWhere(client, ({ stale }) => stale);
      waits.push(performance.now() - startedMs);
      camera.thaw();
    }
    await countsWhere(client, ({ stale }) => !stale);
    tell(15, { frozen, worstMs: Math.max(...waits) });
    expect(Math.max(...waits)).toBeLessThan(3000);
  });
});

/** Bytes of a picture, damaged in some way, or bytes that never were one. */
const damaged = (random: ReturnType<typeof createRandom>, pictures: readonly Uint8Array[]): Uint8Array => {
  const whole = pictures[Math.floor(random.next() * pictures.length)]!;
  const bytes = Uint8Array.from(whole);
  const kind = random.next();
  if (kind < 0.25) return bytes.subarray(0, Math.floor(random.next() * bytes.length));
  if (kind < 0.3) return Uint8Array.from({ length: 200 }, () => Math.floor(256 * random.next()));
  // The head is where sizes and formats are told.
  const reach = kind < 0.65 ? Math.min(64, bytes.length) : bytes.length;
  for (let edits = 1 + Math.floor(6 * random.next()); edits > 0; edits--)
    bytes[Math.floor(reach * random.next())] = Math.floor(256 * random.next());
  return bytes;
};

/** A live camera in this process that gives frames as a function says, as fast as they are taken or at a rate. */
const cameraOf = (frameAt: (index: number) => CameraFrame | undefined, perSecond?: number): CameraDriver => ({
  manifest: {
    name: "scripted",
    title: "Scripted",
    description: "Gives frames as told.",
    simulated: true,
    sourceSyntax: "anything",
    options: z.unknown(),
  },
  open: async ({ signal }) => ({
    pace: perSecond === undefined ? "onDemand" : "live",
    async *frames() {
      const startedMs = performance.now();
      for (let index = 0; !signal.aborted; index++) {
        const dueMs = perSecond === undefined ? 0 : startedMs + (1000 * index) / perSecond - performance.now();
        if (dueMs > 0) await pass(dueMs);
        const frame = frameAt(index);
        if (frame === undefined) return;
        yield frame;
      }
    },
    [Symbol.asyncDispose]: async () => {},
  }),
});

const goodFrame = (pixels: Uint8Array<ArrayBuffer>): CameraFrame => ({
  ...{ capturedAtMs: Date.now(), ...toyField, pixels, source: "test" },
  ...{ simulated: true, umPerPixel: toyUmPerPixel },
});

describe("malformed input (promise 16)", () => {
  const pictures = times(500_000, 3000);

  it(`${pictures} damaged pictures: each decoded to pixels that fit, or refused with a code`, async () => {
    const image = sharp(toyPicture(0), { raw: { ...toyField, channels: 3 } }).resize(96, 80);
    const whole = await Promise.all([
      ...[image.clone().jpeg().toBuffer(), image.clone().png().toBuffer()],
      ...[
        image.clone().tiff({ compression: "lzw" }).toBuffer(),
        image.clone().tiff({ compression: "none" }).toBuffer(),
      ],
      Promise.resolve(deflateSync(new Uint8Array(4000))),
    ]);
    const random = createRandom(16);
    const outcomes: Record<string, number> = {};
    for (let index = 0; index < pictures; index++) {
      const outcome = await decodePicture(damaged(random, whole), { maxPixels: 1_000_000 }).then(
        ({ width, height, pixels }) => (pixels.length === width * height * 3 ? "decoded" : "misfit"),
        (error: unknown) => (error instanceof CytoError ? error.code : `foreign ${String(error)}`),
      );
      outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
    }
    tell(16, { pictures, ...outcomes });
    expect(Object.keys(outcomes).sort()).toEqual(expect.arrayContaining(["IMAGE_UNREADABLE", "decoded"]));
    const known = ["IMAGE_UNREADABLE", "IMAGE_TOO_LARGE", "decoded"];
    expect(Object.keys(outcomes).filter((outcome) => !known.includes(outcome))).toEqual([]);
  });

  const frames = times(500_000, 20_000);

  it(`${frames} malformed frames: each counted, the good ones among them processed`, async () => {
    const random = createRandom(17);
    const bad = (): CameraFrame => {
      const good = goodFrame(new Uint8Array(24));
      const sized = { ...good, width: 4, height: 2 };
      const wrong: CameraFrame[] = [
        { ...sized, width: 5 },
        { ...sized, width: 0 },
        { ...sized, height: -2 },
        { ...sized, width: 2.5 },
        { ...sized, width: Number.NaN },
        { ...sized, width: 100_000, height: 100_000 },
        { ...sized, pixels: new Uint8Array(0) },
        { ...sized, pixels: new Uint8Array(23) },
        { ...sized, capturedAtMs: Number.NaN },
      ];
      return wrong[Math.floor(random.next() * wrong.length)]!;
    };
    // Many refused in a row would have the camera opened anew: every tenth is good.
    const driver = cameraOf((index) => {
      if (index >= frames) return undefined;
      return index % 10 === 9 ? { ...goodFrame(new Uint8Array(24)), width: 4, height: 2 } : bad();
    });
    const acquisition = acquire({ driver, source: "test", driverOptions: {} });
    let given = 0;
    await new Promise<void>((resolve, reject) => {
      acquisition
        .process((acquired) => of(acquired))
        .subscribe({
          next: () => given++,
          complete: resolve,
          error: reject,
        });
    });
    const { produced, processed: done, drops } = acquisition.counts;
    await acquisition[Symbol.asyncDispose]();
    tell(16, { frames, produced, processed: done, refused: drops.FRAME_INVALID ?? 0 });
    expect({ given, produced, done }).toEqual({ given: frames / 10, produced: frames, done: frames / 10 });
    expect(drops).toEqual({ FRAME_INVALID: frames - frames / 10 });
  });
});

describe("a camera four times as fast as detection (promise 17)", () => {
  const seconds = times(3600, 20);

  it(`for ${seconds} s: at most two wait, every frame accounted for, none older than the inference before its own`, async () => {
    await using detector = await createDetector({ models: toy.models, provider: "cpu", threads: 1 });
    const alone: number[] = [];
    for (let i = 0; i < 20; i++) {
      const startedMs = performance.now();
      await detector.detect({ ...goodFrame(toyPicture(i)), sequence: i, camera: "test" });
      alone.push(performance.now() - startedMs);
    }
    const inferenceMs = quantile(alone, 0.5);
    const pixels = toyPicture(0);
    const endMs = performance.now() + seconds * 1000;
    const perSecond = 4000 / inferenceMs;
    // What happens is numbered in its order, so that ages can be told without a clock.
    let happened = 0;
    const capturedAt: number[] = [];
    const begunAt: number[] = [];
    const takenIndices: number[] = [];
    const driver = cameraOf((index) => {
      if (performance.now() >= endMs) return undefined;
      capturedAt[index] = happened++;
      return { ...goodFrame(pixels.slice()), source: String(index) };
    }, perSecond);
    const acquisition = acquire({ driver, source: "test", driverOptions: {} });
    let deepest = 0;
    const ages: number[] = [];
    await new Promise<void>((resolve, reject) => {
      acquisition
        .process(
          ({ frame }) => {
            begunAt.push(happened++);
            takenIndices.push(Number(frame.source));
            return of(frame).pipe(
              detect(detector),
              map(() => ages.push(Date.now() - frame.capturedAtMs)),
            );
          },
          {
            concurrency: 1,
            waiting: 1,
            onDepth: (waiting) => {
              deepest = Math.max(deepest, waiting);
            },
          },
        )
        .subscribe({ complete: resolve, error: reject });
    });
    const { produced, processed: done, inFlight, drops } = acquisition.counts;
    await acquisition[Symbol.asyncDispose]();
    const dropped = Object.values(drops).reduce((sum, count) => sum + count, 0);
    tell(17, {
      ...{ seconds, produced, processed: done, dropped, deepest, inferenceMs },
      ...{ medianAgeMs: quantile(ages, 0.5), p99AgeMs: quantile(ages, 0.99) },
    });
    expect(deepest).toBeLessThanOrEqual(2);
    expect(produced).toBe(done + dropped);
    expect(inFlight).toBe(0);
    expect(dropped).toBeGreaterThan(done);
    // Captured since the inference before its own began: no result is older than two inferences, those that it met. Their
    // 99th percentile in ms is latencyRatio of the benches.
    const older = takenIndices.filter((index, at) => at > 0 && capturedAt[index]! < begunAt[at - 1]!);
    expect(older).toEqual([]);
  });
});
