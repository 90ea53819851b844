import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import { basename, join } from "node:path";
import { filter, firstValueFrom, lastValueFrom, take, toArray } from "rxjs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { loadCamera } from "../../drivers/index.js";
import { type AcquireOptions, acquire, type CameraState } from "../../src/acquisition/index.js";
import { dataSetPath } from "../dataSets.js";
import { freePort, hasFfmpeg, makeMedia, startMjpegServer, temporaryFolder } from "../drivers/media.js";

const fast = { initialDelayMs: 50, maxDelayMs: 400 };

async function begin(name: string, source: string, given: object = {}, more: Partial<AcquireOptions> = {}) {
  const driver = await loadCamera(name);
  const driverOptions = driver.manifest.options.parse(given);
  const acquisition = acquire({ driver, source, driverOptions, reconnect: fast, openTimeoutMs: 60_000, ...more });
  const states: CameraState[] = [];
  const causes = new Set<string>();
  acquisition.status$.subscribe(({ state, cause }) => {
    if (states.at(-1) !== state) states.push(state);
    if (cause !== undefined) causes.add(cause);
  });
  return { acquisition, states, causes };
}

let root = "";
let removeRoot = async (): Promise<void> => {};
beforeAll(async () => {
  ({ path: root, remove: removeRoot } = await temporaryFolder());
});
afterAll(() => removeRoot());

const smears = dataSetPath("txl-pbc");

describe.skipIf(smears === undefined)(
  "acquisition from a folder of smears (skipped without the data set txl-pbc)",
  () => {
    it("takes each field once, in order, and leaves out none though the work is slow", async () => {
      const { acquisition, states } = await begin("folder", `${join(smears ?? "", "images", "val")}/0*.jpg`);
      const work = async ({ frame, quality }: { frame: { source: string }; quality: { focus: number } }) => {
        await new Promise((resolve) => setTimeout(resolve, 1));
        expect(quality.focus).toBeGreaterThan(0.1);
        return basename(frame.source);
      };
      const names = await lastValueFrom(acquisition.process(work).pipe(toArray()));
      expect(names.length).toBeGreaterThan(5);
      expect(new Set(names).size).toBe(names.length);
      expect(acquisition.counts).toEqual({ produced: names.length, processed: names.length, inFlight: 0, drops: {} });
      expect(states).toEqual(["opening", "streaming", "ended"]);
    });
  },
);

describe.skipIf(!hasFfmpeg)("acquisition through ffmpeg (skipped where ffmpeg is not installed)", () => {
  it("takes every frame of a video file", async () => {
    const clip = makeMedia(join(root, "clip.mp4"), "testsrc=size=160x120:rate=10:duration=3", "-pix_fmt", "yuv420p");
    const { acquisition } = await begin("ffmpeg", clip, { openTimeoutMs: 60_000 });
    const all = await lastValueFrom(acquisition.process(async ({ frame }) => frame.sequence).pipe(toArray()));
    expect(all).toEqual(Array.from({ length: 30 }, (_, index) => index));
    await acquisition[Symbol.asyncDispose]();
  });

  it("comes back when an MJPEG server is killed and started again, and counts on", async () => {
    const port = await freePort();
    const first = startMjpegServer(port);
    const { acquisition, states, causes } = await begin(
      "ffmpeg",
      `http://127.0.0.1:${port}/stream`,
      {
        openTimeoutMs: 60_000,
        stallTimeoutMs: 20_000,
      },
      { staleAfterMs: 3000 },
    );
    const sequences: number[] = [];
    const subscription = acquisition.frame$.subscribe(({ frame }) => sequences.push(frame.sequence));
    await firstValueFrom(acquisition.frame$.pipe(take(5), toArray()));
    await first.kill();
    await firstValueFrom(acquisition.status$.pipe(filter(({ state }) => state === "reconnecting")));
    const before = sequences.length;
    const second = startMjpegServer(port);
    await firstValueFrom(acquisition.frame$.pipe(take(5), toArray()));
    subscription.unsubscribe();
    await acquisition[Symbol.asyncDispose]();
    await second.kill();
    expect(states.filter((state) => state === "streaming").length).toBeGreaterThanOrEqual(2);
    expect([...causes].every((cause) => cause.startsWith("CAMERA_"))).toBe(true);
    expect(sequences).toEqual(Array.from({ length: sequences.length }, (_, index) => index));
    expect(sequences.length).toBeGreaterThanOrEqual(before + 5);
  });

  it("marks a frozen source stale and tries again", async () => {
    const port = await freePort();
    const server = startMjpegServer(port);
    const { acquisition } = await begin(
      "ffmpeg",
      `http://127.0.0.1:${port}/stream`,
      { openTimeoutMs: 60_000 },
      {
        staleAfterMs: 1000,
      },
    );
    const subscription = acquisition.frame$.subscribe();
    await firstValueFrom(acquisition.frame$.pipe(take(3), toArray()));
    server.process.kill("SIGSTOP");
    const stale = await firstValueFrom(acquisition.status$.pipe(filter((status) => status.stale)));
    expect(stale.state).toBe("stale");
    const next = await firstValueFrom(acquisition.status$.pipe(filter(({ state }) => state === "reconnecting")));
    expect(next).toMatchObject({ cause: "CAMERA_STALE", stale: true });
    subscription.unsubscribe();
    await acquisition[Symbol.asyncDispose]();
    await server.kill();
  });

  it("closes within its deadline while a server is silent", async () => {
    const sockets = new Set<Socket>();
    const silent = createServer((socket) => sockets.add(socket.on("error", () => {}))).listen(0, "127.0.0.1");
    await once(silent, "listening");
    const address = silent.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    const { acquisition, states } = await begin("ffmpeg", `http://127.0.0.1:${port}/x`, { openTimeoutMs: 60_000 });
    const whole = lastValueFrom(acquisition.frame$.pipe(toArray()));
    await once(silent, "connection");
    await acquisition[Symbol.asyncDispose]();
    expect(await whole).toEqual([]);
    expect(states).toEqual(["opening"]);
    for (const socket of sockets) socket.destroy();
    silent.close();
  });
});
