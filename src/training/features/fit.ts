import { readFile } from "node:fs/promises";
import { readConstants, serialise } from "../../engine/onnx/index.js";
import { encoderWeights, type FeatureProjection, featureEncoder, type Weights } from "../../networks/index.js";
import type { Picture } from "../../pictures/index.js";
import { featureNetworkOf } from "../../registry/index.js";
import { loadFieldPictures } from "../datasets/fieldPictures.js";
import type { LabelledField } from "../datasets/index.js";
import { evenlySpaced } from "../evenlySpaced.js";
import { FeatureStatistics, principalComponents } from "../metrics/index.js";
import { patchPx, tilePicture, tilesOf } from "./tiles.js";

/** Features of the project's own encoder. */
export const featureCount = 64;
/** Fields of each data set that the projection is fitted on, at most: evenly spaced among them. */
const fieldsPerDataset = 400;
/** Fields are kept at this diameter of a red cell, so that patches are as sharp as the field. */
const storedRedCellPx = 64;
const fieldsAtOnce = 16;

export interface FittedFeatures {
  readonly onnxBytes: Uint8Array<ArrayBuffer>;
  /** Number of features. */
  readonly dimensions: number;
  readonly patches: number;
  readonly fields: number;
  /** Part of the standardised statistics' variance that the features keep. */
  readonly keptVariance: number;
}

const byDataset = (fields: readonly LabelledField[]): readonly (readonly LabelledField[])[] => {
  const names = [...new Set(fields.map(({ dataset }) => dataset))];
  return names.map((name) => fields.filter(({ dataset }) => dataset === name));
};

async function* patchesOfFields(fields: readonly LabelledField[]): AsyncGenerator<readonly Picture[]> {
  for (let start = 0; start < fields.length; start += fieldsAtOnce) {
    const stored = await loadFieldPictures(fields.slice(start, start + fieldsAtOnce), { redCellPx: storedRedCellPx });
    yield stored.flatMap((field) => tilesOf(field, patchPx).map((tile) => tilePicture(field, tile, patchPx)));
  }
}

/** Statistics of the encoder's levels over patches of real fields. */
const measure = async (weights: Weights, fields: readonly LabelledField[], onField: (done: number) => void) => {
  await using network = await featureNetworkOf(serialise(featureEncoder(weights)), { name: "encoder" });
  const statistics = new FeatureStatistics(network.dimensions);
  let done = 0;
  for await (const patches of patchesOfFields(fields)) {
    for (const vector of await network.extract(patches)) statistics.add(vector);
    done = Math.min(done + fieldsAtOnce, fields.length);
    onField(done);
  }
  return statistics;
};

/** Each statistic over its deviation, then the principal components, each over its own: real patches have unit variance. */
const projectionOf = (statistics: FeatureStatistics): { projection: FeatureProjection; keptVariance: number } => {
  const { mean, covariance } = statistics.gaussian();
  const size = mean.length;
  const deviations = mean.map((_, index) => Math.sqrt(covariance[index * (size + 1)]!));
  const greatest = deviations.reduce((most, value) => Math.max(most, value), 0);
  // A channel that never changes tells nothing and must not divide by nothing.
  const scales = deviations.map((value) => (value > 1e-6 * greatest ? 1 / value : 0));
  const correlation = covariance.map((value, at) => value * scales[Math.floor(at / size)]! * scales[at % size]!);
  const { variances, directions } = principalComponents({ mean, covariance: correlation });
  const features = Math.min(featureCount, variances.filter((value) => value > 1e-6 * variances[0]!).length);
  const matrix = new Float32Array(size * features);
  for (let feature = 0; feature < features; feature++)
    for (let index = 0; index < size; index++)
      matrix[index * features + feature] =
        (directions[feature]![index]! * scales[index]!) / Math.sqrt(variances[feature]!);
  const sum = (values: Float64Array): number => values.reduce((total, value) => total + value, 0);
  const keptVariance = sum(variances.slice(0, features)) / sum(variances);
  return { projection: { mean: Float32Array.from(mean), matrix, features }, keptVariance };
};

/**
 * Makes the network of features from a trained detector's ONNX file: its way down with each level's means and deviations,
 * projected to the 64 principal components of real patches of 64 px, whitened. Same file and fields: same bytes.
 * @throws CytoError MODEL_INVALID where the file is no U-Net of the project, DATASET_INVALID, IMAGE_UNREADABLE
 */
export const fitFeatures = async (
  detectorFile: string,
  fields: readonly LabelledField[],
  onField: (done: number, total: number) => void = () => undefined,
): Promise<FittedFeatures> => {
  const weights = encoderWeights(readConstants(await readFile(detectorFile)));
  const chosen = byDataset(fields).flatMap((group) => evenlySpaced(group, fieldsPerDataset));
  const statistics = await measure(weights, chosen, (done) => onField(done, chosen.length));
  const { projection, keptVariance } = projectionOf(statistics);
  return {
    onnxBytes: serialise(featureEncoder(weights, projection)),
    dimensions: projection.features,
    patches: statistics.count,
    fields: chosen.length,
    keptVariance,
  };
};
