import { join } from "node:path";
import { CytoError, createRandom, differentialFive, leukocyteClasses } from "../../core/index.js";
import type { AdamOptions, TrainingEngine } from "../../engine/index.js";
import { serialise } from "../../engine/onnx/index.js";
import { cellClassifierInference, cropSidePx, defaultCellClassifier, weightsOf } from "../../networks/index.js";
import { writeModel } from "../../registry/index.js";
import { centredCrops, createCropSampler, cropUm, type SamplerState } from "../datasets/index.js";
import { readTrainingFields, type TrainingFields } from "../fields.js";
import { type TrainingRequest, type TrainingSummary, withRate } from "../listener.js";
import { machineName } from "../machine.js";
import { renderCard } from "../modelCard.js";
import { fingerprintOf, type Schedule, type StepSource, train } from "../trainer/index.js";
import { warmStart } from "../warmStart.js";
import { type Calibration, calibrate, confusionOf, meanRecall, type ScoredSamples } from "./calibration.js";
import { classifierProblem, classifierProblemName } from "./problem.js";
import { scoreCrops } from "./scoreCrops.js";

export interface ClassifierTraining extends TrainingRequest {
  readonly engine: TrainingEngine;
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

const checkpointEveryMs = 60_000;
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
  const fields = await readTrainingFields(request.datasets, request.scales);
  const sampler = await createCropSampler({
    fields: fields.training,
    batch: settings.batch,
    seed: request.seed,
    onLoaded: request.listener.loaded,
  });
  requireAllClasses(sampler.classCounts);
  const network = defaultCellClassifier;
  const { problem, parameters, feeds } = classifierProblem({ ...settings, network });
  const source: StepSource = {
    next: () => [{ problem: classifierProblemName, feeds: feeds(sampler.next()) }],
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
    schedule: settings.schedule,
    directory: request.out,
    checkpointEveryMs,
    fingerprint: fingerprintOf({
      network,
      settings,
      seed: request.seed,
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
  request.listener.stage("calibrating on the validation fields");
  const weights = weightsOf(parameters, (await run.readState())[parameters.name]!);
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
    steps: outcome.steps,
    seconds,
  });
  return { steps: outcome.steps, seconds, finished: true, model, figures };
};

const requireAllClasses = (counts: readonly number[]): void => {
  const lacking = leukocyteClasses.filter((_, index) => counts[index]! < leastPerClass);
  if (lacking.length > 0) {
    throw new CytoError("DATASET_INVALID", `The training fields name too few of: ${lacking.join(", ")}`, {
      remedy: "Add a data set whose labels name these classes, such as one in the manner of oi-pbc.",
    });
  }
};

interface PublishedClassifier {
  readonly directory: string;
  readonly onnxBytes: Uint8Array;
  readonly request: ClassifierTraining;
  readonly settings: ClassifierSettings;
  readonly fields: TrainingFields;
  readonly samples: ScoredSamples;
  readonly calibration: Calibration;
  readonly steps: number;
  readonly seconds: number;
}

const publishClassifier = async (published: PublishedClassifier): Promise<Readonly<Record<string, unknown>>> => {
  const { request, settings, fields, samples, calibration, steps, seconds } = published;
  const { temperature } = calibration;
  const { unsureBelow } = settings;
  const matrix = confusionOf(samples, { temperature, unsureBelow });
  const indices = (classes: readonly string[]) => classes.map((name) => leukocyteClasses.indexOf(name as never));
  const figures = {
    crops: samples.truths.length,
    recallFive: meanRecall(matrix, indices(differentialFive)),
    recallSeven: meanRecall(matrix, indices(leukocyteClasses)),
    expectedCalibrationError: calibration.expectedCalibrationError,
    lossBeforeCalibration: calibration.lossBefore,
    lossAfterCalibration: calibration.lossAfter,
  };
  const card = renderCard({
    title: `cells ${request.version}`,
    purpose: "Names the leukocyte in a crop of 20.8 um: seven classes, or leukocyte where it is unsure.",
    command: request.command,
    seed: request.seed,
    steps,
    seconds,
    machine: machineName(),
    data: fields.summaries,
    settings: { ...settings, network: defaultCellClassifier, temperature },
    figures: [
      {
        title: "Validation, labelled crops",
        rows: [
          ["figure", "value"],
          ...Object.entries(figures).map(([name, value]) => [name, String(Number(value.toPrecision(4)))]),
        ],
      },
      {
        title: "Confusion (true class down, answer across)",
        rows: [
          ["", ...leukocyteClasses, "unsure"],
          ...matrix.map((row, index) => [leukocyteClasses[index]!, ...row.map(String)]),
        ],
      },
    ],
    limits: [
      "One laboratory's stain and camera: on other stains expect far lower recall until it has been trained on them.",
      "Band and segmented neutrophils are one class; metamyelocytes, myelocytes and promyelocytes are one class.",
      "It sees nucleated cells that the density map found; what else is in the crop is context only.",
    ],
  });
  await writeModel(
    published.directory,
    {
      kind: "classifier",
      name: "cells",
      version: request.version,
      classes: [...leukocyteClasses],
      umPerPixel: cropUm / cropSidePx,
      inputs: [{ name: "crops", type: "uint8", shape: ["cells", cropSidePx, cropSidePx, 3] }],
      outputs: [{ name: "logits", type: "float32", shape: ["cells", leukocyteClasses.length] }],
      classifier: { cropUm, cropPx: cropSidePx, temperature, unsureBelow },
      training: {
        command: request.command,
        seed: request.seed,
        data: fields.summaries.map(({ dataset, split }) => `${dataset}/${split}`),
        steps,
        seconds,
      },
      figures,
    },
    { onnxBytes: published.onnxBytes, card },
  );
  return figures;
};
