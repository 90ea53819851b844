import { type ProviderChoice, tryModel } from "../detection/index.js";
import { type LoadedModel, loadModel } from "./load.js";

/**
 * Everything that can be known of a model without labelled fields: manifest, hashes of the network and of its variants,
 * tensors of the files against those of the manifest, and a trial run of each in a worker thread.
 * @throws CytoError MODEL_NOT_FOUND, MODEL_INVALID with the reason, PROVIDER_UNAVAILABLE
 */
export const verifyModel = async (directory: string, provider: ProviderChoice = "cpu"): Promise<LoadedModel> => {
  const model = await loadModel(directory);
  await tryModel(model.source, provider);
  for (const { precision } of model.manifest.variants ?? [])
    await tryModel((await loadModel(directory, { precision })).source, provider);
  return model;
};
