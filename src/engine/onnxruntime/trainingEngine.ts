import { availableParallelism } from "node:os";
import { spawnWorker } from "../../core/index.js";
import type { TrainingEngine, TrainingProblem } from "../contract.js";
import { compileStep } from "../onnx/compileStep.js";
import { requireInitial } from "../thread/layouts.js";
import { openRun } from "../thread/workerRun.js";
import type { CompiledProblem, StepWorkerData } from "./stepSession.js";

export interface OnnxruntimeEngineOptions {
  /** onnxruntime's names, in order of preference; default `["cpu"]`. */
  readonly executionProviders?: readonly string[];
  /** Threads within an operator; default all cores. */
  readonly intraOpThreads?: number;
}

/** The embedded training engine: each step one ONNX graph, run by onnxruntime-node in a worker thread. */
export const onnxruntimeEngine = (options: OnnxruntimeEngineOptions = {}): TrainingEngine => ({
  name: "onnxruntime",
  load: async (problems, initial) => {
    const layouts = requireInitial(problems, initial);
    const workerData: StepWorkerData = {
      problems: problems.map(compile),
      options: {
        executionProviders: options.executionProviders ?? ["cpu"],
        intraOpThreads: options.intraOpThreads ?? availableParallelism(),
      },
      initial,
    };
    return openRun(spawnWorker(new URL("./stepWorker.js", import.meta.url), { workerData }), layouts);
  },
});

const compile = (problem: TrainingProblem): CompiledProblem => ({
  name: problem.name,
  model: compileStep(problem),
  players: problem.players.map(({ parameters, optimiser }) => ({
    set: parameters.name,
    beta1: optimiser.beta1,
    beta2: optimiser.beta2,
  })),
  sets: problem.parameterSets.map((set) => set.name),
  losses: Object.keys(problem.losses),
  observations: Object.keys(problem.observations ?? {}),
});
