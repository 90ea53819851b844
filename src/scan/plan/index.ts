/** Where a scan looks, and in which order. Pure. */
export { boundsOf, type FieldPlan, type FieldSizeUm, mostFields } from "./grid.js";
export {
  type CoarseField,
  isMonolayer,
  type MonolayerPlan,
  planCoarsePass,
  planMonolayer,
  type RedCellLayer,
  redCellLayer,
} from "./monolayer.js";
export { type ScanPlan, type ScanRegion, scanPlanSchema, scanRegionSchema } from "./plan.js";
export { type FixedPlan, planFields } from "./planFields.js";
export { checkReach, outermostCentres, type ReachUm } from "./reach.js";
