import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CytoError } from "../../src/core/index.js";

/** Whether the real ffmpeg is installed; tests that need it skip without it and say so in their names. */
export const hasFfmpeg = spawnSync("ffmpeg", ["-version"]).status === 0;

/** Makes a media file by ffmpeg. */
export function makeMedia(path: string, input: string, ...encoding: readonly string[]): string {
  const made = spawnSync("ffmpeg", ["-v", "error", "-y", "-f", "lavfi", "-i", input, ...encoding, path]);
  if (made.status !== 0) throw new Error(`ffmpeg cannot make ${path}: ${made.stderr.toString()}`);
  return path;
}

/** A folder that is removed when the tests of a file are over. */
export async function temporaryFolder(): Promise<{ readonly path: string; readonly remove: () => Promise<void> }> {
  const path = await mkdtemp(join(tmpdir(), "cytostream-drivers-"));
  return { path, remove: () => rm(path, { recursive: true, force: true }) };
}

/** A port of loopback on which nothing listens at the moment. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}

/** An MJPEG server as ffmpeg offers it: one client, then it ends. */
export function startMjpegServer(port: number): { readonly process: ChildProcess; readonly kill: () => Promise<void> } {
  const child = spawn(
    "ffmpeg",
    ["-v", "error", "-re", "-f", "lavfi", "-i", "testsrc=size=160x120:rate=20"].concat([
      "-c:v",
      "mjpeg",
      "-q:v",
      "3",
      "-f",
      "mpjpeg",
      "-listen",
      "1",
      `http://127.0.0.1:${port}/stream`,
    ]),
    { stdio: "ignore" },
  );
  const ended = once(child, "exit");
  return {
    process: child,
    kill: async () => {
      child.kill("SIGKILL");
      await ended;
    },
  };
}

/** Sends a test picture by RTSP to whoever listens there; ends at once where nobody does. */
export const startRtspSender = (address: string): ChildProcess =>
  spawn(
    "ffmpeg",
    ["-v", "error", "-re", "-f", "lavfi", "-i", "testsrc=size=160x120:rate=20", "-c:v", "mpeg4", "-g", "10"].concat([
      "-f",
      "rtsp",
      "-rtsp_transport",
      "tcp",
      address,
    ]),
    { stdio: "ignore" },
  );

/** The code of the error that an operation ends with, or "none". */
export async function codeOf(work: PromiseLike<unknown>): Promise<string> {
  try {
    await work;
    return "none";
  } catch (error) {
    if (error instanceof CytoError) return error.code;
    throw error;
  }
}
