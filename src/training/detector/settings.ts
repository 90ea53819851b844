import type { AdamOptions } from "../../engine/index.js";
import type { UNetOptions } from "../../networks/index.js";
import type { TrainingRequest } from "../listener.js";
import type { Schedule } from "../trainer/index.js";

export interface DetectorTraining extends TrainingRequest {
  /** Share of the samples by name of the data set; default by number of fields. */
  readonly shares?: Readonly<Record<string, number>>;
  /** Initial learning rate, batch size and canvas, where not the defaults. */
  readonly settings?: Partial<DetectorSettings>;
  /** Default: the one that is shipped. */
  readonly network?: UNetOptions;
}

export interface DetectorSettings {
  readonly batch: number;
  readonly canvasPx: number;
  readonly optimiser: AdamOptions;
  readonly schedule: Schedule;
}

export const defaultDetectorSettings: DetectorSettings = {
  batch: 8,
  canvasPx: 160,
  optimiser: { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.01, clipNorm: 5 },
  schedule: { learningRate: 2e-3, warmupSteps: 60, finalPart: 0.01, averageDecay: 0.998 },
};
