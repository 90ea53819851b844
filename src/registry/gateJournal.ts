import { z } from "zod";
import { CytoError } from "../core/index.js";
import { type Journal, openJournal } from "../store/index.js";
import type { GateReport } from "./desk.js";

const comparisonSchema = z.strictObject({
  cellClass: z.string(),
  difference: z.number(),
  low: z.number(),
  high: z.number(),
  cells: z.number().optional(),
  tested: z.boolean().optional(),
});

const reportSchema = z.strictObject({
  candidate: z.string(),
  active: z.string(),
  decision: z.enum(["promote", "refuse"]),
  reasons: z.array(z.string()),
  alpha: z.number().min(0).max(1),
  pooled: comparisonSchema,
  classes: z.array(comparisonSchema),
  old: z.strictObject({ pooled: comparisonSchema, classes: z.array(comparisonSchema) }).optional(),
  fields: z.strictObject({ validation: z.number(), old: z.number() }),
  atMs: z.number(),
});

/** @throws CytoError STORE_DAMAGED */
export const parseGateReport = (value: unknown): GateReport => {
  const result = reportSchema.safeParse(value);
  if (!result.success) throw new CytoError("STORE_DAMAGED", "a line of the journal of the gate is none");
  return result.data as GateReport;
};

/** Every test that the gate has made: what of the year's alpha is spent follows from it. */
export const openGateJournal = (path: string): Promise<Journal<GateReport>> => openJournal(path, parseGateReport);
