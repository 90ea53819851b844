import { z } from "zod";

/**
 * When a scan knows enough: the first rule that is met ends it; without one it ends with its plan. `limits`: for every class of the differential the
 * two-sided confidence limits, corrected for being looked at again and again (docs/counting.md), are no wider than
 * `halfWidthPercent` to either side.
 */
export const stopRulesSchema = z.strictObject({
  leukocytes: z.int().min(1).max(1_000_000).optional(),
  fields: z.int().min(1).max(1_000_000).optional(),
  areaMm2: z.number().positive().max(1e4).optional(),
  minutes: z.number().positive().max(1440).optional(),
  limits: z
    .strictObject({
      halfWidthPercent: z.number().min(0.1).max(50),
      level: z.number().min(0.5).max(0.9999).default(0.95),
    })
    .optional(),
});
export type StopRules = z.output<typeof stopRulesSchema>;

export interface StopProgress {
  readonly rule: keyof StopRules;
  /** In the rule's unit: leukocytes, fields, mm2, minutes; for `limits` the widest half width, percent (null before any cell). */
  readonly value: number | null;
  readonly goal: number;
  readonly met: boolean;
}
