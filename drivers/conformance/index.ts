/** One suite that every driver must pass. */
export { type CameraSubject, cameraChecks, examineCamera } from "./camera.js";
export type { BadSource, ConformanceCheck, ConformanceResult } from "./examination.js";
export { examineStage, stageChecks } from "./stage.js";
export type { StageSubject, StageTruth } from "./stageExamination.js";
