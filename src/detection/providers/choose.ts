import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { listSupportedBackends } from "onnxruntime-node";
import { CytoError, launchOf } from "../../core/index.js";
import { type ExecutionProvider, executionProviders, type ProviderTrial } from "./provider.js";

/** `auto` takes the fastest that is there. */
export type ProviderChoice = ExecutionProvider | "auto";

const trialTimeoutMs = 20_000;

/** Runs the trial network on one provider in a child process, so that no native crash or hang comes near this one. */
const tryInChild = (provider: ExecutionProvider): Promise<ProviderTrial> =>
  new Promise((resolve) => {
    const launch = launchOf(new URL("./trialProcess.js", import.meta.url));
    const child = fork(fileURLToPath(launch.url), [provider], {
      execArgv: [...launch.execArgv],
      stdio: ["ignore", "ignore", "ignore", "ipc"],
    });
    let trial: ProviderTrial | undefined;
    const deadline = setTimeout(() => {
      trial ??= { provider, available: false, reason: `no answer within ${trialTimeoutMs} ms` };
      child.kill("SIGKILL");
    }, trialTimeoutMs);
    child.once("message", (message) => {
      trial ??= message as ProviderTrial;
    });
    const settle = (reason: string): void => {
      clearTimeout(deadline);
      resolve(trial ?? { provider, available: false, reason });
    };
    child.once("error", (error) => settle(error.message));
    child.once("exit", (code, signal) => settle(`its trial ended by ${signal ?? `exit code ${code}`}`));
  });

/** Providers that this build of onnxruntime knows; the CUDA libraries may be missing all the same. */
const knownProviders = (): ExecutionProvider[] => {
  const names = new Set(listSupportedBackends().map(({ name }) => name));
  return executionProviders.filter((provider) => names.has(provider));
};

const trials = new Map<ExecutionProvider, Promise<ProviderTrial>>();

/** Whether a provider works on this machine, found out by a session in a child process; remembered once it was tried. */
export const tryProvider = (provider: ExecutionProvider): Promise<ProviderTrial> => {
  const known = trials.get(provider);
  if (known) return known;
  const trial = knownProviders().includes(provider)
    ? tryInChild(provider)
    : Promise.resolve({ provider, available: false, reason: "this build of onnxruntime does not have it" });
  trials.set(provider, trial);
  return trial;
};

/** All providers, tried one after the other so that their timings can be compared. */
export const tryProviders = async (): Promise<ProviderTrial[]> => {
  const results: ProviderTrial[] = [];
  for (const provider of executionProviders) results.push(await tryProvider(provider));
  return results;
};

const remedies: Readonly<Record<ExecutionProvider, string>> = {
  cuda: "Add onnxruntime's CUDA libraries and the NVIDIA driver (`cytostream doctor` tells how), or take provider cpu.",
  dml: "DirectML needs Windows with a DirectX 12 adapter; take provider cpu or webgpu.",
  coreml: "Core ML needs macOS; take provider cpu or webgpu.",
  webgpu: "WebGPU needs a graphics driver with Vulkan 1.1, Metal or DirectX 12; take provider cpu.",
  cpu: "onnxruntime-node did not load: install the dependencies again with `npm ci`.",
};

const requireProvider = async (provider: ExecutionProvider): Promise<ExecutionProvider> => {
  const trial = await tryProvider(provider);
  if (trial.available) return provider;
  throw new CytoError("PROVIDER_UNAVAILABLE", `execution provider ${provider}: ${trial.reason ?? "not there"}`, {
    remedy: remedies[provider],
    context: { provider },
  });
};

/**
 * The execution provider to run on. By name: that one, tried first. `auto`: the fastest of those that pass the trial; an
 * emulated GPU (Vulkan in software) is slower than the CPU and so is not taken.
 * @throws CytoError PROVIDER_UNAVAILABLE with a remedy where one asked for by name does not work
 */
export const chooseProvider = async (choice: ProviderChoice = "auto"): Promise<ExecutionProvider> => {
  if (choice === "cpu") return "cpu";
  if (choice !== "auto") return requireProvider(choice);
  const accelerators = knownProviders().filter((provider) => provider !== "cpu");
  const found = (await Promise.all(accelerators.map(tryProvider))).filter(({ available }) => available);
  if (found.length === 0) return "cpu";
  const all = [await tryProvider("cpu"), ...found];
  const speed = ({ runMs }: ProviderTrial): number => runMs ?? Number.POSITIVE_INFINITY;
  return all.reduce((best, trial) => (speed(trial) < speed(best) ? trial : best)).provider;
};
