import { z } from "zod";
import { jobStates, jobSteps } from "../../training/jobs/index.js";
import { authorSchema, messageIdSchema } from "./labels.js";

/** Schemas of the overnight trainings. */

const natural = z.int().nonnegative();
const milliseconds = z.number().describe("Milliseconds since the epoch.");

export const jobIdSchema = z.string().regex(/^[A-Za-z0-9._-]{1,100}$/);
export const sampleNameSchema = z.string().regex(/^[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}$/);

export const jobRecordSchema = z.strictObject({
  id: z.string(),
  state: z
    .enum(jobStates)
    .describe("done: the candidate was promoted; refused: the gate kept the model in production."),
  step: z.enum(jobSteps).describe("Where it is, or was when it ended."),
  done: z.number().min(0).max(1).describe("Of the whole."),
  startedAtMs: milliseconds,
  endedAtMs: milliseconds.optional(),
  reason: z.string().describe("Why it was begun."),
  failure: z
    .strictObject({ code: z.string(), message: z.string() })
    .optional()
    .describe("Code of docs/errors.md, where it failed."),
  pausedBy: z.enum(["live", "asked"]).optional().describe("live: a slide is being counted."),
  attempt: z.int().positive().describe("One more each time a crashed one goes on from its checkpoint."),
  fields: natural.describe("Learnt from."),
  candidate: z.string().optional().describe("`name@version`."),
  losses: z
    .array(z.strictObject({ step: natural, name: z.string(), value: z.number() }))
    .describe("On the stream the newest of each name; over HTTP all that were kept."),
  samples: z.array(z.string()).describe("Names of painted pictures."),
});

export const triggerDecisionSchema = z.strictObject({
  atMs: milliseconds,
  start: z.boolean(),
  reasons: z.array(z.string()).describe("A sentence each: what holds and what does not."),
});

/** Jobs listed in one message of `jobs`. */
export const maxJobsListed = 20;

export const jobsBody = {
  jobs: z.array(jobRecordSchema).max(maxJobsListed).describe("The newest first."),
  decision: triggerDecisionSchema.nullable().describe("The rule's newest; null before the first."),
};

export const jobStartSchema = z.strictObject({ by: authorSchema });

export const jobActions = ["start", "pause", "resume", "cancel"] as const;

export const jobCommandSchema = z
  .strictObject({
    type: z.literal("job"),
    id: messageIdSchema.describe("Names the answer."),
    action: z.enum(jobActions),
    job: jobIdSchema.optional().describe("Which; not with `start`."),
    by: authorSchema.optional().describe("Needed with `start`."),
  })
  .refine(({ action, job, by }) => (action === "start" ? by !== undefined && job === undefined : job !== undefined), {
    error: "start takes by, the others job",
    path: ["job"],
  });
