import { Option } from "commander";
import { CytoError } from "../core/index.js";
import { onnxruntimeEngine, requireTensorFlow, type TrainingEngine, tfjsEngine } from "../engine/index.js";
import { executionProvidersFor, type TrainingProvider } from "./trainingProvider.js";

export interface EngineChoice {
  readonly engine: TrainingEngine["name"];
  readonly provider: TrainingProvider;
  /** Default all cores. */
  readonly threads?: number;
}

export const trainingEngineOption = (): Option =>
  new Option("--engine <name>", "what takes the steps; tfjs needs `npm run setup:tensorflow`")
    .choices(["onnxruntime", "tfjs"] satisfies TrainingEngine["name"][])
    .default("onnxruntime");

/**
 * The engine that the options of a training command name.
 * @throws CytoError TENSORFLOW_UNAVAILABLE, PROVIDER_UNAVAILABLE where it is not there; USAGE where options do not go together
 */
export const trainingEngineFor = async ({ engine, provider, threads }: EngineChoice): Promise<TrainingEngine> => {
  if (engine === "onnxruntime") {
    const executionProviders = await executionProvidersFor(provider);
    return onnxruntimeEngine({ executionProviders, ...(threads === undefined ? {} : { intraOpThreads: threads }) });
  }
  if (provider !== "auto") {
    throw new CytoError(
      "USAGE",
      "--provider is for --engine onnxruntime: tfjs computes on the GPU that it was set up for",
    );
  }
  requireTensorFlow();
  return tfjsEngine(threads === undefined ? {} : { threads });
};
