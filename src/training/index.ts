/** Training of the networks on labelled fields. */
export type { ClassifierTraining } from "./classifier/settings.js";
export { trainClassifier } from "./classifier/trainClassifier.js";
export type { DetectorTraining } from "./detector/settings.js";
export { trainDetector } from "./detector/trainDetector.js";
export type { TrainingListener, TrainingRequest, TrainingSummary } from "./listener.js";
export type { Duration, StepReport } from "./trainer/index.js";
