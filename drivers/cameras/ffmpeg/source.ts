import { CytoError } from "../../../src/core/index.js";
import type { FfmpegCameraOptions } from "./manifest.js";
import type { FfmpegVersion } from "./version.js";

/** What a path on this machine is; found out by the caller. */
export type PathKind = "file" | "device" | "absent";

export interface FfmpegSource {
  /** Fit to be shown and logged: without user name, password and tokens. */
  readonly shown: string;
  /** Options before `-i`, and the input itself, each an argument of its own; no shell sees them. */
  readonly inputArguments: readonly string[];
  /** `finite`: has an end; `live`: has none; `unknown`: the container tells. */
  readonly extent: "finite" | "live" | "unknown";
}

/** Schemes that are opened, and the protocols that ffmpeg may use for each: a playlist must not read this machine's files. */
const protocolsOf: Readonly<Record<string, string>> = {
  http: "http,https,httpproxy,tcp,tls,crypto",
  https: "http,https,httpproxy,tcp,tls,crypto",
  rtsp: "rtsp,rtsps,rtp,srtp,udp,tcp,tls,http,https",
  rtsps: "rtsp,rtsps,rtp,srtp,udp,tcp,tls,http,https",
  rtmp: "rtmp,tcp",
  rtp: "rtp,srtp,udp",
  udp: "udp",
  tcp: "tcp",
  srt: "srt",
};

/** Scheme, lower case, in front of `://`. */
const schemeOf = (source: string): string | undefined => /^([a-z][a-z0-9+.-]*):\/\//i.exec(source)?.[1]?.toLowerCase();

/** The path of a source on this machine, undefined for an address. */
export function localPathOf(source: string): string | undefined {
  const scheme = schemeOf(source);
  if (scheme === undefined) return source;
  return scheme === "file" ? source.slice("file://".length) : undefined;
}

const secretKey = /pass|pwd|token|key|secret|auth|sig/i;

/** A source without what must not be seen: user name and password, and values of telling names in the query. */
export function redactSource(source: string): string {
  if (schemeOf(source) === undefined) return source;
  const withoutUser = source.replace(/^([a-z][a-z0-9+.-]*:\/\/)[^/?#]*@/i, "$1***@");
  return withoutUser.replace(/([?&])([^=&#]*)=([^&#]*)/g, (all, mark: string, key: string) =>
    secretKey.test(key) ? `${mark}${key}=***` : all,
  );
}

const microseconds = (ms: number): string => String(Math.round(ms * 1000));

const pairs = (options: Readonly<Record<string, string>>): string[] =>
  Object.entries(options).flatMap(([name, value]) => [`-${name}`, value]);

/** Little waiting before the first picture, none after it, and no picture from a packet known to be damaged. */
const liveArguments = ["-fflags", "+nobuffer+discardcorrupt", "-flags", "low_delay", "-analyzeduration", "1000000"];

function networkArguments(scheme: string, options: FfmpegCameraOptions, version: FfmpegVersion): string[] {
  // A second line of defence behind the driver's own watchdog: ffmpeg ends by itself should the daemon have been killed.
  const timeout = microseconds(Math.max(options.openTimeoutMs, options.stallTimeoutMs) + 2_000);
  if (scheme === "rtsp" || scheme === "rtsps") {
    const timeoutOption = version.major >= 5 ? "-timeout" : "-stimeout";
    return ["-rtsp_transport", options.rtspTransport, timeoutOption, timeout];
  }
  return scheme === "http" || scheme === "https" || scheme === "tcp" ? ["-rw_timeout", timeout] : [];
}

function deviceArguments(options: FfmpegCameraOptions): string[] {
  const asked: Record<string, string> = {};
  if (options.inputFormat !== undefined) asked.input_format = options.inputFormat;
  if (options.frameSize !== undefined) asked.video_size = options.frameSize;
  if (options.framesPerSecond !== undefined) asked.framerate = String(options.framesPerSecond);
  return ["-f", "v4l2", ...pairs(asked)];
}

/**
 * The arguments that open a source.
 * @throws CytoError CAMERA_SOURCE_NOT_FOUND without a source or where its path is not there, CAMERA_UNSUPPORTED for a scheme
 *   that is not opened
 */
export function parseSource(
  source: string | undefined,
  options: FfmpegCameraOptions,
  environment: { readonly pathKind: PathKind; readonly version: FfmpegVersion },
): FfmpegSource {
  if (source === undefined || source === "") {
    throw new CytoError("CAMERA_SOURCE_NOT_FOUND", "The ffmpeg camera needs a source: a file, a device or an address.");
  }
  if (source.includes("\0")) throw new CytoError("CAMERA_SOURCE_NOT_FOUND", "A source cannot contain a zero byte.");
  const path = localPathOf(source);
  if (path !== undefined) return localSource(path, options, environment.pathKind);
  const scheme = schemeOf(source) ?? "";
  const protocols = protocolsOf[scheme];
  const shown = redactSource(source);
  if (protocols === undefined) {
    throw new CytoError("CAMERA_UNSUPPORTED", `Sources of the scheme ${scheme} are not opened.`, {
      context: { source: shown, schemes: Object.keys(protocolsOf) },
      remedy: `Give a file, a device, or an address with one of: ${Object.keys(protocolsOf).join(", ")}.`,
    });
  }
  return {
    shown,
    extent: scheme === "http" || scheme === "https" ? "unknown" : "live",
    inputArguments: [
      ...["-protocol_whitelist", protocols, ...liveArguments],
      ...networkArguments(scheme, options, environment.version),
      ...[...pairs(options.inputOptions), "-i", source],
    ],
  };
}

function localSource(path: string, options: FfmpegCameraOptions, kind: PathKind): FfmpegSource {
  if (kind === "absent") {
    throw new CytoError("CAMERA_SOURCE_NOT_FOUND", `There is no ${path}.`, { context: { source: path } });
  }
  const further = pairs(options.inputOptions);
  if (kind === "device") {
    return { shown: path, extent: "live", inputArguments: [...deviceArguments(options), ...further, "-i", path] };
  }
  // "file:" keeps a colon in a name from being read as a protocol.
  const playing = [...(options.realTime ? ["-re"] : []), ...(options.repeat ? ["-stream_loop", "-1"] : [])];
  const opening = ["-protocol_whitelist", "file", ...playing, ...further, "-i", `file:${path}`];
  return { shown: path, extent: "finite", inputArguments: opening };
}
