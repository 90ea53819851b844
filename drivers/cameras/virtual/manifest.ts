import { z } from "zod";
import type { leukocyteClasses } from "../../../src/core/index.js";
import type { DriverManifest } from "../../contract.js";

const lengthUm = (fallback: number, description: string) =>
  z.number().min(0).max(1000).default(fallback).describe(description);

const share = z.number().min(0).max(1);

/** Weights of the leukocyte kinds: normal blood with a few immature granulocytes and erythroblasts. */
const defaultMix = {
  neutrophil: 0.56,
  eosinophil: 0.035,
  basophil: 0.015,
  lymphocyte: 0.27,
  monocyte: 0.07,
  "immature-granulocyte": 0.03,
  erythroblast: 0.02,
} as const satisfies Record<(typeof leukocyteClasses)[number], number>;

const weight = (cellClass: keyof typeof defaultMix) =>
  z.number().min(0).default(defaultMix[cellClass]).describe(`Weight of ${cellClass}s among the leukocytes`);

const leukocyteMixSchema = z
  .strictObject({
    neutrophil: weight("neutrophil"),
    eosinophil: weight("eosinophil"),
    basophil: weight("basophil"),
    lymphocyte: weight("lymphocyte"),
    monocyte: weight("monocyte"),
    "immature-granulocyte": weight("immature-granulocyte"),
    erythroblast: weight("erythroblast"),
  })
  .refine((mix) => Object.values(mix).some((value) => value > 0), { message: "at least one weight must be above 0" });

/** What is on the slide. */
export const slideOptionsSchema = z.strictObject({
  seed: z.int().min(0).max(0xffff_ffff).default(1).describe("Which slide: equal seeds give equal slides"),
  slideWidthUm: z.number().min(200).max(50_000).default(12_000).describe("Width of the painted area, um"),
  slideHeightUm: z.number().min(200).max(25_000).default(8_000).describe("Height of the painted area, um"),
  redCellsPerMm2: z.number().min(0).max(15_000).default(11_000).describe("Mean density of red cells, per square mm"),
  leukocytesPerMm2: z
    .number()
    .min(0)
    .max(800)
    .default(58)
    .describe(
      "Mean density of leukocytes, per square mm; the default is about one a field, five times that of normal blood",
    ),
  plateletsPerMm2: z.number().min(0).max(5_000).default(600).describe("Mean density of platelets, per square mm"),
  overlapShare: share.default(0.25).describe("Share of the red cells that are laid upon or against another one"),
  leukocyteMix: leukocyteMixSchema.prefault({}).describe("Weights of the leukocyte kinds"),
  focusTiltUmPerMm: z
    .strictObject({ x: z.number().min(-20).max(20), y: z.number().min(-20).max(20) })
    .optional()
    .describe("Tilt of the plane of best focus, um per mm; without it up to 5 um over the slide, as its seed has it"),
  focusBumpsUm: lengthUm(0.8, "How uneven the surface of best focus is beside tilt and bend, um"),
});
export type SlideOptions = z.output<typeof slideOptionsSchema>;

const opticsShape = {
  fieldWidthPx: z.int().min(64).max(4096).default(960).describe("Width of the field, px"),
  fieldHeightPx: z.int().min(64).max(4096).default(720).describe("Height of the field, px"),
  umPerPixel: z.number().min(0.05).max(1).default(0.16).describe("Object-side size of a pixel, um"),
  vignetting: share.default(0.07).describe("Loss of light from the middle to the corners of the field"),
  noiseLevels: z
    .number()
    .min(0)
    .max(30)
    .default(1.3)
    .describe("Standard deviation of the sensor's noise in a bright pixel, of 255 levels"),
};

/** How the field is seen. */
export const opticsOptionsSchema = z.strictObject(opticsShape);
export type OpticsOptions = z.output<typeof opticsOptionsSchema>;

const regionSchema = z
  .strictObject({
    left: z.number().describe("Left edge, um"),
    top: z.number().describe("Top edge, um"),
    width: z.number().positive().describe("Width, um"),
    height: z.number().positive().describe("Height, um"),
  })
  .describe("Part of the slide to scan; without it, all whole fields that fit on the painted area");

export const virtualCameraOptionsSchema = z.strictObject({
  ...slideOptionsSchema.shape,
  ...opticsShape,
  framesPerSecond: z
    .number()
    .min(0)
    .max(1000)
    .default(5)
    .describe("Rate of the self-scan, frames per second; 0 = as fast as they are consumed"),
  overlap: z.number().min(0).max(0.9).default(0.1).describe("Overlap of neighbouring fields, as a share of the field"),
  region: regionSchema.optional(),
  repeat: z.boolean().default(true).describe("Begin the scan again when it is done; otherwise the stream ends"),
  jitterUm: lengthUm(0, "Standard deviation of the stage's real position about the planned one, um"),
  stageErrorUm: lengthUm(0, "Standard deviation of the reported position about the real one, um"),
  microscope: z
    .string()
    .min(1)
    .default("default")
    .describe("Name of the virtual microscope: where it has a stage, the camera shows what is over that"),
  tellsStagePosition: z
    .boolean()
    .default(false)
    .describe("Whether frames of a microscope with a stage tell where the stage really is; real cameras cannot"),
  painting: z
    .string()
    .min(1)
    .optional()
    .describe(
      "Who paints the slide: a painter model by name, `name@version` or folder, or `drawn` for a drawing by rules; " +
        "without it the newest painter that is shipped, or the drawing where there is none",
    ),
  focusErrorUm: lengthUm(0.2, "Standard deviation of the focus about the best one during the self-scan, um"),
});
export type VirtualCameraOptions = z.output<typeof virtualCameraOptionsSchema>;

export const manifest: DriverManifest<VirtualCameraOptions> = {
  name: "virtual",
  title: "Virtual slide",
  description:
    "A painted blood smear, larger than the field and with its truth known, scanned in serpentine by itself.",
  simulated: true,
  sourceSyntax: "the number of the slide (its seed), e.g. 7; without it, the option `seed`",
  options: virtualCameraOptionsSchema,
};

export default manifest;
