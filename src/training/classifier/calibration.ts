/** Logits of samples whose class is known. */
export interface ScoredSamples {
  /** [N,C] row by row. */
  readonly logits: Float32Array;
  /** [N] indices of the true classes. */
  readonly truths: readonly number[];
  readonly classes: number;
}

export interface Calibration {
  /** Divides the logits before the softmax (Guo et al. 2017, "temperature scaling"). */
  readonly temperature: number;
  /** Mean negative log-likelihood before and after, nats. */
  readonly lossBefore: number;
  readonly lossAfter: number;
  /** Expected calibration error over ten bins of confidence, after. */
  readonly expectedCalibrationError: number;
}

/** softmax(logits / temperature) of row `row`. */
export const probabilitiesOf = ({ logits, classes }: ScoredSamples, row: number, temperature: number): number[] => {
  const scaled = Array.from(logits.subarray(row * classes, (row + 1) * classes), (logit) => logit / temperature);
  const highest = Math.max(...scaled);
  const exponentials = scaled.map((value) => Math.exp(value - highest));
  const sum = exponentials.reduce((total, value) => total + value, 0);
  return exponentials.map((value) => value / sum);
};

const meanLoss = (samples: ScoredSamples, temperature: number): number =>
  samples.truths.reduce(
    (sum, truth, row) => sum - Math.log(Math.max(probabilitiesOf(samples, row, temperature)[truth]!, 1e-12)),
    0,
  ) / samples.truths.length;

const bins = 10;

const calibrationError = (samples: ScoredSamples, temperature: number): number => {
  const tally = Array.from({ length: bins }, () => ({ count: 0, right: 0, confidence: 0 }));
  samples.truths.forEach((truth, row) => {
    const probabilities = probabilitiesOf(samples, row, temperature);
    const confidence = Math.max(...probabilities);
    const bin = tally[Math.min(bins - 1, Math.floor(confidence * bins))]!;
    bin.count += 1;
    bin.confidence += confidence;
    bin.right += probabilities[truth] === confidence ? 1 : 0;
  });
  return tally.reduce((sum, bin) => sum + Math.abs(bin.right - bin.confidence), 0) / samples.truths.length;
};

const goldenRatio = (Math.sqrt(5) - 1) / 2;

/** The temperature with the least loss, by golden-section search over its logarithm between 1/8 and 8. */
export const calibrate = (samples: ScoredSamples): Calibration => {
  let [low, high] = [Math.log(1 / 8), Math.log(8)];
  const lossAt = (logTemperature: number) => meanLoss(samples, Math.exp(logTemperature));
  for (let round = 0; round < 30; round += 1) {
    const span = (high - low) * goldenRatio;
    const [left, right] = [high - span, low + span];
    if (lossAt(left) < lossAt(right)) high = right;
    else low = left;
  }
  const temperature = Math.exp((low + high) / 2);
  return {
    temperature,
    lossBefore: meanLoss(samples, 1),
    lossAfter: meanLoss(samples, temperature),
    expectedCalibrationError: calibrationError(samples, temperature),
  };
};

/**
 * Rows of a confusion matrix: true class by answered class, with one more column for "unsure" where the greatest
 * probability is below `unsureBelow`.
 */
export const confusionOf = (
  samples: ScoredSamples,
  { temperature, unsureBelow }: { readonly temperature: number; readonly unsureBelow: number },
): number[][] => {
  const { classes } = samples;
  const matrix = Array.from({ length: classes }, () => new Array<number>(classes + 1).fill(0));
  samples.truths.forEach((truth, row) => {
    const probabilities = probabilitiesOf(samples, row, temperature);
    const confidence = Math.max(...probabilities);
    const answer = confidence < unsureBelow ? classes : probabilities.indexOf(confidence);
    matrix[truth]![answer]! += 1;
  });
  return matrix;
};

/** Mean over the given classes of the part of their samples that got the right name. */
export const meanRecall = (matrix: readonly (readonly number[])[], classes: readonly number[]): number => {
  const recalls = classes.flatMap((index) => {
    const row = matrix[index]!;
    const total = row.reduce((sum, count) => sum + count, 0);
    return total === 0 ? [] : [row[index]! / total];
  });
  return recalls.reduce((sum, recall) => sum + recall, 0) / recalls.length;
};
