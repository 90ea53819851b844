import { CytoError } from "../src/core/index.js";
import { type ModelChoice, openModels } from "../src/daemon/index.js";
import type { DetectorModels, ModelRef } from "../src/detection/index.js";
import { NotHere } from "./figures.js";

/**
 * The models under test: those named, else the newest shipped ones.
 * @throws NotHere where one of them is not there
 */
export const benchModels = async (choice: ModelChoice): Promise<Required<DetectorModels>> => {
  try {
    const { detector, classifier } = await openModels(choice);
    if (classifier) return { detector, classifier };
    throw new NotHere("there is no classifier");
  } catch (error) {
    if (error instanceof CytoError && error.code === "MODEL_NOT_FOUND") throw new NotHere(error.message);
    throw error;
  }
};

export const modelNames = ({ detector, classifier }: DetectorModels): string => {
  const nameOf = ({ name, version }: ModelRef): string => `${name} ${version}`;
  const precision = detector.precision === "fp32" ? "" : ` (${detector.precision})`;
  return `${nameOf(detector.ref)}${precision}${classifier ? ` and ${nameOf(classifier.ref)}` : ""}`;
};
