import { z } from "zod";
import { cellClasses, densityClasses, type ErrorCode } from "../../core/index.js";
import { jobRecordSchema, jobsBody } from "./jobs.js";
import { labelReceipt, labelsBody, messageIdSchema } from "./labels.js";
import { maxCellsPerMessage, protocolVersion } from "./limits.js";
import { modelsBody, promotionSchema } from "./models.js";
import {
  alertsBody,
  cellClassSchema,
  cellSchema,
  countsBody,
  densityClassesSchema,
  fieldSchema,
  modelsSchema,
  statusBody,
} from "./results.js";
import {
  calibrationReportSchema,
  focusReportSchema,
  microscopeStatusSchema,
  scanBriefSchema,
  scansBody,
} from "./scans.js";

/** What a client can subscribe to, most important first: the order in which a congested connection is served. */
export const topics = ["status", "counts", "alerts", "scans", "models", "jobs", "labels", "cells", "frames"] as const;
export type Topic = (typeof topics)[number];
export const topicSchema = z.enum(topics);

/** Codes of docs/errors.md that the stream uses. */
export const streamErrorCodes = [
  "MESSAGE_NOT_JSON",
  "MESSAGE_TYPE_UNKNOWN",
  "MESSAGE_INVALID",
  "MESSAGE_BINARY",
  "MESSAGE_RATE",
  "SESSION_UNKNOWN",
] as const satisfies readonly ErrorCode[];
export type StreamErrorCode = (typeof streamErrorCodes)[number];

/** Codes with which a message to a desk can be answered. */
export const deskErrorCodes = [
  "LABEL_INVALID",
  "LABEL_FIELD_UNKNOWN",
  "LABEL_PICTURE_UNKNOWN",
  "LABEL_CONFLICT",
  "JOB_NOT_FOUND",
  "JOB_RUNNING",
  "JOB_NO_LABELS",
  "JOB_ENDED",
  "MODEL_NOT_FOUND",
  "MODEL_INVALID",
  "MODEL_SELF_TEST_FAILED",
  "DETECTOR_CRASHED",
  "ROLLBACK_IMPOSSIBLE",
  "STAGE_SILENT",
  "STAGE_DISCONNECTED",
  "STAGE_ALARM",
  "STAGE_REFUSED",
  "STAGE_LIMIT",
  "STAGE_BUSY",
  "STAGE_STOPPED",
  "STAGE_UNREFERENCED",
  "STAGE_UNSUPPORTED",
  "CALIBRATION_FAILED",
  "CALIBRATION_MISSING",
  "OBJECTIVE_CHANGED",
  "FOCUS_FAILED",
  "SCAN_NOT_FOUND",
  "SCAN_RUNNING",
  "SCAN_ENDED",
  "SCAN_PLAN_INVALID",
  "SCAN_OTHER_SLIDE",
  "SCAN_NO_MONOLAYER",
  "CAMERA_STALE",
  "CAMERA_DISCONNECTED",
  "SHUTTING_DOWN",
  "STORE_FULL",
  "STORE_BUSY",
  "STORE_FAILED",
  "NOT_READY",
  "NOT_FOUND",
  "ORIGIN_REFUSED",
  "INTERNAL",
] as const satisfies readonly ErrorCode[];
export type DeskErrorCode = (typeof deskErrorCodes)[number];

const natural = z.int().nonnegative();

/** Of every message of a topic. */
const envelope = {
  sequence: z.int().positive().describe("Rises by one with each message of the topic; a jump is a gap."),
  publishedAtMs: z.number().describe("Milliseconds since the epoch."),
};

export const taxonomyEntrySchema = z.strictObject({
  class: cellClassSchema,
  parent: z.enum(densityClasses).nullable(),
  label: z.string(),
  abbreviation: z.string(),
  colour: z.string().regex(/^#[0-9a-f]{6}$/),
});

export const helloSchema = z.strictObject({
  type: z.literal("hello"),
  protocol: z.literal(protocolVersion),
  server: z.literal("cytostream"),
  version: z.string(),
  run: z.string().describe("Changes with every start of the daemon; sequences are comparable within one run."),
  session: z.string(),
  resumeToken: z.string().describe("Secret of this session; needed to resume it."),
  resumeWithinMs: natural,
  topics: z.array(topicSchema),
  capabilities: z.strictObject({
    frames: z.strictObject({
      encoding: z.literal("jpeg"),
      widths: z.array(natural),
      maxRateHz: z.number(),
      density: z.literal("png"),
    }),
    resume: z.literal(true),
    keep: z.boolean().describe("Whether fields can be kept for review (`keep`)."),
  }),
  limits: z.strictObject({
    messageBytes: natural,
    messagesPerSecond: z.number(),
    messagesBurst: natural,
    bufferedBytes: natural,
    cellsPerMessage: natural,
    pingIntervalMs: natural,
    labelsUnanswered: natural.describe(
      "Label messages that may be without an answer; they are not in messagesPerSecond.",
    ),
    labelsPerSecond: z.number().describe("Label messages answered per second, at most."),
    commandsUnanswered: natural.describe(
      "Messages keep, job, model, scan, microscope, calibrate and focus that may be without an answer.",
    ),
  }),
  taxonomy: z.array(taxonomyEntrySchema).max(cellClasses.length),
});

export const subscriptionsSchema = z.strictObject({
  type: z.literal("subscriptions"),
  topics: z.array(topicSchema).describe("All topics that are subscribed now."),
});

export const resumedSchema = z.strictObject({
  type: z.literal("resumed"),
  session: z.string(),
  topics: z.array(
    z.strictObject({
      topic: topicSchema,
      lastSequence: natural.describe("As the client told; 0 where it told none."),
      newestSequence: natural,
      missed: natural.describe("Messages that are gone: not replayed, not to be had."),
      replayed: z.boolean().describe("The newest message follows."),
    }),
  ),
});

export const pongSchema = z.strictObject({
  type: z.literal("pong"),
  id: z.string().max(100).optional(),
  timeMs: z.number(),
  dropped: z
    .partialRecord(topicSchema, natural)
    .describe("Messages that this connection was too slow for, by topic. Those beyond an asked-for rate do not count."),
});

export const errorMessageSchema = z.strictObject({
  type: z.literal("error"),
  id: messageIdSchema.optional().describe("Of the message that is refused, where it has one."),
  code: z.enum([...streamErrorCodes, ...deskErrorCodes]),
  message: z.string(),
  correlationId: z.string().describe("Names the case in the daemon's log."),
});

export const labelledSchema = z.strictObject({ type: z.literal("labelled"), ...labelReceipt });
export const jobStateSchema = z.strictObject({
  type: z.literal("jobState"),
  id: messageIdSchema,
  job: jobRecordSchema,
});
export const promotedSchema = z.strictObject({
  type: z.literal("promoted"),
  id: messageIdSchema,
  promotion: promotionSchema,
});

export const scanStateSchema = z.strictObject({
  type: z.literal("scanState"),
  id: messageIdSchema,
  scan: scanBriefSchema,
});
export const microscopeStateSchema = z.strictObject({
  type: z.literal("microscopeState"),
  id: messageIdSchema,
  microscope: microscopeStatusSchema,
});
export const calibratedSchema = z.strictObject({
  type: z.literal("calibrated"),
  id: messageIdSchema,
  report: calibrationReportSchema,
});
export const focusedSchema = z.strictObject({
  type: z.literal("focused"),
  id: messageIdSchema,
  report: focusReportSchema,
});

export const alertsMessageSchema = z.strictObject({ type: z.literal("alerts"), ...envelope, ...alertsBody });
export const labelsMessageSchema = z.strictObject({ type: z.literal("labels"), ...envelope, ...labelsBody });
export const jobsMessageSchema = z.strictObject({ type: z.literal("jobs"), ...envelope, ...jobsBody });
export const modelsMessageSchema = z.strictObject({ type: z.literal("models"), ...envelope, ...modelsBody });
export const scansMessageSchema = z.strictObject({ type: z.literal("scans"), ...envelope, ...scansBody });
export const countsMessageSchema = z.strictObject({ type: z.literal("counts"), ...envelope, ...countsBody });
export const statusMessageSchema = z.strictObject({ type: z.literal("status"), ...envelope, ...statusBody });

const cellsOfField = {
  total: natural.describe("Cells found in the field; more than are listed where there are too many for a message."),
  cells: z.array(cellSchema).max(maxCellsPerMessage),
};

export const cellsMessageSchema = z.strictObject({
  type: z.literal("cells"),
  ...envelope,
  simulated: z.boolean(),
  field: fieldSchema,
  models: modelsSchema,
  provider: z.string().max(50),
  ...cellsOfField,
});

export const densityPictureSchema = z
  .strictObject({
    encoding: z.literal("png"),
    bytes: natural,
    classes: densityClassesSchema.describe("Class of the red, green and blue plane; 255 is a density of 1."),
    width: natural.describe("Px of the map."),
    height: natural,
    framePixelsPerMapPixel: z.number().positive(),
  })
  .describe("The density map of the same field.");

/** JSON part of a binary message of `frames`. */
export const frameHeaderSchema = z.strictObject({
  type: z.literal("frame"),
  ...envelope,
  simulated: z.boolean(),
  field: fieldSchema,
  picture: z.strictObject({ encoding: z.literal("jpeg"), bytes: natural }),
  density: densityPictureSchema.optional().describe("Where subscribed with `density: true` and there is one."),
  total: cellsOfField.total.optional(),
  cells: cellsOfField.cells.optional().describe("Where subscribed with `cells: true`."),
});

export const serverMessageSchema = z.discriminatedUnion("type", [
  helloSchema,
  subscriptionsSchema,
  resumedSchema,
  pongSchema,
  errorMessageSchema,
  statusMessageSchema,
  countsMessageSchema,
  cellsMessageSchema,
  alertsMessageSchema,
  labelsMessageSchema,
  jobsMessageSchema,
  modelsMessageSchema,
  scansMessageSchema,
  labelledSchema,
  jobStateSchema,
  promotedSchema,
  scanStateSchema,
  microscopeStateSchema,
  calibratedSchema,
  focusedSchema,
]);

export type HelloMessage = z.infer<typeof helloSchema>;
export type CountsMessage = z.infer<typeof countsMessageSchema>;
export type StatusMessage = z.infer<typeof statusMessageSchema>;
export type CellsMessage = z.infer<typeof cellsMessageSchema>;
export type AlertsMessage = z.infer<typeof alertsMessageSchema>;
export type LabelsMessage = z.infer<typeof labelsMessageSchema>;
export type JobsMessage = z.infer<typeof jobsMessageSchema>;
export type ModelsMessage = z.infer<typeof modelsMessageSchema>;
export type ScansMessage = z.infer<typeof scansMessageSchema>;
export type FrameHeader = z.infer<typeof frameHeaderSchema>;
export type ResumedMessage = z.infer<typeof resumedSchema>;
export type ServerMessage = z.infer<typeof serverMessageSchema>;
export type TaxonomyMessage = z.infer<typeof taxonomyEntrySchema>;
