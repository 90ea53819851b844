import type { Worker } from "node:worker_threads";
import { CytoError } from "../../core/index.js";
import type { ParameterState, StepRequest, StepResult, TrainingRun } from "../contract.js";
import { requireFit, type SetLayout } from "./layouts.js";
import type { StepCall, StepReply } from "./messages.js";

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
    if (reply.error) {
      const { code, message, context, remedy } = reply.error;
      pending.reject(new CytoError(code, message, { context, remedy }));
    } else pending.resolve(reply.result);
  }

  #end(error: CytoError): void {
    this.#ended ??= error;
    for (const pending of this.#pending.values()) pending.reject(this.#ended);
    this.#pending.clear();
  }
}

/** Waits until a thread has loaded its problems; where it cannot, the thread is ended. @throws CytoError */
export const openRun = async (worker: Worker, layouts: ReadonlyMap<string, SetLayout>): Promise<WorkerRun> => {
  const run = new WorkerRun(worker, layouts);
  try {
    await run.opened();
  } catch (error) {
    await run[Symbol.asyncDispose]();
    throw error;
  }
  return run;
};
