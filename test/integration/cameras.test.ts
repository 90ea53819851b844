import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { writeVirtualDataset } from "../../drivers/cameras/virtual/virtualDataset.js";
import type { Cell } from "../../src/core/index.js";
import type { CountsMessage } from "../../src/publication/index.js";
import { dataSetPath } from "../dataSets.js";
import { freePort } from "../drivers/media.js";
import { requirePython, requireTool } from "../requirements.js";
import { type DaemonProcess, runCommand, startDaemonProcess } from "./program.js";
import { PythonClient } from "./pythonClient.js";
import { countsByClass, countsWhere, statusWhere, subscribe } from "./streamClient.js";

// Daemons are started from source where nothing is built, and compiled on the way: slow on a busy machine.
vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 });

/** Pictures through the daemon with the models that are shipped, seen by a client of ws and by one in Python. */

const looked = ({ fields }: CountsMessage): number => fields.counted + fields.repeated + fields.unplaced;

interface DetectLine {
  readonly width: number;
  readonly height: number;
  readonly cells: readonly Cell[];
}

/** Of one picture by itself, the cells that counting admits: not at the right or the lower border. */
const admitted = ({ width, height, cells }: DetectLine): string[] =>
  cells
    .filter(({ box }) => box.right < width - 2 && box.bottom < height - 2)
    .flatMap(({ cellClass, densityClass }) =>
      cellClass === densityClass ? [densityClass] : [densityClass, cellClass],
    );

/** What `cytostream detect --json` finds in a source, picture by picture, summed by class. */
const summedByDetect = async (source: string, ...words: readonly string[]): Promise<Record<string, number>> => {
  const { code, stdout, stderr } = await runCommand("detect", source, "--json", ...words);
  expect(code, stderr).toBe(0);
  const sums: Record<string, number> = {};
  for (const line of stdout.trim().split("\n"))
    for (const name of admitted(JSON.parse(line) as DetectLine)) sums[name] = (sums[name] ?? 0) + 1;
  return sums;
};

/** The last counts of a source that ends, as both clients see them; they must agree. */
const finalCounts = async (daemon: DaemonProcess, pictures: number) => {
  const [watch, client, other] = await Promise.all([
    subscribe(daemon, "status"),
    subscribe(daemon, "counts"),
    PythonClient.connect(daemon),
  ]);
  await using _closing = other;
  const counts = await countsWhere(client, (message) => looked(message) === pictures);
  const status = await statusWhere(watch, ({ camera }) => camera.state === "ended");
  const inPython = await other.where(({ fields }) => fields === pictures);
  expect(inPython.classes).toEqual(countsByClass(counts));
  expect(inPython.simulated).toBe(counts.simulated);
  return { counts, status };
};

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "cytostream-cameras-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const hasPython = requirePython("websockets");
const data = dataSetPath("txl-pbc");

describe.skipIf(!hasPython)("a folder of pictures (needs Python's websockets)", () => {
  it.skipIf(data === undefined)("real fields: live, and in the end what detect finds (needs txl-pbc)", async () => {
    const images = join(data!, "images", "val");
    const names = (await readdir(images)).sort().filter((_name, index) => index % 8 === 0);
    const source = join(folder, "real");
    await mkdir(source);
    for (const name of names) await symlink(join(images, name), join(source, name));
    await using daemon = await startDaemonProcess(["camera.name=folder", `camera.source=${source}`]);
    const { counts, status } = await finalCounts(daemon, names.length);
    expect(counts).toMatchObject({ simulated: false, stale: false, scaleOrigin: "estimated" });
    expect(status).toMatchObject({ simulated: false, drops: {} });
    // After the first, each field lies nowhere near another: nothing was taken for a part of one.
    expect(counts.fields).toEqual({ counted: names.length, repeated: 0, unplaced: 0, separate: names.length - 1 });
    expect(countsByClass(counts)).toEqual(await summedByDetect(source));
    expect(counts.classes.find((row) => row.class === "erythrocyte")?.count).toBeGreaterThan(10 * names.length);
  });
});

const hasFfmpeg = requireTool("ffmpeg");

describe.skipIf(!hasFfmpeg || !hasPython)("a film (needs ffmpeg and Python's websockets)", () => {
  const pictures = 8;
  const size = { fieldWidthPx: 640, fieldHeightPx: 480, umPerPixel: 0.2 };
  const known = [`optics.umPerPixel=${size.umPerPixel}`];
  let stills = "";
  let ofStills: Record<string, number> = {};

  beforeAll(async () => {
    const painted = join(folder, "painted");
    await writeVirtualDataset(painted, { fields: pictures, seed: 5, options: size });
    stills = join(folder, "stills");
    await mkdir(stills);
    for (const name of (await readdir(join(painted, "images", "val"))).sort()) {
      const png = await sharp(join(painted, "images", "val", name))
        .png()
        .toBuffer();
      await writeFile(join(stills, name.replace(/jpg$/, "png")), png);
    }
    ofStills = await summedByDetect(stills, "--um-per-pixel", String(size.umPerPixel));
  }, 120_000);

  it("from a file, without loss: counted as its pictures are", async () => {
    const film = join(folder, "film.mkv");
    const input = ["-v", "error", "-framerate", "5", "-i", join(stills, "%04d.png")];
    const made = spawnSync("ffmpeg", [...input, "-c:v", "ffv1", "-pix_fmt", "bgr0", film], { encoding: "utf8" });
    expect(made.stderr).toBe("");
    await using daemon = await startDaemonProcess([...known, "camera.name=ffmpeg", `camera.source=${film}`]);
    const { counts, status } = await finalCounts(daemon, pictures);
    expect(status).toMatchObject({ simulated: false, drops: {}, scale: { origin: "config" } });
    expect(counts.fields.counted).toBe(pictures);
    expect(countsByClass(counts)).toEqual(ofStills);
  });

  it("from an MJPEG server: counted live", async (context) => {
    const port = await freePort();
    const url = `http://127.0.0.1:${port}/stream`;
    const input = ["-v", "error", "-re", "-stream_loop", "-1", "-framerate", "2", "-i", join(stills, "%04d.png")];
    const output = ["-c:v", "mjpeg", "-q:v", "2", "-f", "mpjpeg", "-listen", "1", url];
    const server = spawn("ffmpeg", [...input, ...output], { stdio: "ignore" });
    // It may end by itself when the daemon has gone.
    const gone = once(server, "exit");
    context.onTestFinished(async () => {
      server.kill("SIGKILL");
      await gone;
    });
    await using daemon = await startDaemonProcess([
      ...known,
      ...["camera.name=ffmpeg", `camera.source=${url}`, "camera.staleAfterMs=3000"],
    ]);
    const [client, other] = await Promise.all([subscribe(daemon, "counts"), PythonClient.connect(daemon)]);
    await using _closing = other;
    const first = await countsWhere(client, ({ fields }) => fields.counted >= 1);
    const later = await countsWhere(client, ({ fields }) => fields.counted >= first.fields.counted + 3);
    const inPython = await other.where(({ fields }) => fields >= looked(later));
    expect(inPython).toMatchObject({ simulated: false });
    const red = countsByClass(later).erythrocyte ?? 0;
    const expected = ((ofStills.erythrocyte ?? 0) / pictures) * later.fields.counted;
    // Other pictures of the eight, and JPEG between.
    expect(Math.abs(red / expected - 1)).toBeLessThan(0.3);
    expect((await daemon.stop()).code).toBe(0);
  });
});
