import { z } from "zod";
import { defaultFrameRateHz, defaultFrameWidth, frameWidths } from "./limits.js";
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

export const clientMessageSchema = z.discriminatedUnion("type", [
  subscribeSchema,
  unsubscribeSchema,
  resumeSchema,
  pingSchema,
]);

export const clientMessageTypes = ["subscribe", "unsubscribe", "resume", "ping"] as const;

export type SubscribeMessage = z.infer<typeof subscribeSchema>;
export type ResumeMessage = z.infer<typeof resumeSchema>;
export type ClientMessage = z.infer<typeof clientMessageSchema>;
