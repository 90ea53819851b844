import { once } from "node:events";
import { appendFile, copyFile, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { createServer, type Server, type ServerResponse } from "node:http";
import { type AddressInfo, createServer as createTcpServer, type Socket } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { driver } from "../../drivers/cameras/ffmpeg/driver.js";
import { cameraChecks } from "../../drivers/conformance/index.js";
import type { Camera, CameraFrame } from "../../drivers/contract.js";
import { OwnedProcess } from "../../drivers/process/ownedProcess.js";
import { CytoError } from "../../src/core/index.js";
import { encodeJpeg } from "../../src/pictures/index.js";
import { codeOf, freePort, hasFfmpeg, makeMedia, startRtspSender, temporaryFolder } from "./media.js";

let root = "";
let removeRoot = async (): Promise<void> => {};
const at = (name: string): string => join(root, name);

const open = (
  source: string | undefined,
  options: object = {},
  signal = new AbortController().signal,
): Promise<Camera> =>
  driver.open({ source, options: driver.manifest.options.parse({ openTimeoutMs: 60_000, ...options }), signal });

async function play(source: string, options: object = {}, most = 10_000): Promise<CameraFrame[]> {
  const camera = await open(source, options);
  const frames: CameraFrame[] = [];
  try {
    for await (const frame of camera.frames()) {
      frames.push(frame);
      if (frames.length >= most) break;
    }
  } finally {
    await camera[Symbol.asyncDispose]();
  }
  return frames;
}

/** Processes that this one has started and that still run. */
const processesLeft = (): number => process.getActiveResourcesInfo().filter((kind) => kind === "ProcessWrap").length;

/** An HTTP server of this test's own making. */
async function serve(answer: (response: ServerResponse, path: string) => void) {
  const server: Server = createServer((request, response) => answer(response, request.url ?? "/"));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const close = async (): Promise<void> => {
    server.closeAllConnections();
    server.close();
    await once(server, "close");
  };
  return { address: `http://127.0.0.1:${port}`, close };
}

/** Sends `count` pictures as multipart MJPEG, then leaves the connection to `after`. */
async function sendMjpeg(response: ServerResponse, count: number, after: (response: ServerResponse) => void) {
  response.writeHead(200, { "content-type": "multipart/x-mixed-replace; boundary=frame" });
  for (let index = 0; index < count; index++) {
    const pixels = new Uint8Array(64 * 48 * 3).fill(10 + index);
    const jpeg = await encodeJpeg({ width: 64, height: 48, pixels });
    response.write(`--frame\r\nContent-Type: image/jpeg\r\nContent-Length: ${jpeg.length}\r\n\r\n`);
    response.write(jpeg);
    response.write("\r\n");
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  after(response);
}

describe.skipIf(!hasFfmpeg)("ffmpeg camera (skipped where ffmpeg is not installed)", () => {
  beforeAll(async () => {
    ({ path: root, remove: removeRoot } = await temporaryFolder());
    const lossless = ["-c:v", "ffv1", "-pix_fmt", "bgr0"];
    makeMedia(at("red.mkv"), "color=c=0xC86432:size=50x30:rate=25:duration=0.4", ...lossless);
    makeMedia(at("clip.mp4"), "testsrc=size=320x240:rate=10:duration=2", "-pix_fmt", "yuv420p");
    makeMedia(at("large.mjpeg"), "testsrc=size=96x64:rate=10:duration=0.5", "-f", "mjpeg");
    makeMedia(at("small.mjpeg"), "testsrc2=size=40x70:rate=10:duration=0.5", "-f", "mjpeg");
    for (const name of ["large", "small", "large"]) {
      await appendFile(at("sizes.mjpeg"), await readFile(at(`${name}.mjpeg`)));
    }
    makeMedia(at("sound.wav"), "sine=duration=0.2");
    await writeFile(at("text.mp4"), "no video at all");
    await writeFile(at("empty.mp4"), "");
    await writeFile(at("cut.mp4"), (await readFile(at("clip.mp4"))).subarray(0, 4_000));
    await mkdir(at("folder"));
  });
  afterAll(() => removeRoot());

  it("plays a video file, every frame and in its colours, and ends", async () => {
    const frames = await play(at("red.mkv"));
    expect(frames).toHaveLength(10);
    for (const { width, height, pixels, source } of frames) {
      expect([width, height, source]).toEqual([50, 30, at("red.mkv")]);
      // The test source itself paints by way of YUV.
      expect(pixels.every((value, index) => Math.abs(value - [0xc8, 0x64, 0x32][index % 3]!) <= 2)).toBe(true);
    }
    expect(await play(at("clip.mp4"))).toHaveLength(20);
  });

  it("delivers frames in their own size when it changes on the way", async () => {
    const sizes = (await play(at("sizes.mjpeg"))).map(({ width, height }) => `${width}x${height}`);
    expect(sizes).toEqual([
      ...new Array<string>(5).fill("96x64"),
      ...new Array<string>(5).fill("40x70"),
      ...new Array<string>(5).fill("96x64"),
    ]);
  });

  it("waits for its consumer with a file, unless it plays in real time, and begins again when asked to", async () => {
    const camera = await open(at("clip.mp4"));
    expect([camera.pace, camera.frameIntervalMs]).toEqual(["onDemand", 100]);
    await camera[Symbol.asyncDispose]();
    const live = await open(at("clip.mp4"), { realTime: true });
    expect(live.pace).toBe("live");
    await live[Symbol.asyncDispose]();
    expect(await play(at("red.mkv"), { repeat: true }, 25)).toHaveLength(25);
  });

  it.each([
    ["absent.mp4", "CAMERA_SOURCE_NOT_FOUND"],
    ["text.mp4", "CAMERA_UNSUPPORTED"],
    ["empty.mp4", "CAMERA_UNSUPPORTED"],
    ["cut.mp4", "CAMERA_UNSUPPORTED"],
    ["sound.wav", "CAMERA_UNSUPPORTED"],
    ["folder", "CAMERA_UNSUPPORTED"],
  ])("answers %s with %s", async (name, code) => {
    expect(await codeOf(play(at(name)))).toBe(code);
  });

  it.each([
    [undefined, "CAMERA_SOURCE_NOT_FOUND"],
    ["/dev/video97", "CAMERA_SOURCE_NOT_FOUND"],
    ["/dev/null", "CAMERA_UNSUPPORTED"],
    ["http://127.0.0.1:9/x", "CAMERA_UNREACHABLE"],
    ["rtsp://127.0.0.1:9/x", "CAMERA_UNREACHABLE"],
    ["ftp://127.0.0.1/x", "CAMERA_UNSUPPORTED"],
  ])("answers %s with %s", async (source, code) => {
    expect(await codeOf(open(source))).toBe(code);
  });

  it.each([
    [404, "CAMERA_SOURCE_NOT_FOUND"],
    [401, "CAMERA_DENIED"],
    [403, "CAMERA_DENIED"],
    [503, "CAMERA_UNREACHABLE"],
  ])("answers HTTP %i with %s", async (status, code) => {
    const server = await serve((response) => response.writeHead(status).end());
    expect(await codeOf(open(`${server.address}/stream`))).toBe(code);
    await server.close();
  });

  it("passes a source as one argument, whatever is in it", async () => {
    const names = [
      "a;touch pwned;.mkv",
      "$(touch pwned).mkv",
      "`touch pwned`.mkv",
      "-y",
      "a:b.mkv",
      "a b'\"\n.mkv",
      "ü%03d.mkv",
    ];
    for (const name of names) {
      await copyFile(at("red.mkv"), at(name));
      expect(await play(at(name))).toHaveLength(10);
    }
    expect((await readdir(root)).includes("pwned")).toBe(false);
    expect((await readdir(".")).includes("pwned")).toBe(false);
    expect(await codeOf(open("-y"))).toBe("CAMERA_SOURCE_NOT_FOUND");
    expect(await codeOf(open("concat:a|b"))).toBe("CAMERA_SOURCE_NOT_FOUND");
  });

  it("says what is wrong with ffmpeg itself", async () => {
    for (const ffmpegPath of ["/nowhere/ffmpeg", "/bin/true", root]) {
      expect(await codeOf(open(at("red.mkv"), { ffmpegPath }))).toBe("FFMPEG_NOT_FOUND");
    }
    expect(await codeOf(open(at("red.mkv"), { inputOptions: { no_such_option: "1" } }))).toBe("CAMERA_UNSUPPORTED");
    expect(await codeOf(open(at("clip.mp4"), { maxMegapixels: 0.01 }))).toBe("IMAGE_TOO_LARGE");
  });

  it("reads MJPEG over HTTP, and fails retryably when the server goes", async () => {
    const server = await serve((response) => void sendMjpeg(response, 12, () => response.destroy()));
    const camera = await open(`${server.address}/stream`);
    expect(camera.pace).toBe("live");
    let frames = 0;
    const consume = async (): Promise<void> => {
      for await (const { width, height } of camera.frames()) {
        expect([width, height]).toEqual([64, 48]);
        frames++;
      }
    };
    await expect(consume()).rejects.toMatchObject({ retryable: true });
    expect(frames).toBeGreaterThan(3);
    await server.close();
  });

  it("reads RTSP, and fails retryably when the sender goes", async () => {
    const address = `rtsp://127.0.0.1:${await freePort()}/live`;
    // ffmpeg has no RTSP server; it can be the listening end of a sender, which is the same protocol to the demuxer.
    const opening = open(address, { inputOptions: { rtsp_flags: "listen" } });
    let sender = startRtspSender(address);
    let opened = false;
    const settled = opening.then(
      () => {
        opened = true;
      },
      () => {
        opened = true;
      },
    );
    while (!opened) {
      await Promise.race([once(sender, "exit"), settled]);
      if (!opened) sender = startRtspSender(address);
    }
    const camera = await opening;
    expect(camera.pace).toBe("live");
    let frames = 0;
    const consume = async (): Promise<void> => {
      for await (const { width, height } of camera.frames()) {
        expect([width, height]).toEqual([160, 120]);
        frames++;
        if (frames === 10) sender.kill("SIGKILL");
      }
    };
    await expect(consume()).rejects.toMatchObject({ retryable: true });
    expect(frames).toBeGreaterThanOrEqual(10);
  });

  it("gives up a source that freezes, before and after the first frame, and leaves no process", async () => {
    // What earlier tests have started may still be ending.
    await expect.poll(processesLeft).toBe(0);
    const server = await serve((response) => void sendMjpeg(response, 12, () => {}));
    const camera = await open(`${server.address}/stream`, { stallTimeoutMs: 700 });
    const consume = async (): Promise<void> => {
      for await (const _ of camera.frames());
    };
    await expect(consume()).rejects.toMatchObject({ code: "CAMERA_STALE", retryable: true });
    await server.close();

    const sockets = new Set<Socket>();
    const silent = createTcpServer((socket) => sockets.add(socket.on("error", () => {}))).listen(0, "127.0.0.1");
    await once(silent, "listening");
    const { port } = silent.address() as AddressInfo;
    for (const scheme of ["http", "rtsp"]) {
      expect(await codeOf(open(`${scheme}://127.0.0.1:${port}/x`, { openTimeoutMs: 700 }))).toBe("CAMERA_STALE");
    }
    for (const socket of sockets) socket.destroy();
    silent.close();
    await expect.poll(processesLeft).toBe(0);
  });

  it("ends at an abort while it is being opened", async () => {
    // What earlier tests have started may still be ending.
    await expect.poll(processesLeft).toBe(0);
    const silent = createTcpServer((socket) => socket.on("error", () => {})).listen(0, "127.0.0.1");
    await once(silent, "listening");
    const { port } = silent.address() as AddressInfo;
    const abort = new AbortController();
    silent.once("connection", () => abort.abort());
    await expect(open(`http://127.0.0.1:${port}/x`, {}, abort.signal)).rejects.toMatchObject({ name: "AbortError" });
    await expect.poll(processesLeft).toBe(0);
    silent.close();
  });

  it("names no secret of an address, in errors and frames", async () => {
    const server = await serve((response, path) => {
      if (path.startsWith("/no")) response.writeHead(404).end();
      else void sendMjpeg(response, 12, () => {});
    });
    const [, host] = server.address.split("//");
    const refused = await open(`http://user:hush@${host}/no?token=hush`).catch((error: CytoError) => error);
    expect(JSON.stringify([refused, (refused as CytoError).context, (refused as CytoError).message])).not.toContain(
      "hush",
    );
    const [frame] = await play(`http://user:hush@${host}/v?token=hush`, {}, 1);
    expect(frame?.source).toBe(`http://***@${host}/v?token=***`);
    await server.close();
  });

  it("plays a damaged file as far as it goes, or says that it cannot", async () => {
    const clip = await readFile(at("sizes.mjpeg"));
    for (let seed = 1; seed <= 6; seed++) {
      const damaged = Buffer.from(clip);
      for (let count = 0; count < 40; count++) damaged[(seed * 7919 + count * 104_729) % damaged.length] = seed * count;
      await writeFile(at("damaged.mjpeg"), damaged);
      const outcome = await play(at("damaged.mjpeg")).catch((error: CytoError) => error.code);
      if (typeof outcome === "string") expect(outcome).toMatch(/^(CAMERA|FRAME|IMAGE)_/);
      else expect(outcome.every(({ width, height, pixels }) => pixels.length === width * height * 3)).toBe(true);
    }
  });

  it("kills what does not heed SIGTERM", async () => {
    const script = "trap '' TERM; echo ready; while :; do sleep 0.05; done";
    const stubborn = await OwnedProcess.start("/bin/sh", ["-c", script], {
      notStarted: (why, cause) => new CytoError("INTERNAL", why, { cause }),
    });
    await once(stubborn.stdout, "readable");
    await stubborn[Symbol.asyncDispose]();
    expect(await stubborn.exited).toEqual({ exitCode: null, signal: "SIGKILL" });
    await stubborn[Symbol.asyncDispose]();
  });

  describe("conformance", () => {
    const subject = {
      driver,
      options: { openTimeoutMs: 60_000 },
      frames: 5,
      ends: true,
      deadlineMs: 50_000,
    };
    const badSources = () => [
      { source: at("absent.mp4"), codes: ["CAMERA_SOURCE_NOT_FOUND"] },
      { source: at("text.mp4"), codes: ["CAMERA_UNSUPPORTED"] },
      { source: undefined, codes: ["CAMERA_SOURCE_NOT_FOUND"] },
    ];
    const live = { openTimeoutMs: 60_000, realTime: true, repeat: true };
    // The folder is there only when the tests run; the names of the checks do not depend on it.
    const variants = [
      { title: "file", make: () => cameraChecks({ ...subject, badSources: badSources(), source: at("clip.mp4") }) },
      {
        title: "in real time, without end",
        make: () => cameraChecks({ ...subject, source: at("clip.mp4"), options: live, ends: false }),
      },
    ];
    for (const { title, make } of variants) {
      for (const [index, { name }] of make().entries()) {
        it(`${title}: ${name.replace(/ \S*\.mp4/, (path) => ` ${path.slice(path.lastIndexOf("/") + 1).trim()}`)}`, () =>
          make()[index]!.run());
      }
    }
  });
});
