import { z } from "zod";
import type { DriverManifest } from "../../contract.js";
import { homingOption, portOptions, zOption } from "../axes.js";

const letter = (name: string) =>
  z
    .string()
    .regex(/^[A-Za-z]$/)
    .transform((text) => text.toUpperCase())
    .default(name);

export const asiOptionsSchema = z.strictObject({
  ...portOptions(9600),
  letters: z
    .strictObject({ x: letter("X"), y: letter("Y"), z: letter("Z") })
    .prefault({})
    .describe("The controller's letters of the axes"),
  z: zOption(true),
  homing: homingOption(false),
  speedMmPerS: z
    .number()
    .positive()
    .max(100)
    .optional()
    .describe("Speed of x and y, mm/s; the controller's own where it is not given"),
});
export type AsiOptions = z.output<typeof asiOptionsSchema>;

export const manifest: DriverManifest<AsiOptions> = {
  name: "asi",
  title: "ASI MS-2000 or Tiger",
  description: "Applied Scientific Instrumentation's MS-2000, RM-2000 and Tiger (TG-1000).",
  simulated: false,
  sourceSyntax: "a serial port, e.g. /dev/ttyUSB0",
  options: asiOptionsSchema,
};

export default manifest;
