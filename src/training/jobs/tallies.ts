import { z } from "zod";

const tally = z.object({ T: z.number(), M: z.number(), e: z.number() });
const byClass = z.record(z.string(), tally);

export const fieldTallySchema = z.object({
  id: z.string(),
  dataset: z.string(),
  /** Of the frozen validation fields, or of the data that the model in production knows. */
  set: z.enum(["validation", "old"]),
  candidate: byClass,
  active: byClass,
});

/** What two models made of one field: cells in all, missed and falsely found, by class. */
export type FieldTally = z.infer<typeof fieldTallySchema>;

export const comparisonSchema = z.object({
  /** `name@version`. */
  candidate: z.string(),
  active: z.string(),
  fields: z.array(fieldTallySchema),
});

/** Two models, field by field: what the gate decides on. */
export type Comparison = z.infer<typeof comparisonSchema>;

/** What the model in production makes of the fields that are compared on, in their order: `baseline.json` in the job's folder. */
export const baselineSchema = z.object({
  model: z.string(),
  /** Time that one field took, ms. */
  fieldMs: z.number(),
  tallies: z.array(byClass),
});
export type Baseline = z.infer<typeof baselineSchema>;

/** File of a comparison in the job's folder, by the kind of model. */
export const comparisonFile = (kind: "detector" | "classifier"): string => `tallies.${kind}.json`;
