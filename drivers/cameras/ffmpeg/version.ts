import { spawn } from "node:child_process";
import { CytoError } from "../../../src/core/index.js";

export interface FfmpegVersion {
  /** As ffmpeg calls itself, e.g. `5.1.9-0+deb12u1`. */
  readonly text: string;
  /** Infinity for builds from the repository, which carry no number. */
  readonly major: number;
  readonly minor: number;
}

const timeoutMs = 10_000;

/** The version in the first line of `ffmpeg -version`, or undefined where it is another program's. */
export function parseVersion(output: string): FfmpegVersion | undefined {
  const text = /^ffmpeg version (\S+)/.exec(output)?.[1];
  if (text === undefined) return undefined;
  const [, major, minor] = /^n?(\d+)\.(\d+)/.exec(text) ?? [];
  if (major === undefined || minor === undefined) return { text, major: Number.POSITIVE_INFINITY, minor: 0 };
  return { text, major: Number(major), minor: Number(minor) };
}

export const isAtLeast = (version: FfmpegVersion, major: number, minor: number): boolean =>
  version.major > major || (version.major === major && version.minor >= minor);

const notFound = (path: string, why: string, cause?: unknown): CytoError =>
  new CytoError("FFMPEG_NOT_FOUND", `${path} ${why}.`, { cause, context: { ffmpegPath: path } });

/**
 * Asks ffmpeg for its version.
 * @throws CytoError FFMPEG_NOT_FOUND where it is not there, cannot be started, is another program, or older than 4.4
 */
export async function probeFfmpeg(path: string, signal?: AbortSignal): Promise<FfmpegVersion> {
  signal?.throwIfAborted();
  const output = await new Promise<string>((resolve, reject) => {
    const child = spawn(path, ["-version"], { stdio: ["ignore", "pipe", "ignore"], timeout: timeoutMs, signal });
    let text = "";
    child.stdout.setEncoding("utf8").on("data", (part: string) => {
      if (text.length < 4096) text += part;
    });
    child.once("error", (error) => {
      reject(signal?.aborted === true ? signal.reason : notFound(path, `cannot be started (${error.message})`, error));
    });
    child.once("close", () => resolve(text));
  });
  const version = parseVersion(output);
  if (version === undefined) throw notFound(path, "does not answer as ffmpeg does");
  if (!isAtLeast(version, 4, 4)) throw notFound(path, `is ffmpeg ${version.text}; 4.4 or later is needed`);
  return version;
}
