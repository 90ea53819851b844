import type { Worker } from "node:worker_threads";
import { CytoError, spawnWorker } from "../../core/index.js";
import { fromPlainError } from "./errors.js";
import type { WorkerCall, WorkerData, WorkerReply, WorkerResult } from "./messages.js";

interface Pending {
  readonly resolve: (reply: WorkerReply) => void;
  readonly reject: (error: CytoError) => void;
}

type Call = WorkerCall extends infer Each ? (Each extends { id: number } ? Omit<Each, "id"> : never) : never;

/**
 * One worker thread and the calls it has not answered. Its death rejects them with DETECTOR_CRASHED.
 *
 * A thread is never terminated from outside: a native run that returns into a terminated thread throws where nobody can
 * catch it and takes the whole process with it. One that is given up is asked to end by itself, and not waited for.
 */
export class WorkerHandle {
  readonly #worker: Worker;
  readonly #pending = new Map<number, Pending>();
  /** Resolves when the thread has ended. */
  readonly exited: Promise<void>;
  #nextId = 0;
  #failure: CytoError | undefined;
  readonly #onDeath: (handle: WorkerHandle, error: CytoError) => void;
  /** Not 0: the thread shall leave the field it is at. */
  readonly #stop = new Int32Array(new SharedArrayBuffer(4));

  /** @param onDeath called once when the thread has ended or was given up */
  constructor(onDeath: (handle: WorkerHandle, error: CytoError) => void) {
    this.#onDeath = onDeath;
    this.#worker = spawnWorker(new URL("./worker.js", import.meta.url), {
      name: "cytostream-detection",
      workerData: { stop: this.#stop.buffer } satisfies WorkerData,
    });
    this.#worker.on("message", (reply: WorkerReply) => this.#settle(reply));
    this.#worker.on("error", (cause) => {
      this.#die(new CytoError("DETECTOR_CRASHED", `the detection worker threw: ${cause.message}`, { cause }));
    });
    this.exited = new Promise((resolve) => {
      this.#worker.once("exit", (code) => {
        this.#die(new CytoError("DETECTOR_CRASHED", `the detection worker ended with code ${code}`));
        resolve();
      });
    });
  }

  /** Calls that wait for their answer. */
  get waiting(): number {
    return this.#pending.size;
  }

  get isAlive(): boolean {
    return this.#failure === undefined;
  }

  /** @throws CytoError what the worker answered, or DETECTOR_CRASHED */
  async ask(call: Exclude<Call, { type: "search" }>): Promise<void> {
    await this.#send(call, []);
  }

  /** @throws CytoError DETECTION_FAILED, DETECTOR_CRASHED */
  async search(call: Extract<Call, { type: "search" }>): Promise<WorkerResult> {
    const reply = await this.#send(call, [call.call.pixels.buffer]);
    if (reply.type !== "found") throw new CytoError("INTERNAL", `a search was answered by ${reply.type}`);
    return reply.result;
  }

  /** Gives the thread up: its calls are rejected with `reason` now, it ends when its native run returns. */
  abandon(reason: CytoError): void {
    if (!this.isAlive) return;
    Atomics.store(this.#stop, 0, 1);
    this.#worker.postMessage({ type: "close", id: this.#nextId++ } satisfies WorkerCall);
    this.#worker.unref();
    this.#die(reason);
  }

  /** Lets the thread answer what it was asked, release its sessions and end; gives it up after `timeoutMs`. */
  async close(timeoutMs: number): Promise<void> {
    const asked = this.ask({ type: "close" }).catch(() => undefined);
    await Promise.race([asked, this.ended(timeoutMs)]);
    await this.ended(timeoutMs);
    this.abandon(new CytoError("DETECTOR_CLOSED", "the detector was closed"));
  }

  /** Resolves when the thread has ended, or after `timeoutMs`. */
  async ended(timeoutMs: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, timeoutMs);
    });
    await Promise.race([this.exited, late]);
    clearTimeout(timer);
  }

  #die(error: CytoError): void {
    if (!this.isAlive) return;
    this.#failure = error;
    const lost = [...this.#pending.values()];
    this.#pending.clear();
    for (const { reject } of lost) reject(error);
    this.#onDeath(this, error);
  }

  #send(call: Call, transfer: ArrayBuffer[]): Promise<WorkerReply> {
    if (this.#failure) return Promise.reject(this.#failure);
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve, reject });
      this.#worker.postMessage({ ...call, id }, transfer);
    });
  }

  #settle(reply: WorkerReply): void {
    const pending = this.#pending.get(reply.id);
    this.#pending.delete(reply.id);
    if (reply.type === "failed") pending?.reject(fromPlainError(reply.error));
    else pending?.resolve(reply);
  }
}
