import { differentialFive, type LeukocyteClass, leukocyteClasses } from "../../core/index.js";
import { cropSidePx, defaultCellClassifier } from "../../networks/index.js";
import { type ManifestDraft, writeModel } from "../../registry/index.js";
import { cropUm } from "../datasets/index.js";
import type { TrainingFields } from "../fields.js";
import { cardOf, renderCard, trainingOf } from "../modelCard.js";
import { type Calibration, confusionOf, meanRecall, type ScoredSamples } from "./calibration.js";
import type { ClassifierSettings, ClassifierTraining } from "./settings.js";

export interface PublishedClassifier {
  readonly directory: string;
  readonly onnxBytes: Uint8Array;
  readonly request: ClassifierTraining;
  readonly settings: ClassifierSettings;
  readonly fields: TrainingFields;
  readonly samples: ScoredSamples;
  readonly calibration: Calibration;
  /** What trained the weights it started from. */
  readonly commandBefore?: string | undefined;
  readonly steps: number;
  readonly seconds: number;
}

type Figures = Readonly<Record<string, number>>;
type Matrix = readonly (readonly number[])[];

/** Writes the model folder of a classifier with its calibration and its figures on the validation crops. */
export const publishClassifier = async (published: PublishedClassifier): Promise<Figures> => {
  const { settings, samples, calibration } = published;
  const { unsureBelow } = settings;
  const matrix = confusionOf(samples, { temperature: calibration.temperature, unsureBelow });
  const indices = (classes: readonly LeukocyteClass[]) => classes.map((name) => leukocyteClasses.indexOf(name));
  const rounded = (value: number) => Number(value.toPrecision(4));
  const figures = {
    crops: samples.truths.length,
    recallFive: rounded(meanRecall(matrix, indices(differentialFive))),
    recallSeven: rounded(meanRecall(matrix, indices(leukocyteClasses))),
    expectedCalibrationError: rounded(calibration.expectedCalibrationError),
    lossBeforeCalibration: rounded(calibration.lossBefore),
    lossAfterCalibration: rounded(calibration.lossAfter),
  };
  const files = { onnxBytes: published.onnxBytes, card: card(published, figures, matrix) };
  await writeModel(published.directory, draft(published, figures), files);
  return figures;
};

const draft = (published: PublishedClassifier, figures: Figures): ManifestDraft => ({
  kind: "classifier",
  name: "cells",
  version: published.request.version,
  classes: [...leukocyteClasses],
  umPerPixel: cropUm / cropSidePx,
  inputs: [{ name: "crops", type: "uint8", shape: ["cells", cropSidePx, cropSidePx, 3] }],
  outputs: [{ name: "logits", type: "float32", shape: ["cells", leukocyteClasses.length] }],
  classifier: {
    cropUm,
    cropPx: cropSidePx,
    temperature: published.calibration.temperature,
    unsureBelow: published.settings.unsureBelow,
  },
  training: trainingOf(published),
  figures,
});

const card = (published: PublishedClassifier, figures: Figures, matrix: Matrix): string => {
  const { request, settings, calibration } = published;
  return renderCard({
    title: `cells ${request.version}`,
    purpose: "Names the leukocyte in a crop of 20.8 um: seven classes, or leukocyte where it is unsure.",
    ...cardOf(published),
    commandBefore: published.commandBefore,
    settings: {
      ...settings,
      network: defaultCellClassifier,
      scales: request.scales ?? {},
      temperature: calibration.temperature,
    },
    figures: [
      {
        title: "Labelled crops of the validation split",
        rows: [["figure", "value"], ...Object.entries(figures).map(([name, value]) => [name, String(value)])],
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
};
