import { z } from "zod";
import type { DriverManifest } from "../../contract.js";
import { configurationShape } from "../../micromanager/configuration.js";

const milliseconds = (fallback: number, description: string) =>
  z.int().min(100).max(120_000).default(fallback).describe(description);

const side = z.int().min(1).max(65_535);

export const micromanagerCameraOptionsSchema = z.strictObject({
  ...configurationShape,
  camera: z
    .string()
    .min(1)
    .optional()
    .describe("Label of the camera; without it, the one that the configuration names"),
  exposureMs: z.number().positive().max(600_000).optional().describe("Exposure, ms; without it, as configured"),
  binning: z.int().min(1).max(64).optional().describe("Pixels that are joined, in each direction"),
  region: z
    .strictObject({ x: z.int().min(0).default(0), y: z.int().min(0).default(0), width: side, height: side })
    .optional()
    .describe("Part of the sensor that is read, px"),
  properties: z
    .record(z.string().min(1), z.string())
    .default({})
    .describe("Properties of the camera by the names of its adapter, set before it streams"),
  openTimeoutMs: milliseconds(30_000, "Time for the camera to be set and the first frame to come, ms"),
  stallTimeoutMs: milliseconds(5_000, "Longest time from frame to frame, ms; then the camera counts as frozen"),
  maxMegapixels: z.number().positive().max(1000).default(64).describe("Larger frames are refused"),
});
export type MicromanagerCameraOptions = z.output<typeof micromanagerCameraOptionsSchema>;

export const manifest: DriverManifest<MicromanagerCameraOptions> = {
  name: "micromanager",
  title: "Micro-Manager",
  description: "Any camera that Micro-Manager has an adapter for. Needs a Python with pymmcore-nano.",
  simulated: false,
  sourceSyntax: "a configuration file of Micro-Manager, e.g. scope.cfg; none where the option `devices` lists them",
  options: micromanagerCameraOptionsSchema,
};
