import { z } from "zod";
import type { DriverManifest } from "../../contract.js";
import { homingOption, portOptions, zOption } from "../axes.js";

const letter = (name: string) =>
  z
    .string()
    .regex(/^[A-Za-z]$/)
    .transform((text) => text.toUpperCase())
    .default(name);
const umPerStep = z.number().positive().max(100).default(0.1);

export const ludlOptionsSchema = z.strictObject({
  ...portOptions(9600),
  stopBits: z
    .union([z.literal(1), z.literal(2)])
    .default(2)
    .describe("Stop bits, as the controller is set"),
  letters: z
    .strictObject({ x: letter("X"), y: letter("Y"), z: letter("B") })
    .prefault({})
    .describe("The controller's letters of the axes"),
  umPerStep: z
    .strictObject({ x: umPerStep, y: umPerStep, z: umPerStep })
    .prefault({})
    .describe("Way of a motor step, um: it depends on the stage's screw, and the controller does not tell it"),
  z: zOption(false),
  homing: homingOption(false),
  speedMmPerS: z
    .number()
    .positive()
    .max(100)
    .optional()
    .describe("Speed of x and y, mm/s; the controller's own where it is not given"),
});
export type LudlOptions = z.output<typeof ludlOptionsSchema>;

export const manifest: DriverManifest<LudlOptions> = {
  name: "ludl",
  title: "Ludl MAC",
  description: "Ludl's MAC 5000 and MAC 6000, by their high-level commands.",
  simulated: false,
  sourceSyntax: "a serial port, e.g. /dev/ttyUSB0",
  options: ludlOptionsSchema,
};

export default manifest;
