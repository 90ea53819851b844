export { type ScanPlan, type ScanRegion, scanPlanSchema, scanRegionSchema } from "./plan.js";
