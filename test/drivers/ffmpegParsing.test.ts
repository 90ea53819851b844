import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FrameAssembler, type RawFrame } from "../../drivers/cameras/ffmpeg/frameAssembler.js";
import { manifest } from "../../drivers/cameras/ffmpeg/manifest.js";
import { parseSource, redactSource } from "../../drivers/cameras/ffmpeg/source.js";
import {
  failureReason,
  frameIntervalOf,
  frameSizeOf,
  hasDuration,
  parseLine,
  tellsFault,
} from "../../drivers/cameras/ffmpeg/stderr.js";
import { isAtLeast, parseVersion } from "../../drivers/cameras/ffmpeg/version.js";
import { LineSplitter } from "../../drivers/process/lineSplitter.js";
import { CytoError } from "../../src/core/index.js";

const size = fc.record({ width: fc.integer({ min: 1, max: 12 }), height: fc.integer({ min: 1, max: 9 }) });

describe("FrameAssembler", () => {
  it("cuts a pipe into its frames, wherever the chunks end and whenever the sizes are told", () => {
    fc.assert(
      fc.property(
        fc.array(size, { minLength: 1, maxLength: 8 }),
        fc.infiniteStream(fc.integer({ min: 1, max: 200 })),
        fc.infiniteStream(fc.boolean()),
        (sizes, lengths, early) => {
          const total = sizes.reduce((sum, { width, height }) => sum + width * height * 3, 0);
          const bytes = Uint8Array.from({ length: total }, (_, index) => (index * 31) % 251);
          const assembler = new FrameAssembler(1_000);
          const untold = [...sizes];
          const frames: RawFrame[] = [];
          let at = 0;
          while (frames.length < sizes.length) {
            const next = untold[0];
            if (next !== undefined && (early.next().value === true || !assembler.hungry)) {
              assembler.expect(next);
              untold.shift();
            }
            if (assembler.hungry && at < total) {
              const end = Math.min(total, at + (lengths.next().value ?? 1));
              assembler.push(bytes.subarray(at, end));
              at = end;
            }
            const frame = assembler.take();
            if (frame !== undefined) frames.push(frame);
          }
          expect(frames.map(({ width, height }) => ({ width, height }))).toEqual(sizes);
          expect(Buffer.concat(frames.map(({ pixels }) => pixels)).equals(bytes)).toBe(true);
          expect(frames.every(({ pixels }) => pixels.buffer.byteLength === pixels.length)).toBe(true);
          expect(assembler.partial).toBe(false);
        },
      ),
    );
  });

  it("knows when a frame is cut off", () => {
    const assembler = new FrameAssembler(100);
    assembler.expect({ width: 2, height: 1 });
    assembler.push(new Uint8Array(5));
    expect([assembler.take(), assembler.partial]).toEqual([undefined, true]);
  });

  it("refuses frames without area and over the limit before it allocates them", () => {
    const assembler = new FrameAssembler(100);
    const codeOf = (width: number, height: number): string => {
      try {
        assembler.expect({ width, height });
        return "accepted";
      } catch (error) {
        return error instanceof CytoError ? error.code : "foreign";
      }
    };
    expect([codeOf(0, 4), codeOf(11, 10), codeOf(99_999, 99_999), codeOf(10, 10)]).toEqual([
      "FRAME_INVALID",
      "IMAGE_TOO_LARGE",
      "IMAGE_TOO_LARGE",
      "accepted",
    ]);
  });
});

describe("ffmpeg's standard error", () => {
  it("comes as lines, whatever the pieces", () => {
    const line = fc.stringMatching(/^[ -~]{1,40}$/);
    fc.assert(
      fc.property(fc.array(line), fc.infiniteStream(fc.integer({ min: 1, max: 30 })), (lines, lengths) => {
        const splitter = new LineSplitter();
        let text = lines.map((one) => `${one}\n`).join("");
        const heard: string[] = [];
        while (text !== "") {
          const length = lengths.next().value ?? 1;
          heard.push(...splitter.push(text.slice(0, length)));
          text = text.slice(length);
        }
        expect([...heard, ...splitter.end()]).toEqual(lines);
      }),
    );
  });

  it("does not fill the memory with a line that does not end", () => {
    const splitter = new LineSplitter(100);
    for (let count = 0; count < 1_000; count++) splitter.push("x".repeat(1_000));
    expect(splitter.end()[0]?.length).toBeLessThanOrEqual(100);
  });

  it("can be any text", () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const line = parseLine(text);
        expect(text.endsWith(line.text)).toBe(true);
        for (const read of [frameSizeOf, frameIntervalOf, hasDuration, tellsFault]) read(line);
        failureReason([line, { ...line, level: "error" }], text);
      }),
    );
  });

  it("tells sizes, rates, durations and lost frames", () => {
    const show = "[Parsed_showinfo_0 @ 0x5555b3ae5380] [info] ";
    const first = `${show}n:   0 pts:      0 pts_time:0       pos:        0 fmt:yuvj444p sar:1/1 s:320x240 i:P iskey:1 type:I `;
    expect(frameSizeOf(parseLine(first))).toEqual({ width: 320, height: 240 });
    const later = `${show}n: 12 pts: 12 pts_time:1.2 duration: 1 fmt:rgb24 cl:unspecified sar:1/1 s:2448x2048 i:P`;
    expect(frameSizeOf(parseLine(later))).toEqual({ width: 2448, height: 2048 });
    expect(frameSizeOf(parseLine("[info] n: 0 s:320x240 "))).toBeUndefined();
    expect(frameIntervalOf(parseLine(`${show}config in time_base: 1/1200000, frame_rate: 1/4`))).toBe(4000);
    expect(frameIntervalOf(parseLine(`${show}config in time_base: 1/1200000, frame_rate: 0/0`))).toBeUndefined();
    expect(hasDuration(parseLine("[info]   Duration: 00:00:02.00, start: 0.000000, bitrate: 46 kb/s"))).toBe(true);
    expect(hasDuration(parseLine("[info]   Duration: N/A, bitrate: N/A"))).toBe(false);
    expect(hasDuration(parseLine("[info] Stream mapping:"))).toBeUndefined();
    expect(tellsFault(parseLine("[error] Error while decoding stream #0:0: Invalid data found"))).toBe(true);
    expect(tellsFault(parseLine("[vist#0:0/h264 @ 0x1] [error] Error submitting packet to decoder: x"))).toBe(true);
  });

  // As reported by ffmpeg 5.1 and 9.0, and by V4L2 devices, which cannot be had here.
  it.each([
    ["[error] /a.mp4: No such file or directory", "CAMERA_SOURCE_NOT_FOUND"],
    ["[error] /dev/video7: No such device or address", "CAMERA_SOURCE_NOT_FOUND"],
    ["[https @ 0x1] [error] HTTP error 404 Not Found", "CAMERA_SOURCE_NOT_FOUND"],
    ["[tcp @ 0x1] [error] Connection to tcp://127.0.0.1:1?timeout=0 failed: Connection refused", "CAMERA_UNREACHABLE"],
    ["[tcp @ 0x1] [error] Failed to resolve hostname cam: Name or service not known", "CAMERA_UNREACHABLE"],
    ["[error] rtsp://cam/1: Connection timed out", "CAMERA_UNREACHABLE"],
    ["[http @ 0x1] [error] HTTP error 503 Service Unavailable", "CAMERA_UNREACHABLE"],
    ["[error] http://cam: Server returned 5XX Server Error reply", "CAMERA_UNREACHABLE"],
    ["[in#0 @ 0x1] [error] Error opening input: Input/output error", "CAMERA_UNREACHABLE"],
    ["[video4linux2,v4l2 @ 0x1] [error] ioctl(VIDIOC_STREAMON): Device or resource busy", "CAMERA_BUSY"],
    ["[video4linux2,v4l2 @ 0x1] [error] Cannot open video device /dev/video0: Permission denied", "CAMERA_DENIED"],
    ["[rtsp @ 0x1] [error] method DESCRIBE failed: 401 Unauthorized", "CAMERA_DENIED"],
    ["[error] http://cam: Server returned 403 Forbidden (access denied)", "CAMERA_DENIED"],
    ["[error] /a.txt: Invalid data found when processing input", "CAMERA_UNSUPPORTED"],
    ["[mov,mp4,m4a,3gp,3g2,mj2 @ 0x1] [error] moov atom not found", "CAMERA_UNSUPPORTED"],
    ["[fatal] Stream map '0:v:0' matches no streams.", "CAMERA_UNSUPPORTED"],
    ["[fatal] Unrecognized option 'foo'.", "CAMERA_UNSUPPORTED"],
  ])("%s means %s", (line, code) => {
    expect(failureReason([parseLine("[info] Input #0"), parseLine(line)], "")?.code).toBe(code);
  });

  it("believes the telling line, not the general one that follows, and no name of a file", () => {
    const lines = [
      "[tcp @ 0x1] [error] Failed to resolve hostname cam: Name or service not known",
      "[error] Error opening input file http://cam/Permission denied.",
      "[error] Error opening input files: Input/output error",
    ].map(parseLine);
    expect(failureReason(lines, "http://cam/Permission denied")?.text).toMatch(/Failed to resolve/);
    expect(failureReason([parseLine("[warning] Connection refused")], "")).toBeUndefined();
  });
});

describe("sources of the ffmpeg camera", () => {
  const version = { text: "5.1", major: 5, minor: 1 };
  const options = manifest.options.parse({ frameSize: "1920x1080", framesPerSecond: 15, inputFormat: "mjpeg" });
  const open = (source: string, pathKind: "file" | "device" | "absent" = "file") =>
    parseSource(source, options, { pathKind, version });

  it("become arguments of their own, the last of them the input", () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1 }), (text) => {
        const path = text.replaceAll("\0", "").replaceAll("://", "");
        if (path === "") return;
        const { inputArguments, extent } = open(path);
        expect(inputArguments.slice(-2)).toEqual(["-i", `file:${path}`]);
        expect(extent).toBe("finite");
      }),
    );
  });

  it("are opened as what they are", () => {
    const device = open("/dev/video0", "device");
    expect(device.extent).toBe("live");
    expect(device.inputArguments.join(" ")).toBe(
      "-f v4l2 -input_format mjpeg -video_size 1920x1080 -framerate 15 -i /dev/video0",
    );
    expect(open("rtsp://cam/1").inputArguments).toContain("-rtsp_transport");
    expect(open("http://cam/video").extent).toBe("unknown");
    expect(open("file:///a/b.mp4").inputArguments.at(-1)).toBe("file:/a/b.mp4");
  });

  it("allow the protocols of their scheme only, so that a playlist cannot read files of this machine", () => {
    const { inputArguments } = open("https://cam/live.m3u8");
    const protocols = inputArguments[inputArguments.indexOf("-protocol_whitelist") + 1]?.split(",") ?? [];
    expect(protocols).toContain("https");
    expect(protocols).not.toContain("file");
    for (const source of ["concat://a", "subfile://a", "pipe://0", "data://x", "x-y.z+1://a"]) {
      expect(() => open(source)).toThrow(expect.objectContaining({ code: "CAMERA_UNSUPPORTED" }));
    }
  });

  it("are shown without their secrets", () => {
    expect(redactSource("rtsp://user:p%40ss@cam:554/1")).toBe("rtsp://***@cam:554/1");
    expect(redactSource("http://cam/v?width=640&token=abc&authKey=d#x")).toBe(
      "http://cam/v?width=640&token=***&authKey=***#x",
    );
    expect(redactSource("/home/user:pass@x/video.mp4")).toBe("/home/user:pass@x/video.mp4");
    fc.assert(
      fc.property(fc.stringMatching(/^[a-z0-9:%@]{1,20}$/), (secret) => {
        expect(redactSource(`rtsp://u${secret}@cam/1`)).toBe("rtsp://***@cam/1");
      }),
    );
  });
});

describe("ffmpeg's version", () => {
  it.each([
    ["ffmpeg version 5.1.9-0+deb12u1 Copyright (c) 2000-2026", 5, 1],
    ["ffmpeg version n9.0.2-17-g2a571b6068-20260930 Copyright", 9, 0],
    ["ffmpeg version 4.4.2-0ubuntu0.22.04.1 Copyright", 4, 4],
    ["ffmpeg version N-112233-gabcdef Copyright", Number.POSITIVE_INFINITY, 0],
  ])("%s", (line, major, minor) => {
    expect(parseVersion(line)).toMatchObject({ major, minor });
  });

  it("is compared by numbers, and no other program has one", () => {
    expect(isAtLeast({ text: "", major: 10, minor: 0 }, 5, 1)).toBe(true);
    expect(isAtLeast({ text: "", major: 5, minor: 0 }, 5, 1)).toBe(false);
    expect(parseVersion("avconv version 12")).toBeUndefined();
  });
});
