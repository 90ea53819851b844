import { z } from "zod";
import type { DriverManifest } from "../../contract.js";
import { homingOption, portOptions } from "../axes.js";

const place = z.strictObject({
  device: z.number().int().min(1).max(99).default(1).describe("Address in the chain"),
  axis: z.number().int().min(1).max(9).default(1).describe("Axis of the device"),
  umPerMicrostep: z
    .number()
    .positive()
    .max(100)
    .default(0.15625)
    .describe("Way of a microstep, um, from the data sheet: 0.15625 of an ASR stage, 0.047625 of an X-LSM"),
});

export const zaberOptionsSchema = z.strictObject({
  ...portOptions(115_200),
  axes: z
    .strictObject({ x: place.prefault({}), y: place.prefault({ axis: 2 }), z: place.optional() })
    .prefault({})
    .describe("Which axis of which device moves x, y and, where it is given, z"),
  homing: homingOption(true),
  speedMmPerS: z
    .number()
    .positive()
    .max(1000)
    .optional()
    .describe("Greatest speed of x and y, mm/s; the devices' own where it is not given"),
});
export type ZaberOptions = z.output<typeof zaberOptionsSchema>;

export const manifest: DriverManifest<ZaberOptions> = {
  name: "zaber",
  title: "Zaber",
  description: "Zaber's stages in the ASCII protocol: multi-axis stages such as ASR, and chains of X-series devices.",
  simulated: false,
  sourceSyntax: "a serial port, e.g. /dev/ttyUSB0",
  options: zaberOptionsSchema,
};

export default manifest;
