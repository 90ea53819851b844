import { z } from "zod";
import type { DriverManifest } from "../../contract.js";

export const folderCameraOptionsSchema = z.strictObject({
  framesPerSecond: z
    .number()
    .min(0)
    .max(1000)
    .default(0)
    .describe("Pictures per second; 0 = as fast as they are consumed, none left out"),
  repeat: z.boolean().default(false).describe("Begin again after the last picture; otherwise the stream ends"),
  recursive: z.boolean().default(false).describe("Look into the folders of the folder too"),
  decodeAhead: z
    .int()
    .min(1)
    .max(16)
    .default(2)
    .describe("Pictures decoded before they are asked for; each waits in memory"),
  maxMegapixels: z.number().positive().max(1000).default(64).describe("Larger pictures are counted as faults"),
});
export type FolderCameraOptions = z.output<typeof folderCameraOptionsSchema>;

export const manifest: DriverManifest<FolderCameraOptions> = {
  name: "folder",
  title: "Folder of pictures",
  description:
    "JPEG, PNG, TIFF and BMP pictures of a folder or glob in natural order, at a rate or as fast as consumed.",
  simulated: false,
  sourceSyntax: "a folder, a picture, or a glob (`*`, `?`, `[a-z]`, `{a,b}`, `**`), e.g. slides/monday/*.tif",
  options: folderCameraOptionsSchema,
};
