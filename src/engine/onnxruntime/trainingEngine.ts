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
    const layouts = layoutsOf(problems);
    for (const set of layouts.keys()) {
      if (!initial[set]) throw new CytoError("INTERNAL", `No initial state for the parameter set ${set}`);
    }
    requireFit(layouts, initial);
    const workerData: StepWorkerData = {
      problems: problems.map(compile),
      options: {
        executionProviders: options.executionProviders ?? ["cpu"],
        intraOpThreads: options.intraOpThreads ?? availableParallelism(),
      },
      initial,
    };
    const run = new WorkerRun(spawnWorker(new URL("./stepWorker.js", import.meta.url), { workerData }), layouts);
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

/** Lengths of a parameter set's vectors and, as text, everything that decides what lies where in them. */
export interface SetLayout {
  readonly length: number;
  readonly statisticsLength: number;
  readonly text: string;
}

/** Layouts by parameter set. @throws CytoError INTERNAL where two problems lay one set out differently */
const layoutsOf = (problems: readonly TrainingProblem[]): ReadonlyMap<string, SetLayout> => {
  const layouts = new Map<string, SetLayout>();
  for (const set of problems.flatMap((problem) => problem.parameterSets)) {
    const statistics = set.statistics.map(({ name, value }) => [name, value.shape]);
    const text = JSON.stringify([set.entries.map(({ name, shape }) => [name, shape]), statistics]);
    if ((layouts.get(set.name)?.text ?? text) !== text) {
      throw new CytoError("INTERNAL", `Two problems declare the parameter set ${set.name} differently`);
    }
    layouts.set(set.name, { length: set.length, statisticsLength: set.statisticsLength, text });
  }
  return layouts;
};

/** @throws CytoError CHECKPOINT_INVALID where a state is of no known set or its vectors have other lengths */
const requireFit = (
  layouts: ReadonlyMap<string, SetLayout>,
  states: Readonly<Record<string, ParameterState>>,
): void => {
  for (const [name, state] of Object.entries(states)) {
    const layout = layouts.get(name);
    const { parameters, firstMoment, secondMoment, average, statistics } = state;
    const fits =
      layout !== undefined &&
      [parameters, firstMoment, secondMoment, average].every((vector) => vector.length === layout.length) &&
      statistics.length === layout.statisticsLength;
    if (!fits) throw new CytoError("CHECKPOINT_INVALID", `The state of ${name} does not fit the networks in training`);
  }
};

interface Pending {
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: CytoError) => void;
}

type CallBody = StepCall extends infer Call ? (Call extends StepCall ? Omit<Call, "id"> : never) : never;

/** A training in a worker thread that answers StepCalls; the thread is ended with it. */
export class WorkerRun implements TrainingRun {
  readonly #worker: Worker;
  readonly #layouts: ReadonlyMap<string, SetLayout>;
  readonly #pending = new Map<number, Pending>();
  #nextId = 0;
  #ended: CytoError | undefined;
  #closing: Promise<void> | undefined;

  constructor(worker: Worker, layouts: ReadonlyMap<string, SetLayout>) {
    this.#worker = worker;
    this.#layouts = layouts;
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
    requireFit(this.#layouts, states);
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
      try {
        this.#worker.postMessage({ ...body, id });
        this.#pending.set(id, { resolve, reject });
      } catch (error) {
        reject(CytoError.from(error));
      }
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
