import { z } from "zod";
import type { DriverManifest } from "../../contract.js";
import { homingOption, portOptions, zOption } from "../axes.js";

export const marlinOptionsSchema = z.strictObject({
  ...portOptions(115_200),
  z: zOption(true),
  homing: homingOption(false),
  speedMmPerMin: z
    .number()
    .positive()
    .max(100_000)
    .default(1200)
    .describe("Speed of moves, mm/min; the firmware's own greatest one (M203) where that is less"),
  realtime: z
    .boolean()
    .default(false)
    .describe("Whether the firmware was built with M114_REALTIME: it tells then where it is while it moves"),
});
export type MarlinOptions = z.output<typeof marlinOptionsSchema>;

export const manifest: DriverManifest<MarlinOptions> = {
  name: "marlin",
  title: "Marlin",
  description: "Stages on a printer's board with Marlin 2.",
  simulated: false,
  sourceSyntax: "a serial port, e.g. /dev/ttyUSB0",
  options: marlinOptionsSchema,
};

export default manifest;
