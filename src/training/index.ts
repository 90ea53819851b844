/** Training of the networks on labelled fields. */
export { type ClassifierTraining, trainClassifier } from "./classifier/trainClassifier.js";
export { type DetectorTraining, trainDetector } from "./detector/trainDetector.js";
export type { TrainingListener, TrainingRequest, TrainingSummary } from "./listener.js";
export type { Duration, StepReport } from "./trainer/index.js";
