import { z } from "zod";
import { jobCommandSchema } from "./jobs.js";
import { authorSchema, labelSubmission, messageIdSchema } from "./labels.js";
import { defaultFrameRateHz, defaultFrameWidth, frameWidths } from "./limits.js";
import { modelCommandSchema } from "./models.js";
import { calibrateCommandSchema, focusCommandSchema, microscopeCommandSchema, scanCommandSchema } from "./scans.js";
import { topicSchema, topics } from "./serverMessages.js";

const maxRateHz = z
  .number()
  .positive()
  .max(1000)
  .describe("Not more often than this, 1/s; the newest is sent. hello tells how often pictures can be had.");
const textOptions = z.strictObject({ maxRateHz: maxRateHz.optional() });

export const subscribeSchema = z.strictObject({
  type: z.literal("subscribe"),
  topics: z.array(topicSchema).min(1).max(topics.length),
  options: z
    .strictObject({
      status: textOptions,
      counts: textOptions,
      alerts: textOptions,
      scans: textOptions,
      models: textOptions,
      jobs: textOptions,
      labels: textOptions,
      cells: textOptions,
      frames: z.strictObject({
        maxWidth: z
          .int()
          .min(frameWidths[0])
          .max(8192)
          .default(defaultFrameWidth)
          .describe("Px; the next smaller width of hello is used. Frames are never enlarged."),
        maxRateHz: maxRateHz.default(defaultFrameRateHz),
        cells: z.boolean().default(false).describe("List the cells of the frame in its header."),
        density: z.boolean().default(false).describe("Send the density map with the frame."),
      }),
    })
    .partial()
    .optional(),
});

export const unsubscribeSchema = z.strictObject({
  type: z.literal("unsubscribe"),
  topics: z.array(topicSchema).min(1).max(topics.length),
});

export const resumeSchema = z.strictObject({
  type: z.literal("resume"),
  session: z.string().max(100),
  token: z.string().max(200),
  lastSequence: z
    .partialRecord(topicSchema, z.int().nonnegative())
    .default({})
    .describe("Sequence of the last message received, by topic."),
});

export const pingSchema = z.strictObject({ type: z.literal("ping"), id: z.string().max(100).optional() });

export const labelMessageSchema = z.strictObject({ type: z.literal("label"), ...labelSubmission });

export const keepSchema = z.strictObject({
  type: z.literal("keep"),
  id: messageIdSchema.describe("The client's own: sent again, it keeps nothing twice."),
  frame: z.int().nonnegative().optional().describe("Number of a frame shown lately; the newest unless given."),
  author: authorSchema.optional(),
});

export const clientMessageSchema = z.discriminatedUnion("type", [
  subscribeSchema,
  unsubscribeSchema,
  resumeSchema,
  pingSchema,
  labelMessageSchema,
  keepSchema,
  jobCommandSchema,
  modelCommandSchema,
  scanCommandSchema,
  microscopeCommandSchema,
  calibrateCommandSchema,
  focusCommandSchema,
]);

export const clientMessageTypes = [
  "subscribe",
  "unsubscribe",
  "resume",
  "ping",
  "label",
  "keep",
  "job",
  "model",
  "scan",
  "microscope",
  "calibrate",
  "focus",
] as const;

export type SubscribeMessage = z.infer<typeof subscribeSchema>;
export type ResumeMessage = z.infer<typeof resumeSchema>;
export type ClientMessage = z.infer<typeof clientMessageSchema>;
/** Messages that ask a desk for something; each is answered once, by its id. */
export type DeskMessage = Extract<
  ClientMessage,
  { type: "label" | "keep" | "job" | "model" | "scan" | "microscope" | "calibrate" | "focus" }
>;
