import { join } from "node:path";
import { CytoError, leukocyteClasses } from "../../core/index.js";
import { serialise } from "../../engine/onnx/index.js";
import { cellClassifierInference, defaultCellClassifier } from "../../networks/index.js";
import { makeCropPool, poolSize } from "../augmentation/index.js";
import { centredCrops, createCropSampler, storedCrop } from "../datasets/index.js";
import { readTrainingFields } from "../fields.js";
import { fitNetwork } from "../fitNetwork.js";
import { limitsOf, madeReporter, type TrainingSummary, withRate } from "../listener.js";
import { commandBefore } from "../warmStart.js";
import { calibrate } from "./calibration.js";
import { classifierProblem } from "./problem.js";
import { publishClassifier } from "./publishClassifier.js";
import { scoreCrops } from "./scoreCrops.js";
import { type ClassifierTraining, defaultClassifierSettings } from "./settings.js";

const leastPerClass = 2;

/**
 * Trains the classifier of leukocyte crops, calibrates its confidence on the validation fields and writes the model
 * folder.
 *
 * @throws CytoError DATASET_INVALID where a class has no crops or no field names leukocytes, TRAINING_DIVERGED,
 *   CHECKPOINT_INVALID, IMAGE_UNREADABLE
 */
export const trainClassifier = async (request: ClassifierTraining): Promise<TrainingSummary> => {
  const beganMs = performance.now();
  const settings = withRate({ ...defaultClassifierSettings, ...request.settings }, request);
  const fields = await readTrainingFields(request.datasets, request);
  const { duration, augmentation, choice, listener } = request;
  const { batch } = settings;
  const made =
    augmentation &&
    (await makeCropPool(
      {
        augmentation,
        fields: fields.training,
        count: poolSize(augmentation, { batch, duration }),
        seed: request.seed,
        onMade: madeReporter(listener),
      },
      storedCrop,
    ));
  const sampler = await createCropSampler({
    fields: fields.training,
    batch,
    seed: request.seed,
    onLoaded: listener.loaded,
    cache: request.cache,
    made,
  });
  requireAllClasses(sampler.classCounts);
  const network = defaultCellClassifier;
  const { seed, scales, from } = request;
  const fitted = await fitNetwork({
    ...classifierProblem({ ...settings, network }),
    request,
    sampler,
    schedule: settings.schedule,
    identity: { network, settings, seed, scales, from, data: fields.summaries, ...limitsOf(choice, made) },
    beganMs,
  });
  const { steps, finished, weights } = fitted;
  const seconds = fitted.elapsedMs / 1000;
  if (!finished) return { steps, seconds, finished, figures: {} };
  request.listener.stage("calibrating on the validation fields");
  const samples = await scoreCrops(request.engine, await centredCrops(fields.validation), { weights, network });
  const calibration = calibrate(samples);
  const model = join(request.out, "model");
  const figures = await publishClassifier({
    directory: model,
    onnxBytes: serialise(cellClassifierInference(weights, network)),
    request,
    settings,
    fields,
    samples,
    calibration,
    commandBefore: await commandBefore(request.from),
    steps,
    seconds,
  });
  return { steps, seconds, finished, model, figures };
};

const requireAllClasses = (counts: readonly number[]): void => {
  const lacking = leukocyteClasses.filter((_, index) => counts[index]! < leastPerClass);
  if (lacking.length > 0) {
    throw new CytoError("DATASET_INVALID", `The training fields name too few of: ${lacking.join(", ")}`, {
      remedy: "Add a data set whose labels name these classes, such as one in the manner of oi-pbc.",
    });
  }
};
