import type { CellClass, Frame } from "../../core/index.js";
import {
  createDetector,
  type Detection,
  type Detector,
  type DetectorModels,
  type DetectorOptions,
} from "../../detection/index.js";
import { decodePicture } from "../../pictures/index.js";
import type { LabelledField } from "../datasets/index.js";
import { type DatasetScore, type EvaluatedField, scoreDataset } from "../scoring/index.js";

/** Where um per pixel of a field comes from: the median of its labelled red cells, the picture itself, or a figure. */
export type ScaleChoice = "labels" | "estimated" | number;

export interface EvaluationOptions {
  readonly fields: readonly LabelledField[];
  /** Classes that the labels use (`Dataset.classes`). */
  readonly classes: readonly CellClass[];
  readonly models: DetectorModels;
  readonly scale: ScaleChoice;
  readonly provider?: DetectorOptions["provider"];
  /** Called after each field of each of the two passes. */
  readonly onField?: ((done: number, total: number) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** How well the scale was estimated, against the labels' red cells, over the fields that have them. */
export interface ScaleAgreement {
  readonly fields: number;
  /** Median of |estimated / labelled - 1|. */
  readonly medianError: number;
  /** Part of the fields within 8 %. */
  readonly within8Percent: number;
}

export interface Evaluation extends DatasetScore {
  readonly models: Detection["models"];
  readonly provider: string;
  readonly scale: { readonly origin: "labels" | "estimated" | "given"; readonly agreement?: ScaleAgreement };
  /** Mean wall time of `detect`, the decoding of pictures not included. */
  readonly msPerField: number;
  readonly results: readonly (EvaluatedField & { readonly truth: LabelledField })[];
}

/** Candidates for the precision-recall curve are looked for down to this density. */
const lowThreshold = 0.03;

const withLowThresholds = (models: DetectorModels): DetectorModels => ({
  ...models,
  detector: {
    ...models.detector,
    thresholds: { erythrocyte: lowThreshold, leukocyte: lowThreshold, platelet: lowThreshold },
  },
});

const frameOf = async (field: LabelledField, sequence: number, umPerPixel: number | undefined): Promise<Frame> => {
  const { width, height, pixels } = await decodePicture(field.picturePath);
  return {
    sequence,
    capturedAtMs: Date.now(),
    width,
    height,
    pixels,
    camera: "evaluation",
    // One source a picture: nothing is taken over from one to the next.
    source: field.picturePath,
    simulated: false,
    ...(umPerPixel === undefined ? {} : { umPerPixel }),
  };
};

interface Pass {
  readonly detections: readonly Detection[];
  readonly msPerField: number;
}

/** Detects field by field, the next picture being decoded meanwhile. */
export const detectAll = async (
  detector: Detector,
  fields: readonly LabelledField[],
  scaleOf: (index: number) => number | undefined,
  { onField, signal }: { onField: (() => void) | undefined; signal: AbortSignal | undefined },
): Promise<Pass> => {
  const detections: Detection[] = [];
  let totalMs = 0;
  const decode = (index: number): Promise<Frame> | undefined => {
    const field = fields[index];
    const frame = field && frameOf(field, index, scaleOf(index));
    // Its error is met when its turn comes; until then it must not count as unhandled.
    frame?.catch(() => undefined);
    return frame;
  };
  let next = decode(0);
  for (let index = 0; index < fields.length; index++) {
    signal?.throwIfAborted();
    const frame = await next!;
    next = decode(index + 1);
    const startMs = performance.now();
    detections.push(await detector.detect(frame, signal ? { signal } : {}));
    totalMs += performance.now() - startMs;
    onField?.();
  }
  return { detections, msPerField: fields.length === 0 ? 0 : totalMs / fields.length };
};

const agreementOf = (
  fields: readonly LabelledField[],
  detections: readonly Detection[],
): ScaleAgreement | undefined => {
  const errors = fields.flatMap(({ umPerPixel }, index) =>
    umPerPixel === undefined ? [] : [Math.abs(detections[index]!.scale.umPerPixel / umPerPixel - 1)],
  );
  if (errors.length === 0) return undefined;
  errors.sort((a, b) => a - b);
  return {
    fields: errors.length,
    medianError: errors[errors.length >> 1]!,
    within8Percent: errors.filter((error) => error <= 0.08).length / errors.length,
  };
};

/**
 * Runs a detector over labelled fields and scores it: once at its own thresholds, timed, and once at low ones for the
 * precision-recall curves, at the same scales.
 * @throws CytoError IMAGE_UNREADABLE, MODEL_INVALID, MODEL_NOT_FOUND, PROVIDER_UNAVAILABLE, DETECTION_FAILED
 */
export const evaluate = async (options: EvaluationOptions): Promise<Evaluation> => {
  const { fields, classes, models, scale, provider = "auto", signal } = options;
  let done = 0;
  const context = { signal, onField: () => options.onField?.(++done, 2 * fields.length) };
  const detector = await createDetector({ models, provider });
  try {
    const known = (index: number): number | undefined =>
      typeof scale === "number" ? scale : scale === "labels" ? fields[index]!.umPerPixel : undefined;
    const first = await detectAll(detector, fields, known, context);
    const served = detector.models;
    await detector.swap(withLowThresholds(models));
    const second = await detectAll(detector, fields, (index) => first.detections[index]!.scale.umPerPixel, context);
    const results = fields.map((truth, index) => ({
      truth,
      found: first.detections[index]!.cells,
      candidates: second.detections[index]!.cells,
    }));
    const agreement = scale === "estimated" ? agreementOf(fields, first.detections) : undefined;
    return {
      ...scoreDataset(results, classes),
      models: served,
      provider: detector.provider,
      scale: { origin: typeof scale === "number" ? "given" : scale, ...(agreement ? { agreement } : {}) },
      msPerField: first.msPerField,
      results,
    };
  } finally {
    await detector[Symbol.asyncDispose]();
  }
};
