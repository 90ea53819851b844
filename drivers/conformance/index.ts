/** One suite for each kind of driver that every driver of the kind must pass. */
export { type CameraSubject, cameraChecks, examineCamera } from "./camera.js";
export type { BadSource, ConformanceCheck, ConformanceResult, ExamineOptions } from "./examination.js";
export { examineStage, stageChecks } from "./stage.js";
export type { MotionProbe, StageRegionUm, StageSubject } from "./stageExamination.js";
