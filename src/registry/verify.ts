import { type ProviderChoice, tryModel } from "../detection/index.js";
import { openFeaturesModel } from "./featureNetwork.js";
import { type LoadedModel, loadModel } from "./load.js";
import { openPainterSession } from "./painterSession.js";

/**
 * Everything that can be known of a model without labelled fields: manifest, hashes of the network and of its variants,
 * tensors of the files against those of the manifest, and a trial run of each in a worker thread.
 * @throws CytoError MODEL_NOT_FOUND, MODEL_INVALID with the reason, PROVIDER_UNAVAILABLE
 */
export const verifyModel = async (directory: string, provider: ProviderChoice = "cpu"): Promise<LoadedModel> => {
  const model = await loadModel(directory);
  if (model.source.kind === "painter") {
    const session = await openPainterSession(model.source, { provider: provider === "auto" ? "cpu" : provider });
    await session[Symbol.asyncDispose]();
    return model;
  }
  if (model.source.kind === "features") {
    await using _network = await openFeaturesModel(model.source);
    return model;
  }
  const precisions = [undefined, ...(model.manifest.variants ?? []).map(({ precision }) => precision)];
  for (const precision of precisions) {
    const { source } = precision === undefined ? model : await loadModel(directory, { precision });
    if (source.kind === "detector" || source.kind === "classifier") await tryModel(source, provider);
  }
  return model;
};
