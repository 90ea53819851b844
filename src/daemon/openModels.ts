import { modelsDirectory } from "../core/index.js";
import type { DetectorModels } from "../detection/index.js";
import { findModel, loadClassifierModel, loadDetectorModel, looksLikeFolder } from "../registry/index.js";

export interface ModelChoice {
  /** A name, `name@version`, or a folder; the newest shipped one if not given. */
  readonly detector?: string | undefined;
  readonly classifier?: string | undefined;
  /** Of the detector: `fp32`, or a variant that it has. */
  readonly precision?: string | undefined;
}

const defaultDetector = "unet";
const defaultClassifier = "cells";

const folderOf = (choice: string): Promise<string> => {
  if (looksLikeFolder(choice)) return Promise.resolve(choice);
  const [name = "", version] = choice.split("@");
  return findModel(modelsDirectory(), name, version);
};

/**
 * The models that the detector runs, from the folder of shipped models or from folders of their own.
 * @throws CytoError MODEL_NOT_FOUND, MODEL_INVALID
 */
export const openModels = async (choice: ModelChoice = {}): Promise<DetectorModels> => {
  const precision = choice.precision === undefined ? {} : { precision: choice.precision };
  const [detector, classifier] = await Promise.all([
    folderOf(choice.detector ?? defaultDetector).then((folder) => loadDetectorModel(folder, precision)),
    folderOf(choice.classifier ?? defaultClassifier).then((folder) => loadClassifierModel(folder)),
  ]);
  return { detector, classifier };
};
