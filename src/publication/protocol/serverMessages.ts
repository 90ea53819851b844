import { z } from "zod";
import { cellClasses, densityClasses, type ErrorCode } from "../../core/index.js";
import { maxCellsPerMessage, protocolVersion } from "./limits.js";
import {
  cellClassSchema,
  cellSchema,
  countsBody,
  densityClassesSchema,
  fieldSchema,
  modelsSchema,
  statusBody,
} from "./results.js";

/** What a client can subscribe to, most important first: the order in which a congested connection is served. */
export const topics = ["status", "counts", "cells", "frames"] as const;
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
  }),
  limits: z.strictObject({
    messageBytes: natural,
    messagesPerSecond: z.number(),
    messagesBurst: natural,
    bufferedBytes: natural,
    cellsPerMessage: natural,
    pingIntervalMs: natural,
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
  code: z.enum(streamErrorCodes),
  message: z.string(),
  correlationId: z.string().describe("Names the case in the daemon's log."),
});

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
]);

export type HelloMessage = z.infer<typeof helloSchema>;
export type CountsMessage = z.infer<typeof countsMessageSchema>;
export type StatusMessage = z.infer<typeof statusMessageSchema>;
export type CellsMessage = z.infer<typeof cellsMessageSchema>;
export type FrameHeader = z.infer<typeof frameHeaderSchema>;
export type ResumedMessage = z.infer<typeof resumedSchema>;
export type ServerMessage = z.infer<typeof serverMessageSchema>;
export type TaxonomyMessage = z.infer<typeof taxonomyEntrySchema>;
