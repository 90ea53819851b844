import { Option } from "commander";
import { chooseProvider, tryProvider } from "../detection/index.js";

/** Providers that run a whole training step: the graph has operators that the others lack. */
export const trainingProviders = ["auto", "cpu", "cuda"] as const;
export type TrainingProvider = (typeof trainingProviders)[number];

export const trainingProviderOption = (): Option =>
  new Option("--provider <name>", "where the steps run; auto takes CUDA where it works, else the CPU")
    .choices(trainingProviders)
    .default("auto");

/**
 * onnxruntime's names of the execution providers for a training. With CUDA, what it lacks runs on the CPU, and a run is
 * no longer the same bit for bit: its sums come in any order.
 * @throws CytoError PROVIDER_UNAVAILABLE where one asked for by name does not work
 */
export const executionProvidersFor = async (choice: TrainingProvider): Promise<readonly string[]> => {
  if (choice === "cpu") return ["cpu"];
  if (choice === "cuda") await chooseProvider("cuda");
  else if (!(await tryProvider("cuda")).available) return ["cpu"];
  return ["cuda", "cpu"];
};
