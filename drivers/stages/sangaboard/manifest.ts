import { z } from "zod";
import type { DriverManifest } from "../../contract.js";
import { portOptions } from "../axes.js";

const umPerStep = (um: number) => z.number().positive().max(100).default(um);

export const sangaboardOptionsSchema = z.strictObject({
  ...portOptions(115_200),
  umPerStep: z
    .strictObject({ x: umPerStep(0.088), y: umPerStep(0.088), z: umPerStep(0.05) })
    .prefault({})
    .describe("Way of a motor step, um"),
  stepDelayUs: z
    .number()
    .int()
    .min(100)
    .max(100_000)
    .optional()
    .describe(
      "Time from step to step, us: the speed; the board's own where it is not given, and kept by the board where it is",
    ),
});
export type SangaboardOptions = z.output<typeof sangaboardOptionsSchema>;

export const manifest: DriverManifest<SangaboardOptions> = {
  name: "sangaboard",
  title: "Sangaboard",
  description: "Motor board of the OpenFlexure microscope, firmware 1.x.",
  simulated: false,
  sourceSyntax: "a serial port, e.g. /dev/ttyUSB0 or /dev/ttyAMA0",
  options: sangaboardOptionsSchema,
};

export default manifest;
