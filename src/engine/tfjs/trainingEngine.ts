import { CytoError, spawnWorker } from "../../core/index.js";
import type { TrainingEngine } from "../contract.js";
import { requireInitial } from "../thread/layouts.js";
import { openRun } from "../thread/workerRun.js";
import { requireTensorFlow } from "./binding.js";
import type { TensorFlowBackend } from "./library.js";
import { programOf } from "./program.js";
import type { TensorFlowWorkerData } from "./stepWorker.js";

export interface TfjsEngineOptions {
  /** Default `native`; `javascript` is for tests on tiny shapes. */
  readonly backend?: TensorFlowBackend;
  /** Threads within an operator, where the processor computes; default all cores. One number for a process's whole life. */
  readonly threads?: number;
}

/**
 * The second training engine: the same graphs, carried out by TensorFlow operator by operator and differentiated by
 * TensorFlow.js, in a worker thread. On a GPU where the native library finds one.
 *
 * `load` throws CytoError TENSORFLOW_UNAVAILABLE where the native library is not there: nothing takes its place.
 */
export const tfjsEngine = ({ backend = "native", threads }: TfjsEngineOptions = {}): TrainingEngine => ({
  name: "tfjs",
  load: async (problems, initial) => {
    if (backend === "native") {
      requireTensorFlow();
      prepareEnvironment(threads);
    }
    const layouts = requireInitial(problems, initial);
    const workerData: TensorFlowWorkerData = { programs: problems.map(programOf), backend, initial };
    return openRun(spawnWorker(new URL("./stepWorker.js", import.meta.url), { workerData }), layouts);
  },
});

let preparedFor: number | "all" | undefined;

/** The native library reads the process's environment once, when it is first loaded. */
const prepareEnvironment = (threads: number | undefined): void => {
  const wanted = threads ?? "all";
  if (preparedFor !== undefined && preparedFor !== wanted) {
    throw new CytoError("INTERNAL", `TensorFlow runs on ${preparedFor} threads in this process, not on ${wanted}`);
  }
  preparedFor = wanted;
  if (threads !== undefined) process.env.TF_NUM_INTRAOP_THREADS = String(threads);
  // Warnings and errors only: it would tell of its build on standard error.
  process.env.TF_CPP_MIN_LOG_LEVEL ??= "1";
};
