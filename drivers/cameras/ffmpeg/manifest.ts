import { z } from "zod";
import type { DriverManifest } from "../../contract.js";

const milliseconds = (fallback: number, description: string) =>
  z.int().min(100).max(120_000).default(fallback).describe(description);

export const ffmpegCameraOptionsSchema = z.strictObject({
  ffmpegPath: z.string().min(1).default("ffmpeg").describe("The ffmpeg program, 4.4 or later"),
  realTime: z.boolean().default(false).describe("Play a video file at its own rate, not as fast as it is consumed"),
  repeat: z.boolean().default(false).describe("Begin a video file again when it is at its end"),
  openTimeoutMs: milliseconds(10_000, "Time for the first frame to come, ms"),
  stallTimeoutMs: milliseconds(5_000, "Longest time from frame to frame, ms; then the source counts as frozen"),
  frameSize: z
    .string()
    .regex(/^\d{2,5}x\d{2,5}$/)
    .optional()
    .describe("Asked of a V4L2 device, e.g. 1920x1080"),
  framesPerSecond: z.number().positive().max(1000).optional().describe("Asked of a V4L2 device"),
  inputFormat: z
    .string()
    .regex(/^[a-z0-9_,]+$/)
    .optional()
    .describe("Asked of a V4L2 device, e.g. mjpeg or yuyv422"),
  rtspTransport: z.enum(["tcp", "udp"]).default("tcp").describe("How RTSP carries the pictures"),
  inputOptions: z
    .record(z.string().regex(/^[a-z][a-z0-9_]*$/), z.string())
    .refine((options) => !("i" in options), { message: "a second input cannot be given" })
    .default({})
    .describe("Further options of ffmpeg for the input, by name without the hyphen"),
  maxMegapixels: z.number().positive().max(1000).default(64).describe("Larger frames are refused"),
});
export type FfmpegCameraOptions = z.output<typeof ffmpegCameraOptionsSchema>;

export const manifest: DriverManifest<FfmpegCameraOptions> = {
  name: "ffmpeg",
  title: "ffmpeg",
  description: "Anything that ffmpeg reads: V4L2 devices, RTSP, MJPEG over HTTP, video files. Needs ffmpeg installed.",
  simulated: false,
  sourceSyntax: "a video file, /dev/video0, or an address (http, https, rtsp, rtsps, rtmp, rtp, udp, tcp, srt)",
  options: ffmpegCameraOptionsSchema,
};
