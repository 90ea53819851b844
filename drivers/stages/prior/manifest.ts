import { z } from "zod";
import type { DriverManifest } from "../../contract.js";
import { homingOption, portOptions, zOption } from "../axes.js";

const percent = z.number().int().min(1).max(100).optional();

export const priorOptionsSchema = z.strictObject({
  ...portOptions(9600),
  z: zOption(true),
  homing: homingOption(false),
  umPerStep: z
    .strictObject({ xy: z.number().positive().max(100).optional(), z: z.number().positive().max(100).optional() })
    .prefault({})
    .describe("Way of a step, um; what the controller tells (RES) where it is not given"),
  speedPercent: z
    .strictObject({ xy: percent, z: percent })
    .prefault({})
    .describe("Greatest speed, percent of what the controller can; its own setting where it is not given"),
});
export type PriorOptions = z.output<typeof priorOptionsSchema>;

export const manifest: DriverManifest<PriorOptions> = {
  name: "prior",
  title: "Prior ProScan",
  description: "Prior ProScan II and III with a motorised stage, and with a focus drive where it has one.",
  simulated: false,
  sourceSyntax: "a serial port, e.g. /dev/ttyUSB0",
  options: priorOptionsSchema,
};

export default manifest;
