import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterAll, beforeAll, describe, expect, it, type TestContext } from "vitest";
import { loadConfig } from "../../src/config/index.js";
import { projectRoot } from "../../src/core/index.js";
import { startDaemon } from "../../src/main.js";
import { createLogger } from "../../src/observability/index.js";
import { encodePng } from "../../src/pictures/index.js";
import { writeToyModels } from "../detection/toyModel.js";
import { redGrid, toyFrame } from "../detection/toySmear.js";
import { streamUrl, TestClient } from "../publication/harness.js";
import { freshDataDirectory } from "./dataDirectory.js";

const umPerPixel = 0.234375;
const size = { width: 480, height: 384 };
/** Red cells of one picture, none at its border. */
const cellsPerField = redGrid(size.width, size.height, umPerPixel).length;
const pictures = 3;

let folder = "";
let common: string[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "cytostream-daemon-"));
  await writeToyModels(join(folder, "models"));
  await mkdir(join(folder, "smears"));
  for (let i = 0; i < pictures; i++) {
    // A pale square of its own keeps the pictures from being the same field again.
    const { pixels } = toyFrame(redGrid(size.width, size.height, umPerPixel), { ...size, umPerPixel });
    for (let y = 4; y < 12; y++) pixels.fill(200 + 10 * i, (y * size.width + 4) * 3, (y * size.width + 12) * 3);
    await writeFile(join(folder, "smears", `${i}.png`), await encodePng({ ...size, pixels }));
  }
  common = [
    `detection.models.detector=${join(folder, "models", "unet", "1.0.0")}`,
    `detection.models.classifier=${join(folder, "models", "cells", "1.0.0")}`,
    "detection.provider=cpu",
    "detection.threads=1",
    "publication.port=0",
    `optics.umPerPixel=${umPerPixel}`,
  ];
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Quick to paint, so that a busy machine does not make the camera stale. */
const smallFields = [
  "camera.options.fieldWidthPx=320",
  "camera.options.fieldHeightPx=240",
  "camera.options.painting=drawn",
  "camera.staleAfterMs=3000",
];

const fromFolder = (): string[] => ["camera.name=folder", `camera.source=${join(folder, "smears")}`];

const start = async (context: TestContext, settings: readonly string[]) => {
  const lines: string[] = [];
  const log = createLogger({ level: "debug", pretty: false, destination: { write: (line) => void lines.push(line) } });
  const config = await loadConfig({ settings: [...common, `dataDir=${freshDataDirectory()}`, ...settings] });
  const daemon = await startDaemon({ config, version: "0.0.0-test", log });
  context.onTestFinished(async () => {
    await daemon.stop();
  });
  const events = (): string[] => lines.map((line) => (JSON.parse(line) as { event: string }).event);
  return { daemon, events };
};

const connect = async (context: TestContext, url: string): Promise<TestClient> => {
  const client = new TestClient(streamUrl({ url }));
  context.onTestFinished(() => client.socket.terminate());
  await client.next("hello");
  client.send({ type: "subscribe", topics: ["status", "counts", "cells"] });
  return client;
};

describe("the daemon", () => {
  it("counts every picture of a folder, tells the camera's end, and goes on serving", async (context) => {
    const { daemon, events } = await start(context, fromFolder());
    const client = await connect(context, daemon.url);
    let counts = await client.next("counts");
    while (counts.fields.counted + counts.fields.repeated + counts.fields.unplaced < pictures)
      counts = await client.next("counts");
    expect(counts.simulated).toBe(false);
    const red = counts.classes.find((entry) => entry.class === "erythrocyte");
    expect(red?.count).toBeGreaterThan(0);
    expect(red?.count).toBeLessThanOrEqual(pictures * cellsPerField);
    let status = await client.next("status");
    while (status.camera.state !== "ended") status = await client.next("status");
    expect(status).toMatchObject({ stale: false, drops: {}, provider: "cpu", scale: { umPerPixel, origin: "config" } });
    expect(status.models?.detector).toMatchObject({ name: "unet", version: "1.0.0" });
    const metrics = await (await fetch(`${daemon.url}metrics`)).text();
    expect(metrics).toContain(`cytostream_frames_produced_total ${pictures}`);
    expect(metrics).toContain(`cytostream_frames_processed_total ${pictures}`);
    expect((await fetch(`${daemon.url}readyz`)).status).toBe(200);
    expect(await daemon.stop()).toEqual([]);
    expect(events()).toEqual(
      expect.arrayContaining(["daemon.ready", "camera.running", "camera.ended", "daemon.stopped"]),
    );
  });

  it("shows the virtual slide by default, marked as simulated, and accounts for every frame", async (context) => {
    const { daemon } = await start(context, smallFields);
    const client = await connect(context, daemon.url);
    const cells = await client.next("cells");
    expect(cells).toMatchObject({ simulated: true, field: { camera: "virtual", width: 320, height: 240 } });
    expect((await client.next("counts")).simulated).toBe(true);
    expect((await client.next("status")).simulated).toBe(true);
    expect(await daemon.stop()).toEqual([]);
  });

  it.each([
    ["a camera that does not exist", ["camera.name=mirror"], "CAMERA_NOT_FOUND"],
    ["an option that the camera does not have", ["camera.options.seeed=1"], "CONFIG_UNKNOWN_KEY"],
    ["a model that does not exist", ["detection.models.detector=absent"], "MODEL_NOT_FOUND"],
    ["a provider that is not there", ["detection.provider=dml"], "PROVIDER_UNAVAILABLE"],
  ])("does not start with %s, and says what to do", async (_, settings, code) => {
    const config = await loadConfig({ settings: [...common, `dataDir=${freshDataDirectory()}`, ...settings] });
    const log = createLogger({ level: "silent", pretty: false });
    const error: unknown = await startDaemon({ config, version: "0", log }).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code, remedy: expect.stringMatching(/\S/) });
  });

  it("does not start on a taken port, and closes what it had opened", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as { port: number };
    const config = await loadConfig({
      settings: [...common, `dataDir=${freshDataDirectory()}`, `publication.port=${port}`],
    });
    const log = createLogger({ level: "silent", pretty: false });
    await expect(startDaemon({ config, version: "0", log })).rejects.toMatchObject({ code: "PORT_IN_USE" });
    server.close();
  });

  it("fails where the camera's source is not there", async (context) => {
    const { daemon, events } = await start(context, ["camera.name=folder", `camera.source=${join(folder, "absent")}`]);
    expect((await daemon.failed).code).toBe("CAMERA_SOURCE_NOT_FOUND");
    expect((await fetch(`${daemon.url}readyz`)).status).toBe(503);
    expect(events()).toContain("camera.failed");
  });
});

// Started from source, and so compiled on the way: slow where the machine is busy.
describe("the daemon as a process", { timeout: 240_000 }, () => {
  const cytostream = (context: TestContext, settings: readonly string[]): ChildProcess => {
    const program = join(projectRoot(), "src", "cli", "cytostream.ts");
    const set = [...common, ...settings, `dataDir=${freshDataDirectory()}`, "log.format=json"].flatMap((setting) => [
      "--set",
      setting,
    ]);
    const child = spawn(process.execPath, ["--import", "tsx", program, "run", ...set], {
      cwd: projectRoot(),
      stdio: ["ignore", "pipe", "pipe"],
    });
    context.onTestFinished(() => void child.kill("SIGKILL"));
    return child;
  };

  /** Log lines until one of the event, that included. */
  const until = async (child: ChildProcess, event: string): Promise<Record<string, unknown>> => {
    for await (const line of createInterface({ input: child.stderr! })) {
      if (!line.startsWith("{")) continue;
      const entry = JSON.parse(line) as Record<string, unknown>;
      if (entry.event === event) return entry;
    }
    throw new Error(`the process ended without ${event}`);
  };

  it("ends with 0 after SIGTERM, its clients told and everything closed", async (context) => {
    const child = cytostream(context, smallFields);
    const exited = once(child, "exit");
    const ready = await until(child, "daemon.ready");
    const client = await connect(context, String(ready.url));
    await client.next("counts");
    const closed = once(client.socket, "close");
    child.kill("SIGTERM");
    expect(await exited).toEqual([0, null]);
    expect((await closed)[0]).toBe(1001);
  });

  it("ends with the code of a camera that is not there, and prints it with a remedy", async (context) => {
    const child = cytostream(context, ["camera.name=folder", `camera.source=${join(folder, "absent")}`]);
    let text = "";
    child.stderr?.setEncoding("utf8").on("data", (part: string) => {
      text += part;
    });
    const [code] = (await once(child, "close")) as [number];
    expect(code).toBe(66);
    expect(text).toMatch(/^CAMERA_SOURCE_NOT_FOUND: .+\n {2}\S/m);
    expect(text).toContain('"event":"daemon.fatal"');
  });
});
