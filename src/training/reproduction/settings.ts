import type { Arm } from "./units.js";

/** What every run of a reproduction has in common. Runs with other settings do not compare. */
export interface ReproductionSettings {
  readonly painterSteps: number;
  readonly detectorSteps: number;
  readonly cellsSteps: number;
  /** Of the detector's training: side of a sample, px, and samples a step. */
  readonly canvasPx: number;
  readonly batch: number;
  /** Part of the samples that is made, in the arms that have made ones. */
  readonly ratio: number;
  /** Fields that are made for a detector or a classifier; default by ratio and steps. */
  readonly madeFields?: number | undefined;
  /** Validation fields of each data set that pictures are painted of and detectors are scored on, evenly spaced; all. */
  readonly mostFields?: number | undefined;
  /** Of the painters' training: side of a sample, px, and samples a step. */
  readonly painterSidePx: number;
  readonly painterBatch: number;
  /** Fields of each data set that a painter is trained on, evenly spaced, where it has more. */
  readonly painterFields: number;
}

export const defaultReproductionSettings: ReproductionSettings = {
  painterSteps: 800,
  detectorSteps: 700,
  cellsSteps: 400,
  canvasPx: 128,
  batch: 8,
  ratio: 0.5,
  painterSidePx: 128,
  painterBatch: 4,
  painterFields: 800,
};

/** Whether an arm learns from made fields. */
export const isMade = (arm: Arm): boolean => arm !== "rd";
