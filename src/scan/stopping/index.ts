/** When a scan knows enough. Pure. */
export {
  concentrationFor,
  isNarrow,
  logEvidence,
  type SequenceSettings,
  sequenceLimits,
} from "./confidenceSequence.js";
export { type ClassLimits, type DifferentialLimits, differentialLimits, settingsFor } from "./differentialLimits.js";
export { evaluateStop, type ScanSoFar, type StopVerdict } from "./evaluate.js";
export { type StopProgress, type StopRules, stopRulesSchema } from "./rules.js";
