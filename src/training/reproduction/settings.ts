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
  /** Fields of each data set that a painter learns from, at most: evenly spaced among those of its regime. */
  readonly painterFields: number;
  /** Of the painters' training: side of a sample, px, and samples a step. */
  readonly painterSidePx: number;
  readonly painterBatch: number;
}

export const defaultReproductionSettings: ReproductionSettings = {
  painterSteps: 800,
  detectorSteps: 700,
  cellsSteps: 400,
  canvasPx: 128,
  batch: 8,
  ratio: 0.5,
  painterFields: 1000,
  painterSidePx: 128,
  painterBatch: 4,
};

/** Whether an arm learns from made fields. */
export const isMade = (arm: Arm): boolean => arm !== "rd";
