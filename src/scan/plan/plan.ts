import { z } from "zod";

const lengthUm = z.number().min(-1e6).max(1e6);
const position = z.strictObject({ x: lengthUm, y: lengthUm });

/** A rectangle of the slide, um, in slide coordinates; fields cover it, their centres within it. */
export const scanRegionSchema = z.strictObject({
  left: lengthUm,
  top: lengthUm,
  width: z.number().positive().max(1e6),
  height: z.number().positive().max(1e6),
});
export type ScanRegion = z.output<typeof scanRegionSchema>;

/** Overlap of neighbouring fields, as a share of the field. */
const overlap = z.number().min(0).max(0.9).default(0.1);

/**
 * Where a scan looks. `serpentine`: rows to and fro over a region; `battlement`: the haematologist's track along the feathered edge: columns
 * of `fieldsDeep` fields up and down, joined at their ends, over a region; `list`: fields at given places; `monolayer`: a coarse pass over the region finds where red cells lie
 * side by side, and a serpentine covers that.
 */
export const scanPlanSchema = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("serpentine"), region: scanRegionSchema, overlap }),
  z.strictObject({
    kind: z.literal("battlement"),
    region: scanRegionSchema,
    overlap,
    fieldsDeep: z.int().min(2).max(1000).default(4),
    fieldsBetween: z.int().min(1).max(1000).default(2),
  }),
  z.strictObject({ kind: z.literal("list"), centresUm: z.array(position).min(1).max(100_000) }),
  z.strictObject({
    kind: z.literal("monolayer"),
    region: scanRegionSchema,
    overlap,
    /** Fields that the coarse pass looks at, at most. */
    coarseFields: z.int().min(4).max(2000).default(40),
  }),
]);
export type ScanPlan = z.output<typeof scanPlanSchema>;
