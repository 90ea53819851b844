import { once } from "node:events";
import { createServer } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { makeMedia } from "../drivers/media.js";
import { requireTool } from "../requirements.js";
import { isRunning, processesBelow, runCommand, settingWords, startDaemonProcess } from "./program.js";
import { subscribe } from "./streamClient.js";
import { openToySetting, type ToySetting } from "./toySetting.js";

// Daemons are started from source where nothing is built, and compiled on the way: slow on a busy machine.
vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 });

/** How a daemon ends: by a signal, and where it cannot start. */

let toy: ToySetting;
let smears = "";
beforeAll(async () => {
  toy = await openToySetting();
  smears = await toy.smears("smears", 3);
});
afterAll(() => toy.remove());

const fromFolder = (): string[] => ["camera.name=folder", `camera.source=${smears}`, "camera.options.repeat=true"];

const isFree = async (port: number): Promise<boolean> => {
  const server = createServer();
  const outcome = Promise.race([once(server, "listening"), once(server, "error")]);
  server.listen(port, "127.0.0.1");
  await outcome;
  const free = server.listening;
  server.close();
  return free;
};

describe("a signal", () => {
  it.each(["SIGTERM", "SIGINT"] as const)(
    "%s ends the daemon within 10 s: clients told, port closed",
    async (signal) => {
      await using daemon = await startDaemonProcess([...toy.settings, ...fromFolder()]);
      const port = Number(new URL(daemon.url).port);
      const client = await subscribe(daemon, "counts");
      await client.next("counts");
      const [ending, closeCode] = await Promise.all([daemon.stop(signal), client.closed()]);
      expect(ending).toMatchObject({ code: 0, signal: null });
      expect(ending.afterMs).toBeLessThan(10_000);
      expect(closeCode).toBe(1001);
      expect(daemon.log.map(({ event }) => event).slice(-2)).toEqual(["daemon.stopping", "daemon.stopped"]);
      expect(await isFree(port)).toBe(true);
    },
  );

  it.skipIf(!requireTool("ffmpeg"))("leaves no process of its own behind (needs ffmpeg)", async () => {
    const film = makeMedia(join(toy.folder, "film.mkv"), "testsrc=size=160x120:rate=10", "-t", "60", "-c:v", "mjpeg");
    await using daemon = await startDaemonProcess([
      ...toy.settings,
      ...["camera.name=ffmpeg", `camera.source=${film}`, "camera.options.realTime=true", "camera.staleAfterMs=3000"],
    ]);
    await daemon.until("camera.running");
    const below = processesBelow(daemon.pid);
    expect(below.length).toBeGreaterThan(0);
    expect((await daemon.stop()).code).toBe(0);
    expect(below.filter(isRunning)).toEqual([]);
  });

  it("ends a daemon whose camera does not answer", async () => {
    const silent = createServer().listen(0, "127.0.0.1");
    await once(silent, "listening");
    const { port } = silent.address() as { port: number };
    await using daemon = await startDaemonProcess([
      ...toy.settings,
      ...["camera.name=ffmpeg", `camera.source=http://127.0.0.1:${port}/`],
    ]);
    const ending = await daemon.stop();
    expect(ending.code).toBe(0);
    expect(ending.afterMs).toBeLessThan(10_000);
    silent.close();
  });
});

describe("what cannot be had", () => {
  const refused = async (...settings: readonly string[]) => {
    const result = await runCommand("run", ...settingWords(["publication.port=0", ...toy.settings, ...settings]));
    return { ...result, printed: result.stderr.split("\n").filter((line) => !line.startsWith("{")) };
  };

  it("a port that another instance has: PORT_IN_USE, 69, and the other goes on", async () => {
    await using first = await startDaemonProcess([...toy.settings, ...fromFolder()]);
    const port = new URL(first.url).port;
    const second = await refused(...fromFolder(), `publication.port=${port}`);
    expect(second.code).toBe(69);
    expect(second.printed[0]).toMatch(/^PORT_IN_USE: /);
    expect((await first.get("/healthz")).status).toBe(200);
  });

  it.each([
    ["an unknown key", ["detection.wokers=2"], 78, /^CONFIG_UNKNOWN_KEY: .*detection\.workers/],
    ["an unknown option of the camera", ["camera.options.seeed=2"], 78, /^CONFIG_UNKNOWN_KEY: .*seed/],
    ["a value out of range", ["publication.port=70000"], 78, /^CONFIG_INVALID: .*publication\.port/],
    ["a camera", ["camera.name=virtul"], 69, /^CAMERA_NOT_FOUND: .*virtual/],
    ["a source", ["camera.name=folder", "camera.source=/nowhere/at/all"], 66, /^CAMERA_SOURCE_NOT_FOUND: /],
    ["a model", ["detection.models.detector=unet@99.0.0"], 66, /^MODEL_NOT_FOUND: /],
    ["a provider", ["detection.provider=dml"], 69, /^PROVIDER_UNAVAILABLE: /],
    ["an address", ["publication.host=192.0.2.1"], 69, /^LISTEN_FAILED: /],
  ])("%s: an error with code, remedy and exit code, no substitute", async (_name, settings, code, pattern) => {
    const result = await refused(...settings);
    expect(result.code).toBe(code);
    const at = result.printed.findIndex((line) => pattern.test(line));
    expect(result.printed.join("\n")).toMatch(new RegExp(pattern.source, "m"));
    expect(result.printed[at + 1]).toMatch(/^ {2}\S/);
  });
});
