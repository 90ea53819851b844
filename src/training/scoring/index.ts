/** Scoring of a detector against labels: pure functions of labelled fields and findings. */
export { assign, type Edge } from "./assignment.js";
export { type AveragePrecision, averagePrecision50 } from "./averagePrecision.js";
export { fieldTallies } from "./fieldTallies.js";
export {
  depthOfClasses,
  type LeukocyteAnswer,
  type LeukocytePair,
  type LeukocyteScore,
  leukocyteAnswers,
  scoreLeukocytePairs,
  scoreLeukocytes,
} from "./leukocytes.js";
export { type ClassDepth, classAt, type FieldResult, type FoundCell, matchCells, type TruthField } from "./matching.js";
export {
  countError,
  type FieldOutcome,
  isSliver,
  judgeField,
  type Protocol,
  type ProtocolScore,
  scoreProtocol,
  type Tally,
} from "./protocols.js";
export { type DatasetScore, type DepthScore, type EvaluatedField, scoreDataset } from "./scoreDataset.js";
export { searchThresholds, type ThresholdSearchOptions, type Thresholds } from "./thresholds.js";
