import { z } from "zod";
import type { DriverManifest } from "../../contract.js";

const playUm = (axis: string) =>
  z
    .number()
    .min(0)
    .max(1000)
    .default(0)
    .describe(`Play of the ${axis} axis, um: on a reversal it follows that much later`);
const travel = (to: number, axis: string, from = 0) =>
  z
    .strictObject({ min: z.number().default(from), max: z.number().default(to) })
    .prefault({})
    .describe(`Travel of the ${axis} axis, um`);
const scaleError = z.number().min(-0.2).max(0.2).default(0);

export const virtualStageOptionsSchema = z.strictObject({
  microscope: z
    .string()
    .min(1)
    .default("default")
    .describe("Name of the virtual microscope, as the virtual camera has it"),
  speedUmPerS: z.number().positive().max(1e9).default(10_000).describe("Speed, um/s"),
  accelerationUmPerS2: z.number().positive().max(1e12).default(200_000).describe("Acceleration, um/s2"),
  settleMs: z.number().min(0).max(5000).default(0).describe("Time for which the table swings after its arrival, ms"),
  settleUm: z.number().min(0).max(100).default(2).describe("How far it swings at first, um"),
  backlashUm: z
    .strictObject({ x: playUm("x"), y: playUm("y"), z: playUm("z") })
    .prefault({})
    .describe("Play of the axes"),
  rotationDegrees: z.number().min(-180).max(180).default(0).describe("Of the stage's axes against the picture's"),
  mirrored: z.boolean().default(false).describe("Whether the stage's y runs against the picture's"),
  scaleError: z
    .strictObject({ x: scaleError, y: scaleError })
    .prefault({})
    .describe("By which share of a way the stage goes too far"),
  stepUm: z.number().min(0.001).max(100).default(0.1).describe("Smallest step, um"),
  referenced: z.boolean().default(false).describe("Whether it knows where it is from the start"),
  travelUm: z
    .strictObject({ x: travel(12_000, "x"), y: travel(8000, "y"), z: travel(100, "z", -100) })
    .prefault({})
    .describe("How far the axes go"),
});
export type VirtualStageOptions = z.output<typeof virtualStageOptionsSchema>;

export const manifest: DriverManifest<VirtualStageOptions> = {
  name: "virtual",
  title: "Virtual stage",
  description:
    "The stage of the virtual microscope: moves the virtual slide, with the faults of real ones where asked.",
  simulated: true,
  sourceSyntax: "none",
  options: virtualStageOptionsSchema,
};

export default manifest;
