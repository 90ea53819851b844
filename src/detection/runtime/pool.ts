import { BoundedQueue, backoffDelayMs, CytoError } from "../../core/index.js";
import type { GoldenFields } from "../golden.js";
import type { DetectorModels } from "../model.js";
import type { ExecutionProvider } from "../providers/provider.js";
import type { SearchCall, WorkerResult } from "./messages.js";
import { WorkerHandle } from "./workerHandle.js";

export interface PoolOptions {
  readonly models: DetectorModels;
  readonly provider: ExecutionProvider;
  readonly workers: number;
  /** Threads of onnxruntime inside each worker. */
  readonly threads: number;
  /** Fields that may wait for a worker; one more is refused. */
  readonly waiting: number;
  /** A worker that gives no answer for this long is replaced, and its fields fail. */
  readonly timeoutMs: number;
  /** A worker died and is being replaced. */
  readonly onCrash?: (error: CytoError) => void;
}

interface Job {
  readonly call: SearchCall;
  readonly resolve: (result: WorkerResult) => void;
  readonly reject: (error: CytoError) => void;
  settled: boolean;
}

/** Fields that a worker is given at once: the one it searches and one that waits, so that it never idles. */
const depth = 2;
const closeTimeoutMs = 4000;
const restart = { initialDelayMs: 100, maxDelayMs: 10_000 };

/** Worker threads behind one queue: the model slot. Models are exchanged in all of them or in none. */
export class WorkerPool implements AsyncDisposable {
  #models: DetectorModels;
  readonly #options: PoolOptions;
  readonly #handles = new Set<WorkerHandle>();
  readonly #watchdogs = new Map<WorkerHandle, NodeJS.Timeout>();
  readonly #queue: BoundedQueue<Job>;
  readonly #abandoned = new Set<WorkerHandle>();
  readonly #running = new Set<Promise<void>>();
  /** Opening, swapping and restarting exclude each other. */
  #exclusive: Promise<unknown> = Promise.resolve();
  #closing: Promise<void> | undefined;
  readonly #delays = new Set<() => void>();

  private constructor(options: PoolOptions) {
    this.#options = options;
    this.#models = options.models;
    this.#queue = new BoundedQueue(options.waiting);
  }

  /** @throws CytoError MODEL_NOT_FOUND, MODEL_INVALID, DETECTOR_CRASHED: then no thread is left */
  static async open(options: PoolOptions): Promise<WorkerPool> {
    const pool = new WorkerPool(options);
    try {
      await Promise.all(Array.from({ length: options.workers }, () => pool.#startWorker()));
    } catch (error) {
      await pool[Symbol.asyncDispose]();
      throw error;
    }
    return pool;
  }

  get models(): DetectorModels {
    return this.#models;
  }

  get waiting(): number {
    return this.#queue.length;
  }

  /** @throws CytoError DETECTION_FAILED, DETECTOR_CRASHED, DETECTOR_CLOSED, DETECTION_CANCELLED */
  search(call: SearchCall, signal?: AbortSignal): Promise<WorkerResult> {
    if (this.#closing) return Promise.reject(new CytoError("DETECTOR_CLOSED", "the detector is closed"));
    if (signal?.aborted) return Promise.reject(cancelled());
    return new Promise((resolve, reject) => {
      const abort = (): void => job.reject(cancelled());
      const settle = (): boolean => {
        if (job.settled) return false;
        job.settled = true;
        signal?.removeEventListener("abort", abort);
        return true;
      };
      const job: Job = {
        call,
        resolve: (result) => settle() && resolve(result),
        reject: (error) => settle() && reject(error),
        settled: false,
      };
      signal?.addEventListener("abort", abort, { once: true });
      if (!this.#queue.offer(job)) {
        const limit = this.#queue.capacity;
        job.reject(new CytoError("DETECTION_FAILED", `more than ${limit} fields wait for a detection worker`));
      }
      this.#dispatch();
    });
  }

  /** @throws CytoError what kept a worker from opening the models, or from finding the golden cells; the old ones serve on */
  swap(models: DetectorModels, golden?: GoldenFields): Promise<void> {
    return this.#alone(async () => {
      if (this.#closing) throw new CytoError("DETECTOR_CLOSED", "the detector is closed");
      const handles = [...this.#handles];
      if (handles.length === 0) throw new CytoError("DETECTOR_CRASHED", "no worker is there to try the models");
      const { provider, threads } = this.#options;
      const opened = await Promise.allSettled(
        handles.map((handle) => handle.ask({ type: "open", models, provider, threads, ...(golden ? { golden } : {}) })),
      );
      const refusal = opened.find((result) => result.status === "rejected");
      if (refusal) {
        await Promise.allSettled(handles.map((handle) => handle.ask({ type: "discard" })));
        throw CytoError.from(refusal.reason, "MODEL_INVALID");
      }
      this.#models = models;
      // A worker that dies in this moment is restarted with the new models.
      await Promise.allSettled(handles.map((handle) => handle.ask({ type: "exchange" })));
    });
  }

  /** Finishes what was given, then ends the threads. */
  [Symbol.asyncDispose](): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    for (const cut of this.#delays) cut();
    // Each field that ends lets the next one start.
    while (this.#running.size > 0) await Promise.race([...this.#running]);
    this.#failWaiting(new CytoError("DETECTOR_CLOSED", "the detector was closed"));
    await this.#exclusive;
    const handles = [...this.#handles];
    this.#handles.clear();
    const abandoned = [...this.#abandoned].map((handle) => handle.ended(closeTimeoutMs));
    await Promise.all([...handles.map((handle) => handle.close(closeTimeoutMs)), ...abandoned]);
  }

  #alone<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#exclusive.then(work);
    this.#exclusive = result.catch(() => undefined);
    return result;
  }

  async #startWorker(): Promise<void> {
    const handle = new WorkerHandle((dead, error) => this.#buried(dead, error));
    const { provider, threads } = this.#options;
    try {
      await handle.ask({ type: "open", models: this.#models, provider, threads });
      await handle.ask({ type: "exchange" });
    } catch (error) {
      await handle.close(closeTimeoutMs);
      throw error;
    }
    this.#handles.add(handle);
    this.#dispatch();
  }

  /** A thread is gone or given up: replaces it, unless it never served or the pool is closing. */
  #buried(handle: WorkerHandle, error: CytoError): void {
    clearTimeout(this.#watchdogs.get(handle));
    this.#watchdogs.delete(handle);
    void this.#awaitEnd(handle);
    if (!this.#handles.delete(handle) || this.#closing) return;
    this.#options.onCrash?.(error);
    void this.#replace(1);
  }

  /** Closing waits for threads that were given up: they must not be in a native run when the process ends. */
  async #awaitEnd(handle: WorkerHandle): Promise<void> {
    this.#abandoned.add(handle);
    await handle.exited;
    this.#abandoned.delete(handle);
  }

  async #replace(attempt: number): Promise<void> {
    try {
      await this.#alone(async () => {
        if (!this.#closing) await this.#startWorker();
      });
    } catch (error) {
      if (this.#handles.size === 0) this.#failWaiting(CytoError.from(error, "DETECTOR_CRASHED"));
      await this.#pause(backoffDelayMs(attempt, restart, Math.random));
      if (!this.#closing) await this.#replace(attempt + 1);
    }
  }

  #pause(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      const cut = (): void => {
        clearTimeout(timer);
        this.#delays.delete(cut);
        resolve();
      };
      const timer = setTimeout(cut, delayMs);
      this.#delays.add(cut);
    });
  }

  #failWaiting(error: CytoError): void {
    for (const job of this.#queue.drain()) job.reject(error);
  }

  /** Gives waiting fields to the workers that have the least to do. */
  #dispatch(): void {
    for (;;) {
      if (this.#queue.length === 0) return;
      let idlest: WorkerHandle | undefined;
      for (const handle of this.#handles)
        if (handle.isAlive && handle.waiting < (idlest?.waiting ?? depth)) idlest = handle;
      if (!idlest) return;
      const job = this.#queue.shift() as Job;
      if (job.settled) continue;
      const work = this.#run(idlest, job).finally(() => {
        this.#running.delete(work);
        this.#dispatch();
      });
      this.#running.add(work);
    }
  }

  async #run(handle: WorkerHandle, job: Job): Promise<void> {
    try {
      const answer = handle.search({ type: "search", call: job.call });
      if (handle.waiting === 1) this.#watch(handle);
      job.resolve(await answer);
    } catch (error) {
      job.reject(CytoError.from(error, "DETECTION_FAILED"));
    } finally {
      this.#watch(handle);
    }
  }

  /** Starts the worker's time anew, or stops it where it has nothing to do. */
  #watch(handle: WorkerHandle): void {
    clearTimeout(this.#watchdogs.get(handle));
    this.#watchdogs.delete(handle);
    if (handle.waiting === 0 || !handle.isAlive) return;
    const { timeoutMs } = this.#options;
    const timer = setTimeout(() => {
      handle.abandon(new CytoError("DETECTOR_CRASHED", `a field took longer than ${timeoutMs} ms`));
    }, timeoutMs);
    this.#watchdogs.set(handle, timer);
  }
}

const cancelled = (): CytoError => new CytoError("DETECTION_CANCELLED", "the field was withdrawn");
