import { z } from "zod";
import type { DriverManifest } from "../../contract.js";
import { homingOption, portOptions, zOption } from "../axes.js";

export const tangoOptionsSchema = z.strictObject({
  ...portOptions(57_600),
  z: zOption(true),
  homing: homingOption(false),
  speedMmPerS: z
    .number()
    .positive()
    .max(100)
    .optional()
    .describe("Speed of x and y, mm/s; the controller's own where it is not given"),
});
export type TangoOptions = z.output<typeof tangoOptionsSchema>;

export const manifest: DriverManifest<TangoOptions> = {
  name: "tango",
  title: "Maerzhaeuser Tango",
  description: "Maerzhaeuser's Tango controllers, by their native instruction set.",
  simulated: false,
  sourceSyntax: "a serial port, e.g. /dev/ttyUSB0",
  options: tangoOptionsSchema,
};

export default manifest;
