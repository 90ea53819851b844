/** Tables 2 and 4 of method.md, made again: plans of runs, the runs, and the tables that they give. */
export { type RegimeName, regimeNames } from "./regimes.js";
export {
  assembleTable,
  type ListedRun,
  listRuns,
  performRuns,
  type Reproduction,
  type RunListener,
  type RunRequest,
  type TableName,
} from "./reproduce.js";
export { defaultReproductionSettings, type ReproductionSettings } from "./settings.js";
export { type Arm, arms, type Painting, type Plan, paintings, table2Plan, table4Plan, type Unit } from "./units.js";
