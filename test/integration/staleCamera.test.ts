import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { encodeJpeg } from "../../src/pictures/index.js";
import { requireTool } from "../requirements.js";
import { startMjpegServer } from "./mjpegServer.js";
import { startDaemonProcess } from "./program.js";
import { countsWhere, statusWhere, subscribe } from "./streamClient.js";
import { openToySetting, type ToySetting, toyField, toyPicture } from "./toySetting.js";

// Daemons are started from source where nothing is built, and compiled on the way: slow on a busy machine.
vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 });

const jpegs = (): Promise<Uint8Array[]> =>
  Promise.all([0, 1, 2, 3].map((index) => encodeJpeg({ ...toyField, pixels: toyPicture(index) }, { quality: 95 })));

describe.skipIf(!requireTool("ffmpeg"))("a network camera that freezes (needs ffmpeg)", () => {
  let toy: ToySetting;
  beforeAll(async () => {
    toy = await openToySetting();
  });
  afterAll(() => toy.remove());

  it("counts are marked stale within 3 s, for whoever listens to counts alone, and not when frames are back", async () => {
    await using camera = await startMjpegServer({ pictures: await jpegs(), framesPerSecond: 10 });
    await using daemon = await startDaemonProcess([
      ...toy.settings,
      ...["camera.name=ffmpeg", `camera.source=${camera.url}`],
    ]);
    const [counts, status] = await Promise.all([subscribe(daemon, "counts"), subscribe(daemon, "status")]);
    const fresh = await countsWhere(counts, ({ stale }) => !stale);
    camera.freeze();
    const frozenMs = performance.now();
    const marked = await countsWhere(counts, ({ stale }) => stale);
    expect(performance.now() - frozenMs).toBeLessThan(3000);
    expect(marked.classes.find((row) => row.class === "erythrocyte")?.count).toBeGreaterThanOrEqual(
      fresh.classes.find((row) => row.class === "erythrocyte")?.count ?? 0,
    );
    await statusWhere(status, ({ stale }) => stale);
    expect(await (await daemon.get("/v1/counts")).json()).toMatchObject({ type: "counts", stale: true });
    expect((await daemon.get("/healthz")).status).toBe(200);
    camera.thaw();
    await countsWhere(counts, ({ stale }) => !stale);
    await statusWhere(status, ({ camera: { state }, stale }) => state === "streaming" && !stale);
  });
});
