import { createRandom, type Random } from "../../src/core/index.js";
import type { Feed, ParameterState, TrainingProblem } from "../../src/engine/index.js";
import type { ParameterSet } from "../../src/networks/index.js";
import { classifierProblem } from "../../src/training/classifier/problem.js";
import { detectorProblem } from "../../src/training/detector/problem.js";
import { defaultDetectionLoss } from "../../src/training/losses/detection.js";
import { plainAdam } from "../engine/regression.js";

export const optimiser = { ...plainAdam, weightDecay: 0.01, clipNorm: 1 };
const network = { widths: [4, 6, 8, 8] } as const;

/** Two fields of 32 px with a few cells in each class. */
const fieldBatch = (random: Random) => {
  const [batch, canvas, side] = [2, 32, 16];
  const maps = batch * 3 * side * side;
  const uniform = (length: number, most: number) => Float32Array.from({ length }, () => random.next() * most);
  return {
    field: Uint8Array.from({ length: batch * canvas * canvas * 4 }, () => random.int(256)),
    density: uniform(maps, 0.99).map((value) => (random.int(60) === 0 ? 1 : value)),
    extent: uniform(4 * maps, 20),
    extentWeight: uniform(maps, 0.05),
    valid: Float32Array.from({ length: maps }, () => (random.int(8) === 0 ? 0 : 1)),
  };
};

const cropBatch = (random: Random) => ({
  crops: Uint8Array.from({ length: 2 * 96 * 96 * 3 }, () => random.int(256)),
  labels: Float32Array.from({ length: 14 }, (_, index) => (index === 2 || index === 11 ? 0.93 : 0.01)),
});

/** A network with few channels, one batch for it. */
export interface Trained {
  readonly problem: TrainingProblem;
  readonly parameters: ParameterSet;
  readonly feeds: Readonly<Record<string, Feed>>;
}

const random = createRandom(31);
const detector = detectorProblem({ batch: 2, canvasPx: 32, network, loss: defaultDetectionLoss, optimiser });
const classifier = classifierProblem({ batch: 2, network, optimiser });
export const trained: Readonly<Record<string, Trained>> = {
  "the U-Net": { ...detector, feeds: detector.feeds(fieldBatch(random)) },
  "the classifier": { ...classifier, feeds: classifier.feeds(cropBatch(random)) },
};
export const initialOf = ({ parameters }: Trained): ParameterState => parameters.initialise(createRandom(32));
