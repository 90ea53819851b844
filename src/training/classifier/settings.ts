import type { AdamOptions } from "../../engine/index.js";
import type { TrainingRequest } from "../listener.js";
import type { Schedule } from "../trainer/index.js";

export interface ClassifierTraining extends TrainingRequest {
  readonly settings?: Partial<ClassifierSettings>;
}

export interface ClassifierSettings {
  readonly batch: number;
  readonly optimiser: AdamOptions;
  readonly schedule: Schedule;
  /**
   * Below this calibrated probability a leukocyte stays unnamed. 0.5 is the best choice where a wrong name costs as
   * much as a right one gains.
   */
  readonly unsureBelow: number;
}

export const defaultClassifierSettings: ClassifierSettings = {
  batch: 32,
  optimiser: { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.02, clipNorm: 5 },
  schedule: { learningRate: 2e-3, warmupSteps: 50, finalPart: 0.01, averageDecay: 0.995 },
  unsureBelow: 0.5,
};
