import { join } from "node:path";
import { serialise } from "../../engine/onnx/index.js";
import { defaultUNet, uNetInference } from "../../networks/index.js";
import { makeFieldPool, poolSize } from "../augmentation/index.js";
import { createFieldSampler } from "../datasets/index.js";
import { readTrainingFields } from "../fields.js";
import { fitNetwork } from "../fitNetwork.js";
import { limitsOf, madeReporter, type TrainingSummary, withRate } from "../listener.js";
import { defaultDetectionLoss } from "../losses/detection.js";
import { commandBefore } from "../warmStart.js";
import { detectorProblem } from "./problem.js";
import { publishDetector } from "./publishDetector.js";
import { quantiseDetector } from "./quantise.js";
import { type DetectorTraining, defaultDetectorSettings } from "./settings.js";

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
  const fields = await readTrainingFields(request.datasets, request);
  const { duration, augmentation, choice, listener } = request;
  const made =
    augmentation &&
    (await makeFieldPool({
      augmentation,
      fields: fields.training,
      count: poolSize(augmentation, { batch, duration }),
      seed: request.seed,
      onMade: madeReporter(listener),
    }));
  const sampler = await createFieldSampler({
    fields: fields.training,
    canvasPx,
    batch,
    seed: request.seed,
    weights: request.shares,
    onLoaded: listener.loaded,
    cache: request.cache,
    made,
  });
  const { network = defaultUNet } = request;
  const problem = detectorProblem({ batch, canvasPx, network, loss: defaultDetectionLoss, optimiser });
  const { seed, shares, scales, from } = request;
  const fitted = await fitNetwork({
    ...problem,
    request,
    sampler,
    schedule,
    identity: { network, settings, seed, shares, scales, from, data: fields.summaries, ...limitsOf(choice, made) },
    beganMs,
  });
  const { steps, finished, weights } = fitted;
  const seconds = fitted.elapsedMs / 1000;
  if (!finished) return { steps, seconds, finished, figures: {} };
  const model = join(request.out, "model");
  const figures = await publishDetector({
    directory: model,
    onnxBytes: serialise(uNetInference(weights, network)),
    int8Bytes: await quantiseDetector({ engine: request.engine, weights, network, sampler }),
    request,
    fields,
    settings,
    commandBefore: await commandBefore(request.from),
    steps,
    seconds,
  });
  return { steps, seconds, finished, model, figures };
};
