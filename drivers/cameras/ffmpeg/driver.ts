import { stat } from "node:fs/promises";
import { CytoError } from "../../../src/core/index.js";
import type { CameraDriver, CameraOpenRequest } from "../../contract.js";
import { OwnedProcess } from "../../process/ownedProcess.js";
import { FfmpegCamera } from "./camera.js";
import { findVideoDevices } from "./find.js";
import { type FfmpegCameraOptions, manifest } from "./manifest.js";
import { type FfmpegSource, localPathOf, type PathKind, parseSource } from "./source.js";
import { type FfmpegVersion, isAtLeast, probeFfmpeg } from "./version.js";

async function pathKindOf(path: string): Promise<PathKind> {
  try {
    return (await stat(path)).isCharacterDevice() ? "device" : "file";
  } catch {
    // What may not be looked at is left to ffmpeg, which says why.
    return path.startsWith("/dev/") ? "device" : "absent";
  }
}

/** Frames as they come, none doubled or left out, each in its own size; their sizes on standard error. */
const outputArguments = (version: FfmpegVersion): readonly string[] => [
  ...["-map", "0:v:0", "-an", "-sn", "-dn", "-noautoscale"],
  ...(isAtLeast(version, 5, 1) ? ["-fps_mode", "passthrough"] : ["-vsync", "passthrough"]),
  ...["-vf", "showinfo=checksum=0,format=rgb24", "-c:v", "rawvideo", "-f", "rawvideo", "pipe:1"],
];

const reportArguments = ["-hide_banner", "-nostdin", "-nostats", "-loglevel", "level+info"];

/** Versions of the programs that were asked; a daemon reopens its camera often and its ffmpeg does not change. */
const knownVersions = new Map<string, FfmpegVersion>();
const maxKnownVersions = 8;

async function versionOf(path: string, signal: AbortSignal): Promise<FfmpegVersion> {
  const known = knownVersions.get(path);
  if (known !== undefined) return known;
  const version = await probeFfmpeg(path, signal);
  if (knownVersions.size >= maxKnownVersions) knownVersions.clear();
  knownVersions.set(path, version);
  return version;
}

async function describeSource(
  { source, options }: CameraOpenRequest<FfmpegCameraOptions>,
  version: FfmpegVersion,
): Promise<FfmpegSource> {
  const path = source === undefined ? undefined : localPathOf(source);
  const kind = path === undefined ? "absent" : await pathKindOf(path);
  return parseSource(source, options, { pathKind: kind, version });
}

export const driver: CameraDriver<FfmpegCameraOptions> = {
  manifest,
  find: () => findVideoDevices(),
  async open(request) {
    const { options, signal } = request;
    const version = await versionOf(options.ffmpegPath, signal);
    const source = await describeSource(request, version);
    signal.throwIfAborted();
    const started = [...reportArguments, ...source.inputArguments, ...outputArguments(version)];
    const process = await OwnedProcess.start(options.ffmpegPath, started, {
      notStarted: (why, cause) => new CytoError("FFMPEG_NOT_FOUND", why, { cause }),
    });
    const camera = new FfmpegCamera({ process, source, request });
    try {
      await camera.start();
      return camera;
    } catch (error) {
      await camera[Symbol.asyncDispose]();
      throw error;
    }
  },
};
