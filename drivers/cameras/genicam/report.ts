import type { ErrorCode } from "../../../src/core/index.js";

/** What a line of gst-launch or of aravis tells of the stream. */
export type Report =
  | { readonly kind: "size"; readonly width: number; readonly height: number }
  | { readonly kind: "written"; readonly bytes: number; readonly timestampMs: number | undefined }
  | { readonly kind: "completed"; readonly frameId: bigint }
  | { readonly kind: "lost"; readonly frameId: bigint }
  | { readonly kind: "error"; readonly text: string };

const clockMs = (hours: string, minutes: string, seconds: string): number =>
  (Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds)) * 1000;

/** A line of the standard output of `gst-launch-1.0 -v`. */
export function parseOutput(line: string): Report | undefined {
  if (!line.startsWith("/GstPipeline:")) return undefined;
  if (line.includes("GstFdSink:frames.GstPad:sink: caps = video/x-raw")) {
    const [, width] = /\bwidth=\(int\)(\d{1,6})\b/.exec(line) ?? [];
    const [, height] = /\bheight=\(int\)(\d{1,6})\b/.exec(line) ?? [];
    if (width === undefined || height === undefined) return undefined;
    return { kind: "size", width: Number(width), height: Number(height) };
  }
  const [, bytes, hours, minutes, seconds] =
    /GstIdentity:told: last-message = chain .*? \((\d{1,12}) bytes,.*? pts: (?:none|(\d+):(\d\d):(\d\d\.\d+)),/.exec(
      line,
    ) ?? [];
  if (bytes === undefined) return undefined;
  const told = hours !== undefined && minutes !== undefined && seconds !== undefined;
  return {
    kind: "written",
    bytes: Number(bytes),
    timestampMs: told ? clockMs(hours, minutes, seconds) : undefined,
  };
}

/** A line of its standard error. */
export function parseError(line: string): Report | undefined {
  const [, what, id] = /\[\w*Stream::\w+\] (Completed|Timeout for|Incomplete) frame (\d{1,20})\b/.exec(line) ?? [];
  if (what !== undefined && id !== undefined) {
    return { kind: what === "Completed" ? "completed" : "lost", frameId: BigInt(id) };
  }
  if (line.includes("stream-thread>") || line.trim() === "") return undefined;
  return { kind: "error", text: line };
}

/** Why a pipeline did not start, or ended. */
export interface EndReason {
  readonly code: ErrorCode;
  readonly text: string;
}

const reasons: readonly (readonly [ErrorCode, RegExp])[] = [
  ["GENICAM_TOOLS_NOT_FOUND", /no element "|no such element|plugin .* not found/i],
  ["CAMERA_BUSY", /access[- ]denied|Not controller|control access|busy/i],
  ["CAMERA_UNREACHABLE", /Could not find camera|Can't connect to device|not found/i],
  ["CAMERA_UNSUPPORTED", /not-negotiated|Could not set caps|could not link|could not set property/i],
];

/** Why, by what was told; undefined where that is nothing known. */
export function endReason(lines: readonly string[]): EndReason | undefined {
  for (const [code, pattern] of reasons) {
    const text = lines.find((line) => pattern.test(line));
    if (text !== undefined) return { code, text };
  }
  return undefined;
}
