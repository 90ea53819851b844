import { z } from "zod";
import { jobSteps } from "./desk.js";

const step = z.enum(jobSteps);

/** What the training process tells. */
export const childMessageSchema = z.discriminatedUnion("kind", [
  /** A sign of life, about once a second. */
  z.object({ kind: z.literal("beat"), step, done: z.number(), workMs: z.number() }),
  z.object({ kind: z.literal("loss"), step: z.number(), losses: z.record(z.string(), z.number()) }),
  /** It rests between two steps. */
  z.object({ kind: z.literal("resting") }),
  z.object({ kind: z.literal("finished"), candidates: z.array(z.string()) }),
  z.object({ kind: z.literal("failed"), code: z.string(), message: z.string() }),
]);
export type ChildMessage = z.infer<typeof childMessageSchema>;

/** What it is told: to rest, to go on, to keep its place and end. */
export const parentMessageSchema = z.object({ kind: z.enum(["rest", "go", "stop"]) });
export type ParentMessage = z.infer<typeof parentMessageSchema>;
