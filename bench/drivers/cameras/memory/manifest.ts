import { z } from "zod";
import type { DriverManifest } from "../../../../drivers/contract.js";

export const memoryCameraOptionsSchema = z.strictObject({
  pace: z.enum(["live", "onDemand"]).default("onDemand").describe("Who sets the pace: the camera or its consumer"),
});
export type MemoryCameraOptions = z.output<typeof memoryCameraOptionsSchema>;

export const manifest: DriverManifest<MemoryCameraOptions> = {
  name: "memory",
  title: "Pictures in memory",
  description: "Decoded pictures, again and again, without a decoder or a painter that would take the time measured.",
  simulated: false,
  sourceSyntax: "none",
  options: memoryCameraOptionsSchema,
};
