import { z } from "zod";
import { errorTable } from "../../core/index.js";
import {
  focusModes,
  type ScanRecord,
  scanPlanSchema,
  scanStates,
  stageStates,
  stopRulesSchema,
} from "../../scan/index.js";
import { authorSchema, messageIdSchema } from "./labels.js";
import { cellClassSchema } from "./results.js";

/** Schemas of scans and of the microscope that makes them. */

const natural = z.int().nonnegative();
const milliseconds = z.number().describe("Milliseconds since the epoch.");
const failure = z
  .strictObject({ code: z.string().refine((code) => code in errorTable), message: z.string() })
  .describe("Code of docs/errors.md.");
const lengthUm = z.number().min(-1e7).max(1e7);
const positionUm = z
  .strictObject({ x: lengthUm, y: lengthUm, z: lengthUm.optional() })
  .describe("Slide coordinates, um.");

export const scanIdSchema = z.string().regex(/^[A-Za-z0-9._-]{1,100}$/);

export const scanRequestSchema = z.strictObject({
  slide: z.string().min(1).max(200).describe("What the laboratory calls the slide; no patient identifiers."),
  plan: scanPlanSchema,
  stop: stopRulesSchema.default({}),
  focus: z.enum(focusModes).default("none"),
  by: authorSchema,
});

export const stopProgressSchema = z.strictObject({
  rule: z.enum(["leukocytes", "fields", "areaMm2", "minutes", "limits"]),
  value: z.number().nullable().describe("In the rule's unit; null before any cell."),
  goal: z.number(),
  met: z.boolean(),
});

export const scanBriefSchema = z.strictObject({
  id: z.string(),
  slide: z.string(),
  state: z.enum(scanStates),
  simulated: z.boolean(),
  fieldsPlanned: natural.describe("0 before a coarse pass has told."),
  fieldsDone: natural,
  startedAtMs: milliseconds,
  endedAtMs: milliseconds.optional(),
  progress: z.array(stopProgressSchema),
  endedBy: z.string().optional(),
  failure: failure.optional(),
});
export type ScanBrief = z.output<typeof scanBriefSchema>;

export const briefScan = (scan: ScanRecord): ScanBrief => ({
  id: scan.id,
  slide: scan.slide,
  state: scan.state,
  simulated: scan.setup.simulated,
  fieldsPlanned: scan.fieldsPlanned,
  fieldsDone: scan.fieldsDone,
  startedAtMs: scan.startedAtMs,
  progress: scan.progress.map((entry) => ({ ...entry })),
  ...(scan.endedAtMs === undefined ? {} : { endedAtMs: scan.endedAtMs }),
  ...(scan.endedBy === undefined ? {} : { endedBy: scan.endedBy }),
  ...(scan.failure === undefined ? {} : { failure: scan.failure }),
});

export const microscopeStatusSchema = z.strictObject({
  stage: z
    .strictObject({
      name: z.string(),
      state: z.enum(stageStates),
      referenced: z.boolean().describe("Whether it knows where it is."),
      positionUm: positionUm.optional(),
      failure: failure.optional(),
    })
    .nullable(),
  objective: z.string(),
  calibration: z.strictObject({ umPerPixel: z.number(), rotationDegrees: z.number(), atMs: milliseconds }).nullable(),
  busy: z.enum(["calibrating", "focusing", "moving"]).nullable(),
});

/** Scans listed in one message of `scans`. */
export const maxScansListed = 20;

export const scansBody = {
  scans: z.array(scanBriefSchema).max(maxScansListed).describe("The newest first."),
  microscope: microscopeStatusSchema,
};

export const scanActions = ["start", "pause", "resume", "abort"] as const;

export const scanCommandSchema = z
  .strictObject({
    type: z.literal("scan"),
    id: messageIdSchema.describe("Names the answer."),
    action: z.enum(scanActions),
    scan: scanIdSchema.optional().describe("Which; not with `start`."),
    request: scanRequestSchema.optional().describe("With `start`."),
    by: authorSchema.optional().describe("Needed with `abort`."),
  })
  .refine(
    ({ action, scan, request, by }) =>
      action === "start"
        ? request !== undefined && scan === undefined
        : scan !== undefined && request === undefined && (action !== "abort" || by !== undefined),
    { error: "start takes request, the others scan, abort also by", path: ["scan"] },
  );

const partial = z.strictObject({ x: lengthUm.optional(), y: lengthUm.optional(), z: lengthUm.optional() });

export const stageActionSchema = z.discriminatedUnion("action", [
  z.strictObject({ action: z.literal("home"), by: authorSchema }),
  z.strictObject({ action: z.literal("declare"), positionUm, by: authorSchema }),
  z.strictObject({ action: z.literal("move"), to: partial, relative: z.boolean().default(false), by: authorSchema }),
  z.strictObject({ action: z.literal("stop"), by: authorSchema }),
  z.strictObject({ action: z.literal("release"), by: authorSchema }),
]);

export const calibrateSchema = z.strictObject({
  what: z.enum(["optics", "light"]).describe("optics moves the stage; light wants an empty place."),
  by: authorSchema,
});
export const focusSchema = z.strictObject({ by: authorSchema });

export const microscopeCommandSchema = z.strictObject({
  type: z.literal("microscope"),
  id: messageIdSchema.describe("Names the answer."),
  stage: stageActionSchema.describe("stop overtakes everything, and is bound by no rate."),
});

/** The same over the stream, each answered when it is done. */
export const calibrateCommandSchema = z.strictObject({
  type: z.literal("calibrate"),
  id: messageIdSchema.describe("Names the answer."),
  ...calibrateSchema.shape,
});
export const focusCommandSchema = z.strictObject({
  type: z.literal("focus"),
  id: messageIdSchema.describe("Names the answer."),
  ...focusSchema.shape,
});

export const calibrationReportSchema = z.union([
  z.strictObject({
    umPerPixel: z.number(),
    rotationDegrees: z.number(),
    mirrored: z.boolean(),
    residualPx: z.number(),
    steps: natural,
  }),
  z.strictObject({ evenness: z.number() }),
]);
const cells = z.partialRecord(cellClassSchema, natural).describe("Cells found, by class.");
export const scanFieldSchema = z.strictObject({
  index: natural.describe("Its number in the plan."),
  centreUm: positionUm,
  capturedAtMs: milliseconds,
  sharpness: z.number(),
  cells,
  refocused: z.boolean(),
});
const pixel = z.number().describe("Px of the full frame.");
export const scanFieldCellsSchema = z.strictObject({
  field: scanFieldSchema,
  widthPx: z.int().positive().describe("Of the full frame; the kept picture may be smaller."),
  heightPx: z.int().positive(),
  umPerPixel: z.number().positive(),
  cells: z
    .array(
      z.strictObject({
        cellClass: cellClassSchema,
        confidence: z.number(),
        centrePx: z.strictObject({ x: pixel, y: pixel }),
        boxPx: z.strictObject({ left: pixel, top: pixel, right: pixel, bottom: pixel }),
      }),
    )
    .describe("The surest first."),
});

export const focusReportSchema = z.strictObject({ zUm: z.number(), sharpness: z.number(), frames: natural });
