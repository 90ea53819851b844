import type { Picture } from "../../pictures/index.js";
import { type FeatureNetwork, loadFeaturesModel, openFeatureFile, openFeaturesModel } from "../../registry/index.js";
import { resamplePicture } from "../datasets/index.js";
import { FeatureStatistics } from "../metrics/index.js";
import { patchesOf } from "./tiles.js";

const toSide = (picture: Picture, sidePx: number | undefined): Picture =>
  sidePx === undefined || (picture.width === sidePx && picture.height === sidePx)
    ? picture
    : resamplePicture(picture, { left: 0, top: 0, ...picture }, { width: sidePx, height: sidePx });

/**
 * The network that features are taken from: an ONNX file of the user's choice, or a model folder.
 * @throws CytoError MODEL_NOT_FOUND, MODEL_INVALID with the reason
 */
export const openFeatures = async (path: string, threads?: number): Promise<FeatureNetwork> =>
  path.endsWith(".onnx") ? openFeatureFile(path, threads) : openFeaturesModel(await loadFeaturesModel(path), threads);

/** Gathers the features of pictures' patches, which are brought to the size that the network takes. */
export class PatchFeatures {
  readonly statistics: FeatureStatistics;

  constructor(private readonly network: FeatureNetwork) {
    this.statistics = new FeatureStatistics(network.dimensions);
  }

  /** Adds the patches of a picture whose side is a multiple of theirs. @throws CytoError MODEL_INVALID */
  async add(picture: Picture): Promise<void> {
    const patches = patchesOf(picture).map((patch) => toSide(patch, this.network.sidePx));
    for (const vector of await this.network.extract(patches)) this.statistics.add(vector);
  }
}
