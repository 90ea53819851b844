import { z } from "zod";
import { authorSchema, messageIdSchema } from "./labels.js";

/** Schemas of models, their comparison, and what was in production when. */

const milliseconds = z.number().describe("Milliseconds since the epoch.");
const hash = z.string().max(128);

export const modelNameSchema = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/);
export const modelVersionSchema = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9.+_-]{0,99}$/);
export const modelIdSchema = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,99}@[A-Za-z0-9][A-Za-z0-9.+_-]{0,99}$/)
  .describe("`name@version`.");
export const reasonSchema = z.string().min(1).max(500).describe("Why, for the history.");

const lineageSchema = z.strictObject({
  parent: z.string().describe("`name@version` of the model that the training began with."),
  parentSha256: hash,
  dataSha256: hash.describe("Of the manifest of the fields that were learnt from."),
  codeVersion: z.string(),
  seed: z.number(),
  job: z.string(),
  trainedAtMs: milliseconds,
});

const modelSummary = {
  name: z.string(),
  version: z.string(),
  kind: z.string(),
  origin: z.enum(["shipped", "laboratory"]),
  sha256: hash.describe("Of the network."),
  active: z.boolean().describe("In production."),
  lineage: lineageSchema.optional().describe("Of models trained here."),
};

export const modelEntrySchema = z.strictObject({
  ...modelSummary,
  figures: z.record(z.string(), z.unknown()),
  card: z.string().describe("Markdown."),
});

const comparisonSchema = z.strictObject({
  cellClass: z.string(),
  difference: z.number().describe("P of the candidate less that of the other, points."),
  low: z.number(),
  high: z.number(),
});

export const gateReportSchema = z.strictObject({
  candidate: z.string(),
  active: z.string(),
  decision: z.enum(["promote", "refuse"]),
  reasons: z.array(z.string()),
  alpha: z.number().describe("Level of this test, after the correction for all tests of the year."),
  pooled: comparisonSchema,
  classes: z.array(comparisonSchema),
  fields: z.strictObject({ validation: z.int().nonnegative(), old: z.int().nonnegative() }),
  atMs: milliseconds,
});

export const promotionSchema = z.strictObject({
  atMs: milliseconds,
  kind: z.enum(["initial", "promotion", "rollback"]),
  network: z.enum(["detector", "classifier"]).describe("Which of the two that serve together."),
  model: z.string().describe("In production from then on."),
  sha256: hash,
  before: z.string().optional(),
  by: z.string(),
  reason: z.string(),
});

/** Models listed in one message of `models`. */
export const maxModelsListed = 100;

export const modelsBody = {
  models: z.array(z.strictObject(modelSummary)).max(maxModelsListed),
  promotion: promotionSchema.nullable().describe("The newest of any kind of model; null before the first."),
};

export const promoteSchema = z.strictObject({ model: modelIdSchema, by: authorSchema, reason: reasonSchema });
export const rollbackSchema = z.strictObject({ by: authorSchema, reason: reasonSchema.optional() });

export const modelCommandSchema = z
  .strictObject({
    type: z.literal("model"),
    id: messageIdSchema.describe("Names the answer."),
    action: z.enum(["promote", "rollback"]),
    model: modelIdSchema.optional().describe("Needed with `promote`."),
    by: authorSchema,
    reason: reasonSchema.optional().describe("Needed with `promote`."),
  })
  .refine(({ action, model, reason }) => action === "rollback" || (model !== undefined && reason !== undefined), {
    error: "promote takes model and reason",
    path: ["model"],
  });
