import { availableParallelism } from "node:os";
import type { Worker } from "node:worker_threads";
import { CytoError, spawnWorker } from "../../core/index.js";
import type {
  ParameterState,
  StepRequest,
  StepResult,
  TrainingEngine,
  TrainingProblem,
  TrainingRun,
} from "../contract.js";
import { compileStep } from "../onnx/compileStep.js";
import type { StepCall, StepReply, StepWorkerData } from "./messages.js";
import type { CompiledProblem } from "./stepSession.js";

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
    const workerData: StepWorkerData = {
      problems: problems.map(compile),
      options: {
        executionProviders: options.executionProviders ?? ["cpu"],
        intraOpThreads: options.intraOpThreads ?? availableParallelism(),
      },
      initial,
    };
    const run = new WorkerRun(spawnWorker(new URL("./stepWorker.js", import.meta.url), { workerData }));
    try {
      await run.opened();
    } catch (error) {
      await run[Symbol.asyncDispose]();
      throw error;
    }
    return run;
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

interface Pending {
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: CytoError) => void;
}

type CallBody = StepCall extends infer Call ? (Call extends StepCall ? Omit<Call, "id"> : never) : never;

class WorkerRun implements TrainingRun {
  readonly #worker: Worker;
  readonly #pending = new Map<number, Pending>();
  #nextId = 0;
  #ended: CytoError | undefined;
  #closing: Promise<void> | undefined;

  constructor(worker: Worker) {
    this.#worker = worker;
    worker.on("message", (reply: StepReply) => this.#settle(reply));
    worker.on("error", (error) => this.#end(CytoError.from(error)));
    worker.on("exit", (code) => this.#end(new CytoError("INTERNAL", `The training worker ended with ${code}`)));
  }

  async opened(): Promise<void> {
    await this.#call({ kind: "open" });
  }

  async step(request: StepRequest): Promise<StepResult> {
    return (await this.#call({ kind: "step", request })) as StepResult;
  }

  async readState(): Promise<Readonly<Record<string, ParameterState>>> {
    return (await this.#call({ kind: "read" })) as Record<string, ParameterState>;
  }

  async writeState(states: Readonly<Record<string, ParameterState>>): Promise<void> {
    await this.#call({ kind: "write", states });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing ??= this.#ended
      ? Promise.resolve()
      : this.#call({ kind: "close" }).then(
          async () => void (await this.#worker.terminate()),
          async () => void (await this.#worker.terminate()),
        );
    await this.#closing;
  }

  #call(body: CallBody): Promise<unknown> {
    if (this.#ended) return Promise.reject(this.#ended);
    const id = this.#nextId;
    this.#nextId += 1;
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve, reject });
      this.#worker.postMessage({ ...body, id });
    });
  }

  #settle(reply: StepReply): void {
    const pending = this.#pending.get(reply.id);
    this.#pending.delete(reply.id);
    if (!pending) return;
    if (reply.error)
      pending.reject(new CytoError(reply.error.code, reply.error.message, { context: reply.error.context }));
    else pending.resolve(reply.result);
  }

  #end(error: CytoError): void {
    this.#ended ??= error;
    for (const pending of this.#pending.values()) pending.reject(this.#ended);
    this.#pending.clear();
  }
}
