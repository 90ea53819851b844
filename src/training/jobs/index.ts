/** Overnight trainings: when they begin, what they do, what came of them. */
export type { AttemptLimits } from "./attempt.js";
export { type ComparisonRequest, comparisonFields } from "./comparisonFields.js";
export * from "./desk.js";
export {
  type JobDeskOptions,
  type JobPorts,
  type OpenJobDesk,
  openJobDesk,
  type TrainingSettings,
} from "./openJobDesk.js";
export type { ParentModel } from "./plan.js";
export { noteForLater, readJob, readJobs } from "./records.js";
export type { SnapshotField } from "./snapshot.js";
export type { Comparison, FieldTally } from "./tallies.js";
export { spawnTraining } from "./trainingProcess.js";
