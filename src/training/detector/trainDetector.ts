import { join } from "node:path";
import { createRandom } from "../../core/index.js";
import type { AdamOptions, TrainingEngine } from "../../engine/index.js";
import { serialise } from "../../engine/onnx/index.js";
import { defaultUNet, uNetInference, weightsOf } from "../../networks/index.js";
import { createFieldSampler, type SamplerState } from "../datasets/index.js";
import { readTrainingFields } from "../fields.js";
import { type TrainingRequest, type TrainingSummary, withRate } from "../listener.js";
import { defaultDetectionLoss } from "../losses/detection.js";
import { fingerprintOf, type Schedule, type StepSource, train } from "../trainer/index.js";
import { warmStart } from "../warmStart.js";
import { detectorProblem, detectorProblemName } from "./problem.js";
import { publishDetector } from "./publishDetector.js";
import { quantiseDetector } from "./quantise.js";

export interface DetectorTraining extends TrainingRequest {
  readonly engine: TrainingEngine;
  /** Share of the samples by name of the data set; default by number of fields. */
  readonly shares?: Readonly<Record<string, number>>;
  /** Initial learning rate, batch size and canvas, where not the defaults. */
  readonly settings?: Partial<DetectorSettings>;
}

export interface DetectorSettings {
  readonly batch: number;
  readonly canvasPx: number;
  readonly optimiser: AdamOptions;
  readonly schedule: Schedule;
}

export const defaultDetectorSettings: DetectorSettings = {
  batch: 8,
  canvasPx: 176,
  optimiser: { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.01, clipNorm: 5 },
  schedule: { learningRate: 2e-3, warmupSteps: 60, finalPart: 0.01, averageDecay: 0.998 },
};

const checkpointEveryMs = 60_000;

/**
 * Trains the U-Net from nothing (or from the checkpoint in `out`), chooses thresholds on the validation fields and
 * writes the model folder.
 *
 * @throws CytoError DATASET_INVALID, IMAGE_UNREADABLE, TRAINING_DIVERGED, CHECKPOINT_INVALID
 */
export const trainDetector = async (request: DetectorTraining): Promise<TrainingSummary> => {
  const beganMs = performance.now();
  const settings = withRate({ ...defaultDetectorSettings, ...request.settings }, request);
  const { batch, canvasPx, optimiser, schedule } = settings;
  const fields = await readTrainingFields(request.datasets, request.scales);
  const sampler = await createFieldSampler({
    fields: fields.training,
    canvasPx,
    batch,
    seed: request.seed,
    weights: request.shares,
    onLoaded: request.listener.loaded,
  });
  const network = defaultUNet;
  const { problem, parameters, feeds } = detectorProblem({
    batch,
    canvasPx,
    network,
    loss: defaultDetectionLoss,
    optimiser,
  });
  const source: StepSource = {
    next: () => [{ problem: detectorProblemName, feeds: feeds(sampler.next()) }],
    state: () => sampler.state(),
    restore: (state) => sampler.restore(state as SamplerState),
  };
  const fresh = parameters.initialise(createRandom(request.seed));
  const start = request.from === undefined ? fresh : await warmStart(request.from, parameters, fresh);
  const initial = { [parameters.name]: start };
  await using run = await request.engine.load([problem], initial);
  const outcome = await train({
    run,
    source,
    duration: request.duration,
    schedule,
    directory: request.out,
    checkpointEveryMs,
    fingerprint: fingerprintOf({
      network,
      settings,
      seed: request.seed,
      shares: request.shares,
      scales: request.scales,
      from: request.from,
      data: fields.summaries,
    }),
    resume: request.resume,
    preparationMs: performance.now() - beganMs,
    report: request.listener.step,
    ...(request.signal ? { signal: request.signal } : {}),
  });
  const seconds = outcome.elapsedMs / 1000;
  if (!outcome.finished) return { steps: outcome.steps, seconds, finished: false, figures: {} };
  const weights = weightsOf(parameters, (await run.readState())[parameters.name]!);
  const model = join(request.out, "model");
  const figures = await publishDetector({
    directory: model,
    onnxBytes: serialise(uNetInference(weights, network)),
    int8Bytes: await quantiseDetector({ engine: request.engine, weights, network, sampler }),
    request,
    fields,
    settings,
    steps: outcome.steps,
    seconds,
  });
  return { steps: outcome.steps, seconds, finished: true, model, figures };
};
