import { z } from "zod";
import type { DriverManifest } from "../../contract.js";
import { pixelFormatNames } from "./pixelFormats.js";

const milliseconds = (fallback: number, description: string) =>
  z.int().min(100).max(120_000).default(fallback).describe(description);

const featureName = z.string().regex(/^[A-Za-z][A-Za-z0-9_]{0,80}$/);
const featureValue = z.union([z.string().regex(/^[A-Za-z0-9_.+-]{1,80}$/), z.number(), z.boolean()]);
const side = z.int().min(1).max(65_535);

export const genicamCameraOptionsSchema = z.strictObject({
  pixelFormat: z
    .enum(pixelFormatNames)
    .optional()
    .describe("Pixel format asked of the camera; without it, the one that it has"),
  exposureUs: z.number().positive().max(1e8).optional().describe("Exposure, us; without it, as the camera has it"),
  gain: z.number().min(0).max(1000).optional().describe("Gain, dB, or the camera's own steps where it knows no others"),
  whiteBalance: z
    .union([
      z.enum(["off", "once", "continuous"]),
      z.strictObject({ red: z.number().positive().max(100), blue: z.number().positive().max(100) }),
    ])
    .optional()
    .describe("The camera's automatic, or ratios of red and blue to green"),
  binning: z.int().min(1).max(16).optional().describe("Pixels that are joined, in each direction"),
  region: z
    .strictObject({ x: z.int().min(0).default(0), y: z.int().min(0).default(0), width: side, height: side })
    .optional()
    .describe("Part of the sensor that is read, px"),
  framesPerSecond: z.number().min(0.01).max(10_000).optional().describe("Frame rate asked of the camera"),
  trigger: z
    .strictObject({
      source: featureName.describe("Input of the camera, e.g. Line1"),
      activation: z.enum(["RisingEdge", "FallingEdge", "AnyEdge", "LevelHigh", "LevelLow"]).optional(),
    })
    .optional()
    .describe("Expose at a signal instead of at a rate; signals must come at least every 2 s"),
  features: z
    .record(featureName, featureValue)
    .default({})
    .describe("Further features of the camera by their GenICam names, set last and in this order"),
  packetResend: z.boolean().default(true).describe("Ask the camera again for lost packets (GigE Vision)"),
  packetSize: z.int().min(100).max(16_000).optional().describe("Bytes of a packet (GigE Vision)"),
  packetDelayNs: z.int().min(0).max(1e9).optional().describe("Pause between packets, ns (GigE Vision)"),
  buffers: z.int().min(3).max(200).default(12).describe("Frames that aravis can hold"),
  openTimeoutMs: milliseconds(10_000, "Time for the first frame to come, ms"),
  stallTimeoutMs: milliseconds(3_000, "Longest time from frame to frame, ms; then the camera counts as frozen"),
  maxMegapixels: z.number().positive().max(1000).default(64).describe("Larger frames are refused"),
  gstreamerPath: z.string().min(1).default("gst-launch-1.0").describe("The program gst-launch-1.0"),
  aravisToolPath: z.string().min(1).default("arv-tool-0.8").describe("The program arv-tool-0.8"),
});
export type GenicamCameraOptions = z.output<typeof genicamCameraOptionsSchema>;

export const manifest: DriverManifest<GenicamCameraOptions> = {
  name: "genicam",
  title: "GigE Vision and USB3 Vision",
  description: "Industrial cameras with GigE Vision or USB3 Vision. Needs aravis and GStreamer installed.",
  simulated: false,
  sourceSyntax: "the camera's IP address, or its name as arv-tool-0.8 lists it",
  options: genicamCameraOptionsSchema,
};
