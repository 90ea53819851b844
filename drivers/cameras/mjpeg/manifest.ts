import { z } from "zod";
import type { DriverManifest } from "../../contract.js";

const milliseconds = (fallback: number, description: string) =>
  z.int().min(100).max(120_000).default(fallback).describe(description);

export const mjpegCameraOptionsSchema = z.strictObject({
  openTimeoutMs: milliseconds(10_000, "Time for the first frame to come, ms"),
  stallTimeoutMs: milliseconds(5_000, "Longest time from frame to frame, ms; then the source counts as frozen"),
  maxRedirects: z.int().min(0).max(10).default(3).describe("Redirections that are followed; 0 = none"),
  maxPictureMiB: z.number().positive().max(256).default(16).describe("Longer pictures are refused unread"),
  maxMegapixels: z.number().positive().max(1000).default(64).describe("Larger frames are refused"),
  verifyTls: z.boolean().default(true).describe("Check the server's certificate with https"),
});
export type MjpegCameraOptions = z.output<typeof mjpegCameraOptionsSchema>;

export const manifest: DriverManifest<MjpegCameraOptions> = {
  name: "mjpeg",
  title: "MJPEG over HTTP",
  description: "Network cameras that serve multipart MJPEG over HTTP, read without ffmpeg.",
  simulated: false,
  sourceSyntax: "an address (http or https) of a stream, e.g. http://192.168.1.20:8080/stream",
  options: mjpegCameraOptionsSchema,
};
