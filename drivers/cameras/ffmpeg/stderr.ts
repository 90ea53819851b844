import type { ErrorCode } from "../../../src/core/index.js";

/** A line of what ffmpeg reports with `-loglevel level+info`. */
export interface FfmpegLine {
  /** Part of ffmpeg that speaks, e.g. `mjpeg` or `Parsed_showinfo_0`. */
  readonly component: string | undefined;
  readonly level: string | undefined;
  readonly text: string;
}

export interface FrameSize {
  readonly width: number;
  readonly height: number;
}

const componentPrefix = /^\[([^[\]]*?)(?: @ 0x[0-9a-f]+)\] /;
const levelPrefix = /^\[(quiet|panic|fatal|error|warning|info|verbose|debug|trace)\] /;

/** Takes a line apart. Every text is a line. */
export function parseLine(line: string): FfmpegLine {
  let text = line;
  let component: string | undefined;
  for (let match = componentPrefix.exec(text); match !== null; match = componentPrefix.exec(text)) {
    component ??= match[1];
    text = text.slice(match[0].length);
  }
  const level = levelPrefix.exec(text);
  return { component, level: level?.[1], text: level === null ? text : text.slice(level[0].length) };
}

/** The size of the next frame on the pipe, where the line tells one (filter `showinfo`). */
export function frameSizeOf({ component, text }: FfmpegLine): FrameSize | undefined {
  if (component?.startsWith("Parsed_showinfo") !== true) return undefined;
  const match = /^n: *\d+ .*? s:(\d{1,6})x(\d{1,6}) /.exec(`${text} `);
  return match === null ? undefined : { width: Number(match[1]), height: Number(match[2]) };
}

/** Time from frame to frame that the source declares, ms, where the line tells (filter `showinfo`). */
export function frameIntervalOf({ component, text }: FfmpegLine): number | undefined {
  if (component?.startsWith("Parsed_showinfo") !== true) return undefined;
  const [, frames, seconds] = /^config in .*frame_rate: (\d{1,9})\/(\d{1,9})/.exec(text) ?? [];
  const rate = Number(frames) / Number(seconds);
  return rate > 0 && Number.isFinite(rate) ? 1000 / rate : undefined;
}

/** Whether the input has an end, where the line tells: containers of files know their duration, live streams do not. */
export function hasDuration({ text }: FfmpegLine): boolean | undefined {
  const match = /^ *Duration: ([^,]+),/.exec(text);
  return match === null ? undefined : match[1] !== "N/A";
}

const faultText =
  /^(Error while decoding stream|Error submitting packet to decoder|concealing \d+ )|corrupt decoded frame/i;

/** Whether a line tells that a frame was lost or damaged while the stream goes on. */
export const tellsFault = ({ text }: FfmpegLine): boolean => faultText.test(text);

/** From telling to general: an open that fails is reported by several parts of ffmpeg, the last of which says least. */
const reasons: readonly (readonly [ErrorCode, RegExp])[] = [
  [
    "CAMERA_DENIED",
    /Permission denied|Operation not permitted|\b401\b.*Unauthorized|\b403\b.*Forbidden|authorization failed/i,
  ],
  ["CAMERA_BUSY", /Device or resource busy|Address already in use/i],
  ["CAMERA_SOURCE_NOT_FOUND", /\b404\b.*Not Found|No such file or directory|No such device/i],
  [
    "CAMERA_UNREACHABLE",
    /Connection refused|timed out|unreachable|No route to host|Failed to resolve|Name or service not known|Temporary failure in name resolution|Connection reset|Broken pipe|Server returned 5|HTTP error 5\d\d|Host is down/i,
  ],
  [
    "CAMERA_UNSUPPORTED",
    /matches no streams|does not contain any stream|Protocol not found|protocol .*not on whitelist|not found in the whitelist|Is a directory|Unknown input format|Decoder .*not found|moov atom not found|Unrecognized option|Option .*not found|Error parsing option|Server returned 4|HTTP error 4\d\d|Inappropriate ioctl/i,
  ],
  ["CAMERA_UNSUPPORTED", /Invalid data found|Could not find codec parameters|Invalid argument|Error opening filters/i],
  ["CAMERA_UNREACHABLE", /Input\/output error|End of file/i],
];

/** Why ffmpeg gave up. */
export interface FailureReason {
  readonly code: ErrorCode;
  /** The line that tells it best. */
  readonly text: string;
}

const isError = ({ level }: FfmpegLine): boolean => level === "error" || level === "fatal" || level === "panic";

/**
 * Why ffmpeg gave up, by what it reported; undefined where that tells nothing known.
 * @param source the input as it was given: what ffmpeg repeats of it is no reason
 */
export function failureReason(lines: readonly FfmpegLine[], source: string): FailureReason | undefined {
  const errors = lines.filter(isError);
  for (const [code, pattern] of reasons) {
    const line = errors.find(({ text }) => pattern.test(source === "" ? text : text.replaceAll(source, "")));
    if (line !== undefined) return { code, text: line.text };
  }
  return undefined;
}
