import { workerData } from "node:worker_threads";
import type { ParameterState } from "../contract.js";
import { serveSteps } from "../thread/serveSteps.js";
import { loadTensorFlow, type TensorFlowBackend } from "./library.js";
import type { Program } from "./program.js";
import { TensorFlowSession } from "./session.js";

/** What the worker thread is started with. */
export interface TensorFlowWorkerData {
  readonly programs: readonly Program[];
  readonly backend: TensorFlowBackend;
  readonly initial: Readonly<Record<string, ParameterState>>;
}

/** Entry of the worker thread that holds a training in TensorFlow. */
const { programs, backend, initial } = workerData as TensorFlowWorkerData;
serveSteps(async () => {
  const session = new TensorFlowSession(await loadTensorFlow(backend), programs);
  session.write(initial);
  return session;
});
