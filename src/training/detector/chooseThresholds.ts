import { densityClasses, densityClassOf } from "../../core/index.js";
import {
  type ClassifierSource,
  createDetector,
  type DetectorSource,
  type ProviderChoice,
} from "../../detection/index.js";
import { decodePicture } from "../../pictures/index.js";
import type { LabelledField } from "../datasets/index.js";
import {
  averagePrecision50,
  type FieldResult,
  scoreProtocol,
  searchThresholds,
  type Thresholds,
} from "../scoring/index.js";

/** Candidates down to this confidence take part in the choice of thresholds. */
export const candidateThreshold = 0.05;

export interface ChosenThresholds {
  readonly thresholds: Thresholds;
  /** P (percent) by protocol and class, and AP50, over the validation fields at these thresholds. */
  readonly figures: Readonly<Record<string, number>>;
}

export interface FindOptions {
  /** Names the leukocytes that are found. */
  readonly classifier?: ClassifierSource | undefined;
  readonly provider?: ProviderChoice | undefined;
  /** Threads of the detector's worker; default all cores. */
  readonly threads?: number | undefined;
}

/** Runs a detector over labelled fields at their labelled scale, keeping all candidates. */
export const findCandidates = async (
  model: DetectorSource,
  fields: readonly LabelledField[],
  { classifier, provider, threads }: FindOptions = {},
): Promise<readonly Candidates[]> => {
  const low = Object.fromEntries(densityClasses.map((name) => [name, candidateThreshold])) as unknown as Thresholds;
  await using detector = await createDetector({
    models: { detector: { ...model, thresholds: low }, ...(classifier ? { classifier } : {}) },
    ...(provider ? { provider } : {}),
    ...(threads === undefined ? {} : { threads }),
  });
  const results: Candidates[] = [];
  for (const [sequence, field] of fields.entries()) {
    const { width, height, pixels } = await decodePicture(field.picturePath);
    const { cells } = await detector.detect({
      sequence,
      capturedAtMs: 0,
      width,
      height,
      pixels,
      camera: "dataset",
      source: field.id,
      simulated: false,
      ...(field.umPerPixel === undefined ? {} : { umPerPixel: field.umPerPixel }),
    });
    results.push({ truth: field, found: cells });
  }
  return results;
};

/** A labelled field with all that was found in it. */
export interface Candidates extends FieldResult {
  readonly truth: LabelledField;
}

/**
 * The thresholds with the greatest P (raw) over the validation fields, each data set weighing alike: one with many fields
 * shall not set them for the others. And what they give over all fields together.
 */
export const chooseThresholds = (candidates: readonly Candidates[]): ChosenThresholds => {
  const thresholds = searchThresholds(candidates, { groupOf: ({ truth }) => truth.dataset });
  return { thresholds, figures: scoreAt(candidates, thresholds) };
};

/** P (percent) by protocol and class at given thresholds, and AP50 over all candidates. */
export const scoreAt = (
  candidates: readonly FieldResult[],
  thresholds: Thresholds,
): Readonly<Record<string, number>> => {
  const kept = candidates.map(({ truth, found }) => ({
    truth,
    found: found.filter(({ confidence, cellClass }) => confidence >= thresholds[densityClassOf(cellClass)]),
  }));
  const figures: Record<string, number> = {};
  const note = (name: string, value: number | null) => {
    if (value !== null) figures[name] = Number(value.toFixed(2));
  };
  for (const protocol of ["raw", "fair"] as const) {
    const score = scoreProtocol(kept, protocol, { depth: "density" });
    note(`${protocol}.P`, score.pooled.P);
    for (const [name, tally] of Object.entries(score.classes)) note(`${protocol}.P.${name}`, tally.P);
  }
  for (const [name, value] of Object.entries(averagePrecision50(candidates, densityClasses, "density").classes)) {
    note(`ap50.${name}`, value);
  }
  return figures;
};
