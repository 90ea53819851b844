import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { type AddressInfo, createServer as createTcpServer, type Socket } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { driver } from "../../../drivers/cameras/mjpeg/driver.js";
import { cameraChecks } from "../../../drivers/conformance/index.js";
import type { Camera, CameraFrame } from "../../../drivers/contract.js";
import type { CytoError } from "../../../src/core/index.js";
import { encodeJpeg } from "../../../src/pictures/index.js";
import { startMjpegServer as startSteadyServer } from "../../integration/mjpegServer.js";
import { requireTool } from "../../requirements.js";
import { codeOf, freePort, hasFfmpeg, startMjpegServer as startFfmpegServer } from "../media.js";

interface Opening {
  readonly source: string | undefined;
  readonly options?: object;
  readonly signal?: AbortSignal;
  readonly onFault?: (fault: CytoError) => void;
}

const open = ({ source, options = {}, signal = new AbortController().signal, onFault }: Opening): Promise<Camera> =>
  driver.open({
    source,
    signal,
    onFault,
    options: driver.manifest.options.parse({ openTimeoutMs: 30_000, ...options }),
  });

async function take(camera: Camera, count: number): Promise<CameraFrame[]> {
  const frames: CameraFrame[] = [];
  await using _ = camera;
  for await (const frame of camera.frames()) {
    frames.push(frame);
    if (frames.length >= count) break;
  }
  return frames;
}

type Answer = (response: ServerResponse, request: IncomingMessage) => void;

/** A web server of this test's own making. */
async function serve(answer: Answer) {
  const server = createServer((request, response) => answer(response, request)).listen(0, "127.0.0.1");
  await once(server, "listening");
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    host,
    address: `http://${host}`,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

const multipart = { "content-type": "multipart/x-mixed-replace; boundary=cut" };
const headOf = (length?: number): string =>
  `--cut\r\nContent-Type: image/jpeg\r\n${length === undefined ? "" : `Content-Length: ${length}\r\n`}\r\n`;

let jpegs: Uint8Array[] = [];
beforeAll(async () => {
  jpegs = await Promise.all(
    [40, 90, 140].map((level) =>
      encodeJpeg({ width: 64, height: 48, pixels: new Uint8Array(64 * 48 * 3).fill(level) }),
    ),
  );
});

/** Sends pictures, in pieces and with pauses as a network would, and leaves the connection to `after`. */
async function send(response: ServerResponse, pictures: readonly Uint8Array[], counted = true): Promise<void> {
  for (const jpeg of pictures) {
    response.write(headOf(counted ? jpeg.length : undefined));
    response.write(jpeg.subarray(0, 100));
    response.write(jpeg.subarray(100));
    response.write("\r\n");
    await new Promise((resolve) => setTimeout(resolve, 15));
  }
}

const endlessly: Answer = (response) => {
  response.writeHead(200, multipart);
  const timer = setInterval(() => void send(response, [jpegs[0]!]), 20);
  response.on("close", () => clearInterval(timer));
};

describe("the mjpeg camera", () => {
  it.each([true, false])(
    "gives the pictures of a stream (lengths told: %s), and says when it ends",
    async (counted) => {
      await using server = await serve((response) => {
        response.writeHead(200, multipart);
        void send(response, [...jpegs, ...jpegs, ...jpegs], counted).then(() => response.end("--cut--\r\n"));
      });
      const camera = await open({ source: `${server.address}/stream` });
      const levels = new Set<number>();
      const consume = async (): Promise<void> => {
        for await (const { width, height, pixels, source } of camera.frames()) {
          expect([width, height, source]).toEqual([64, 48, `${server.address}/stream`]);
          levels.add(Math.round(pixels[0]! / 10) * 10);
        }
      };
      await expect(consume()).rejects.toMatchObject({ code: "CAMERA_DISCONNECTED", retryable: true });
      expect([...levels].every((level) => [40, 90, 140].includes(level))).toBe(true);
      expect(levels.size).toBeGreaterThan(1);
    },
  );

  it("gives the newest picture, and counts each that was not fetched", async () => {
    const sent = 40;
    let finished = (): void => {};
    const all = new Promise<void>((resolve) => {
      finished = resolve;
    });
    await using server = await serve((response) => {
      response.writeHead(200, multipart);
      void send(
        response,
        Array.from({ length: sent }, (_, at) => jpegs[at === sent - 1 ? 2 : 0]!),
      ).then(finished);
    });
    let faults = 0;
    await using camera = await open({ source: server.address, onFault: () => faults++ });
    const frames = camera.frames()[Symbol.asyncIterator]();
    await frames.next();
    await all;
    await expect.poll(() => faults).toBe(sent - 2);
    const newest = await frames.next();
    expect(Math.abs(newest.value?.pixels[0] - 140)).toBeLessThan(5);
  });

  it("counts what cannot be decoded or does not fit, and goes on", async () => {
    await using server = await serve((response) => {
      response.writeHead(200, multipart);
      void (async () => {
        await send(response, [jpegs[0]!]);
        response.write("nonsense".repeat(20));
        await send(response, [new Uint8Array(300), jpegs[1]!.subarray(0, 200)]);
        response.write(headOf(999_999_999));
        for (;;) {
          if (response.destroyed) return;
          await send(response, [jpegs[2]!]);
        }
      })();
    });
    const faults: CytoError[] = [];
    const camera = await open({ source: server.address, onFault: (fault) => faults.push(fault) });
    for await (const { pixels } of camera.frames()) if (Math.abs(pixels[0]! - 140) < 5) break;
    const told = faults.filter(({ message }) => !message.includes("overwritten"));
    expect(new Set(faults.map(({ code }) => code)).has("FRAME_LOST")).toBe(true);
    expect(told.length).toBeGreaterThanOrEqual(2);
  });

  it.each([
    [401, "CAMERA_DENIED"],
    [403, "CAMERA_DENIED"],
    [404, "CAMERA_SOURCE_NOT_FOUND"],
    [429, "CAMERA_BUSY"],
    [503, "CAMERA_UNREACHABLE"],
    [418, "CAMERA_UNSUPPORTED"],
    [204, "CAMERA_UNSUPPORTED"],
  ])("answers HTTP %i with %s", async (status, code) => {
    await using server = await serve((response) => response.writeHead(status).end());
    expect(await codeOf(open({ source: server.address }))).toBe(code);
  });

  it("sends user and password to their own origin only, and repeats them nowhere", async () => {
    const heard: (string | undefined)[] = [];
    await using other = await serve((response, request) => {
      heard.push(request.headers.authorization);
      response.writeHead(404).end();
    });
    await using server = await serve((response, request) => {
      heard.push(request.headers.authorization);
      if (request.url?.startsWith("/away")) response.writeHead(302, { location: `${other.address}/x` }).end();
      else if (request.url?.startsWith("/on")) response.writeHead(307, { location: "/stream?token=hush" }).end();
      else endlessly(response, request);
    });
    const [frame] = await take(await open({ source: `http://us%40er:hush@${server.host}/on?token=hush` }), 1);
    const basic = `Basic ${Buffer.from("us@er:hush").toString("base64")}`;
    expect(heard).toEqual([basic, basic]);
    expect(frame?.source).toBe(`http://***@${server.host}/on?token=***`);
    const error = await open({ source: `http://user:hush@${server.host}/away` }).catch((refusal: CytoError) => refusal);
    expect(heard.at(-1)).toBeUndefined();
    for (const opening of [error, await open({ source: "http://user:hush@127.0.0.1:9/" }).catch((e: CytoError) => e)]) {
      const { code, message, context } = opening as CytoError;
      expect(JSON.stringify([code, message, context])).not.toMatch(/hush|aHVzaA/);
    }
  });

  it.each([
    ["/loop", "CAMERA_UNSUPPORTED"],
    ["file:///etc/passwd", "CAMERA_UNSUPPORTED"],
    ["http://[", "CAMERA_UNSUPPORTED"],
  ])("does not follow a redirection to %s for ever or anywhere", async (location, code) => {
    let asked = 0;
    await using server = await serve((response) => {
      asked++;
      response.writeHead(302, { location }).end();
    });
    expect(await codeOf(open({ source: `${server.address}/loop`, options: { maxRedirects: 2 } }))).toBe(code);
    expect(asked).toBeLessThanOrEqual(3);
  });

  it.each([
    [undefined, "CAMERA_SOURCE_NOT_FOUND"],
    ["", "CAMERA_SOURCE_NOT_FOUND"],
    ["no address", "CAMERA_SOURCE_NOT_FOUND"],
    ["rtsp://127.0.0.1/x", "CAMERA_UNSUPPORTED"],
    ["http://127.0.0.1:9/x", "CAMERA_UNREACHABLE"],
  ])("answers the source %s with %s", async (source, code) => {
    expect(await codeOf(open({ source }))).toBe(code);
  });

  it("answers pages, single pictures and what is no web server with CAMERA_UNSUPPORTED", async () => {
    for (const type of ["text/html", "image/jpeg", "multipart/x-mixed-replace", "application/octet-stream"]) {
      await using server = await serve((response) => response.writeHead(200, { "content-type": type }).end("<p>\n"));
      expect(await codeOf(open({ source: server.address }))).toBe("CAMERA_UNSUPPORTED");
    }
    const rude = createTcpServer((socket) => socket.on("error", () => {}).end("what?\r\n\r\n")).listen(0, "127.0.0.1");
    await once(rude, "listening");
    expect(await codeOf(open({ source: `http://127.0.0.1:${(rude.address() as AddressInfo).port}/` }))).toBe(
      "CAMERA_UNSUPPORTED",
    );
    rude.close();
  });

  it("gives up what is silent before, in, or after the first picture", async () => {
    const silent = createTcpServer((socket) => sockets.add(socket.on("error", () => {}))).listen(0, "127.0.0.1");
    const sockets = new Set<Socket>();
    await once(silent, "listening");
    const { port } = silent.address() as AddressInfo;
    expect(await codeOf(open({ source: `http://127.0.0.1:${port}/`, options: { openTimeoutMs: 300 } }))).toBe(
      "CAMERA_STALE",
    );
    for (const socket of sockets) socket.destroy();
    silent.close();

    await using half = await serve((response) => {
      response.writeHead(200, multipart);
      response.write(headOf(5000));
      response.write(jpegs[0]!.subarray(0, 100));
    });
    expect(await codeOf(open({ source: half.address, options: { openTimeoutMs: 300 } }))).toBe("CAMERA_STALE");

    await using freezing = await serve((response) => {
      response.writeHead(200, multipart);
      void send(response, jpegs);
    });
    const camera = await open({ source: freezing.address, options: { stallTimeoutMs: 300 } });
    await expect(take(camera, 100)).rejects.toMatchObject({ code: "CAMERA_STALE", retryable: true });

    await using nonsense = await serve((response) => {
      response.writeHead(200, multipart);
      const timer = setInterval(() => response.write(`${headOf(5)}never\r\n`), 5);
      response.on("close", () => clearInterval(timer));
    });
    expect(await codeOf(open({ source: nonsense.address, options: { openTimeoutMs: 300 } }))).toBe("CAMERA_STALE");
  });

  it("ends at an abort while it is being opened, and closes its connection", async () => {
    const abort = new AbortController();
    let closed = (): void => {};
    const over = new Promise<void>((resolve) => {
      closed = resolve;
    });
    await using server = await serve((response) => {
      response.on("close", closed);
      abort.abort();
    });
    await expect(open({ source: server.address, signal: abort.signal })).rejects.toMatchObject({ name: "AbortError" });
    await over;
  });

  it("outlives the time that it may take to open", async () => {
    await using server = await serve(endlessly);
    const camera = await open({ source: server.address, options: { openTimeoutMs: 250 } });
    const frames = camera.frames()[Symbol.asyncIterator]();
    const untilMs = performance.now() + 400;
    while (performance.now() < untilMs) expect((await frames.next()).done).toBe(false);
    await camera[Symbol.asyncDispose]();
  });

  describe("conformance", () => {
    let server: Awaited<ReturnType<typeof startSteadyServer>>;
    beforeAll(async () => {
      server = await startSteadyServer({ pictures: jpegs, framesPerSecond: 50 });
    });
    afterAll(() => server[Symbol.asyncDispose]());
    const badSources = [
      { source: "http://127.0.0.1:9/x", codes: ["CAMERA_UNREACHABLE"] },
      { source: "nowhere", codes: ["CAMERA_SOURCE_NOT_FOUND"] },
      { source: undefined, codes: ["CAMERA_SOURCE_NOT_FOUND"] },
    ];
    // The port is known only when the tests run; the names of the checks do not depend on it.
    const checks = (source: string) =>
      cameraChecks({ driver, source, ends: false, frames: 5, deadlineMs: 30_000, badSources });
    for (const [index, { name }] of checks("http://camera/").entries())
      it(name, () => checks(server.url)[index]!.run());
  });
});

/** Opens a stream again and again until its server is up. */
async function openOnce(source: string, server: ChildProcess): Promise<Camera> {
  for (;;) {
    try {
      return await open({ source });
    } catch (error) {
      if (server.exitCode !== null || (error as CytoError).code !== "CAMERA_UNREACHABLE") throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

describe.skipIf(!hasFfmpeg)("the mjpeg camera on ffmpeg's server (skipped where ffmpeg is not installed)", () => {
  it("gives its pictures, and fails retryably when it goes", async () => {
    const port = await freePort();
    const server = startFfmpegServer(port);
    const camera = await openOnce(`http://127.0.0.1:${port}/stream`, server.process);
    let frames = 0;
    const consume = async (): Promise<void> => {
      for await (const { width, height } of camera.frames()) {
        expect([width, height]).toEqual([160, 120]);
        if (++frames === 5) await server.kill();
      }
    };
    await expect(consume()).rejects.toMatchObject({ code: "CAMERA_DISCONNECTED", retryable: true });
    expect(frames).toBeGreaterThanOrEqual(5);
    await server.kill();
  });
});

describe.skipIf(!requireTool("ustreamer"))("the mjpeg camera on ustreamer (needs ustreamer)", () => {
  it("gives the picture that it serves without a device", async () => {
    const port = await freePort();
    const words = ["--device=/dev/no-such-video", `--port=${port}`, "--host=127.0.0.1", "--desired-fps=10"];
    const server = spawn("ustreamer", words, { stdio: "ignore" });
    const ended = once(server, "exit");
    try {
      const camera = await openOnce(`http://127.0.0.1:${port}/stream`, server);
      const frames = await take(camera, 2);
      expect(frames.every(({ width, height, pixels }) => pixels.length === width * height * 3)).toBe(true);
    } finally {
      server.kill("SIGKILL");
      await ended;
    }
  });
});
