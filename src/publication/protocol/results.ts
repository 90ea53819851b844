import { z } from "zod";
import { cellClasses, densityClasses, leukocyteClasses } from "../../core/index.js";

/** Schemas of what is measured: counts, cells, fields, status. The envelope is put around them in serverMessages.ts. */

const finite = z.number();
const natural = z.int().nonnegative();
const fraction = finite.min(0).max(1);

export const cellClassSchema = z.enum(cellClasses).describe("Class of the taxonomy in hello.");

export const pointUmSchema = z
  .strictObject({ x: finite, y: finite })
  .describe("Position on the slide, um; x to the right, y down as seen in the picture.");

export const limitsSchema = z
  .strictObject({
    low: finite.nonnegative(),
    high: finite.nonnegative().nullable().describe("null where there is no upper limit."),
  })
  .describe("95 % confidence limits.");

const estimateSchema = z.strictObject({ value: finite.nonnegative(), limits: limitsSchema });

export const classCountSchema = z.strictObject({
  class: cellClassSchema,
  count: natural.describe("Cells counted, each once; a class includes those that have it as parent."),
  limits: limitsSchema.describe("95 % limits of the expected count (exact, Poisson)."),
  perMm2: estimateSchema.optional().describe("Cells per mm2 of the slide; absent before there is an area."),
});

export const differentialSchema = z.strictObject({
  total: natural.describe("Cells of these classes: what 100 % is."),
  rows: z
    .array(
      z.strictObject({
        class: cellClassSchema,
        count: natural,
        percent: estimateSchema.nullable().describe("With Wilson limits; null while there is no such cell."),
      }),
    )
    .max(leukocyteClasses.length),
});

const ratioSchema = estimateSchema.nullable().describe("null while nothing is there to divide by.");

export const countsBody = {
  simulated: z.boolean().describe("True where anything counted came from a simulated slide."),
  stale: z.boolean().describe("True when the camera delivers no new fields: the figures are old."),
  fields: z.strictObject({
    counted: natural.describe("Fields whose cells are in the counts."),
    repeated: natural.describe("Fields that showed again what an earlier one had shown."),
    unplaced: natural.describe("Fields left out because nothing told where they were."),
    separate: natural.describe("Of those counted, the ones that no overlap joined to an earlier field."),
  }),
  areaMm2: finite.nonnegative().describe("Area of the slide seen, each spot once."),
  scaleOrigin: z.enum(["known", "estimated"]).describe("Where estimated, so is every area and density."),
  classes: z.array(classCountSchema).max(cellClasses.length),
  unsure: z
    .strictObject({ count: natural, percent: estimateSchema.nullable().describe("Of all leukocytes.") })
    .describe("Leukocytes that no class was named for; in no differential."),
  differential: z.strictObject({
    five: differentialSchema.describe("Over the five classes of the conventional differential."),
    seven: differentialSchema.describe("Over all classes of nucleated cells."),
  }),
  ratios: z.strictObject({
    erythrocytesPerPlatelet: ratioSchema,
    erythrocytesPerLeukocyte: ratioSchema,
    plateletsPerLeukocyte: ratioSchema,
    erythroblastsPer100Leukocytes: ratioSchema,
  }),
};

export const fieldSchema = z.strictObject({
  frame: natural.describe("Number of the frame within this run of the daemon."),
  capturedAtMs: finite.describe("Milliseconds since the epoch."),
  width: z.int().positive().describe("Px of the full frame; every pixel coordinate refers to it."),
  height: z.int().positive(),
  camera: z.string().max(100),
  source: z.string().max(1000),
  umPerPixel: finite.positive().nullable(),
  positionUm: pointUmSchema.nullable().describe("Centre of the field on the slide, um."),
});

const coordinate = finite.describe("Px of the full frame, to a tenth.");

export const cellSchema = z.strictObject({
  class: cellClassSchema,
  centre: z.tuple([coordinate, coordinate]).describe("[x, y]"),
  box: z.tuple([coordinate, coordinate, coordinate, coordinate]).describe("[left, top, right, bottom]"),
  confidence: fraction,
  positionUm: z.tuple([finite, finite]).optional().describe("[x, y] on the slide, um."),
});

export const modelSchema = z.strictObject({ name: z.string().max(200), version: z.string().max(100) });
export const modelsSchema = z.strictObject({ detector: modelSchema, classifier: modelSchema.optional() });

export const cameraStates = ["opening", "streaming", "stale", "reconnecting", "ended", "failed"] as const;

export const cameraStatusSchema = z.strictObject({
  name: z.string().max(100),
  source: z.string().max(1000),
  state: z.enum(cameraStates),
  cause: z.string().max(100).optional().describe("Error code of the last failure, while not streaming."),
  lastFrameAtMs: finite.nullable().describe("When the newest frame was complete, ms since the epoch."),
});

export const scaleSchema = z.strictObject({
  umPerPixel: finite.positive(),
  origin: z.enum(["frame", "config", "estimated"]).describe("Told by the camera, given by the user, or estimated."),
});

export const statusBody = {
  simulated: z.boolean(),
  stale: z.boolean(),
  uptimeMs: finite.nonnegative(),
  camera: cameraStatusSchema,
  models: modelsSchema.nullable(),
  provider: z.string().max(50).nullable().describe("Execution provider: cpu, cuda, webgpu, dml, coreml."),
  scale: scaleSchema.nullable(),
  rates: z.strictObject({
    cameraHz: finite.nonnegative().describe("Frames delivered per second."),
    detectionHz: finite.nonnegative().describe("Fields counted per second."),
    latencyMs: finite.nonnegative().nullable().describe("Median from the complete frame to its cells."),
  }),
  drops: z.record(z.string().max(50), natural).describe("Frames not counted since the start, by cause."),
  quality: z
    .strictObject({ focus: fraction, light: fraction, stain: fraction })
    .partial()
    .nullable()
    .describe("Of the newest frame, 0 (useless) to 1 (good)."),
};

export const alertsBody = {
  alarms: z
    .array(
      z.strictObject({
        kind: z
          .string()
          .min(1)
          .max(50)
          .describe("What is watched: light, stain, focus, classMix, confidence, and others."),
        raised: z.boolean(),
        value: finite.nullable().describe("As it is now; null where it cannot be told."),
        reference: finite.nullable().describe("As it was when the model in production was validated."),
        sinceMs: finite.nullable().describe("Raised since, ms since the epoch; null while it is not."),
        text: z.string().max(500).describe("A sentence for whoever sits at the microscope."),
      }),
    )
    .max(50),
};

export const densityClassesSchema = z.array(z.enum(densityClasses)).max(3);

export type CellMessage = z.infer<typeof cellSchema>;
export type FieldMessage = z.infer<typeof fieldSchema>;
export type ModelsMessage = z.infer<typeof modelsSchema>;
