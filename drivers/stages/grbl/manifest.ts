import { z } from "zod";
import type { DriverManifest } from "../../contract.js";
import { homingOption, portOptions, zOption } from "../axes.js";

export const grblOptionsSchema = z.strictObject({
  ...portOptions(115_200),
  z: zOption(true),
  homing: homingOption(true),
  speedMmPerMin: z
    .number()
    .positive()
    .max(100_000)
    .optional()
    .describe("Speed of moves, mm/min; the controller's own greatest one ($110 to $112) where it is not given"),
  homingTimeoutMs: z
    .int()
    .min(1000)
    .max(600_000)
    .default(60_000)
    .describe("Longest time for homing, ms: until it is there the controller answers nothing"),
});
export type GrblOptions = z.output<typeof grblOptionsSchema>;

export const manifest: DriverManifest<GrblOptions> = {
  name: "grbl",
  title: "GRBL",
  description: "Stages on a GRBL 1.1 controller, as Arduino boards with stepper drivers run it.",
  simulated: false,
  sourceSyntax: "a serial port, e.g. /dev/ttyUSB0",
  options: grblOptionsSchema,
};

export default manifest;
