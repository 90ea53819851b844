import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { closeSync, constants, openSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from "vitest";
import { WebSocket } from "ws";
import { settingWords, start, startDaemonProcess } from "./program.js";
import { openToySetting, type ToySetting } from "./toySetting.js";

vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 });

/** A daemon whose log nobody reads goes on, and ends when it is told to. */

let toy: ToySetting;
let settings: string[] = [];
beforeAll(async () => {
  toy = await openToySetting();
  const source = await toy.smears("smears", 3);
  const camera = ["camera.name=folder", `camera.source=${source}`, "camera.options.repeat=true"];
  settings = [...toy.settings, ...camera, "log.level=debug"];
});
afterAll(() => toy.remove());

/** Each is at least two lines of the log, together more than 250 characters: about 500 kB, more than pipe and socket hold. */
const visits = 2000;

const visit = async (url: string): Promise<void> => {
  const socket = new WebSocket(new URL("/v1/stream", url.replace(/^http/, "ws")));
  await once(socket, "open");
  socket.close();
  await once(socket, "close");
};

const fillLog = async (url: string): Promise<void> => {
  for (let count = 0; count < visits; count += 20) await Promise.all(Array.from({ length: 20 }, () => visit(url)));
};

/** Has the process end by SIGTERM. */
const terminate = async (child: ReturnType<typeof start>) => {
  const startedMs = performance.now();
  const exited = once(child, "exit") as Promise<[number | null, NodeJS.Signals | null]>;
  child.kill("SIGTERM");
  const [code, signal] = await exited;
  return { code, signal, afterMs: performance.now() - startedMs };
};

describe("a log that nobody reads", () => {
  it.each(["is not read any more", "has lost its reader"])(
    "that %s: the daemon counts on, and ends within 10 s of SIGTERM",
    async (fate) => {
      await using daemon = await startDaemonProcess(settings);
      const stderr = daemon.child.stderr!;
      if (fate === "has lost its reader") stderr.destroy();
      else stderr.pause();
      await fillLog(daemon.url);
      expect((await daemon.get("/healthz")).status).toBe(200);
      const ending = await terminate(daemon.child);
      stderr.destroy();
      expect(ending).toMatchObject({ code: 0, signal: null });
      expect(ending.afterMs).toBeLessThan(10_000);
    },
  );

  it.skipIf(process.platform === "win32")("in a pipe of the shell: the same", async () => {
    const path = join(toy.folder, "log");
    expect(spawnSync("mkfifo", [path]).status).toBe(0);
    // Open for reading too, so that it has a reader, which never reads.
    const pipe = openSync(path, constants.O_RDWR);
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as { port: number };
    server.close();
    await once(server, "close");
    const child = start(["run", ...settingWords([...settings, `publication.port=${port}`])], pipe);
    onTestFinished(() => {
      child.kill("SIGKILL");
      closeSync(pipe);
    });
    const url = `http://127.0.0.1:${port}`;
    while (!(await fetch(`${url}/healthz`).catch(() => undefined))?.ok) {
      expect(child.exitCode).toBeNull();
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    await fillLog(url);
    const ending = await terminate(child);
    expect(ending).toMatchObject({ code: 0, signal: null });
    expect(ending.afterMs).toBeLessThan(10_000);
  });
});
