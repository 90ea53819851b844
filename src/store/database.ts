import type { Worker } from "node:worker_threads";
import { BoundedQueue, CytoError, type ErrorCode, launchOf, spawnWorker } from "../core/index.js";
import type { Call, DatabaseProgram, DatabaseWorkerData, Outcome, Procedures, Request, Response } from "./program.js";

type ArgumentOf<P extends Procedures, Name extends keyof P> = Parameters<P[Name]>[0];
type ResultOf<P extends Procedures, Name extends keyof P> = ReturnType<P[Name]>;

/** The database, as its station sees it from any thread: procedures of the station, run in a thread of the database's own. */
export interface Database<Program extends DatabaseProgram> extends AsyncDisposable {
  /** @throws CytoError what the procedure throws, STORE_FAILED, STORE_BUSY, STORE_DAMAGED */
  read<Name extends keyof Program["reads"]>(
    name: Name,
    argument: ArgumentOf<Program["reads"], Name>,
  ): Promise<ResultOf<Program["reads"], Name>>;
  /**
   * Resolves when the change is on the disk. Those that wait go into one transaction.
   * @throws CytoError what the procedure throws, STORE_FULL, STORE_BUSY (as many wait as may), STORE_FAILED
   */
  write<Name extends keyof Program["writes"]>(
    name: Name,
    argument: ArgumentOf<Program["writes"], Name>,
  ): Promise<ResultOf<Program["writes"], Name>>;
  /** SQLite's own look at every page. @throws CytoError STORE_DAMAGED */
  check(): Promise<void>;
  /** Writes that wait. */
  readonly waiting: number;
}

export interface DatabaseOptions {
  readonly path: string;
  /** The module of the station's procedures, as it would be imported: a `DatabaseModule`. */
  readonly module: URL;
  /** For looking on while another process writes. */
  readonly readOnly?: boolean;
  /** Writes that may wait; more are STORE_BUSY. */
  readonly capacity?: number;
}

const defaultCapacity = 4096;
/** Writes of one transaction: enough for one sync to serve many, few enough that none waits long for the others. */
const groupSize = 128;

interface Pending {
  resolve(value: unknown): void;
  reject(error: CytoError): void;
}

interface WaitingCall extends Pending {
  readonly call: Call;
}

const settle = (pending: Pending, outcome: Outcome | undefined): void => {
  if (outcome === undefined) pending.reject(new CytoError("INTERNAL", "the database's thread left a call out"));
  else if ("value" in outcome) pending.resolve(outcome.value);
  else {
    const { code, message, context } = outcome.error;
    pending.reject(new CytoError(code as ErrorCode, message, { context }));
  }
};

class WorkerDatabase implements Database<DatabaseProgram> {
  readonly #worker: Worker;
  readonly #calls = new Map<number, readonly Pending[]>();
  readonly #waiting: BoundedQueue<WaitingCall>;
  readonly #exited: Promise<void>;
  #nextId = 1;
  #writing = false;
  #failure: CytoError | undefined;
  #closing: Promise<void> | undefined;

  constructor(worker: Worker, capacity: number) {
    this.#worker = worker;
    this.#waiting = new BoundedQueue(capacity);
    worker.on("message", (response: Response) => this.#settle(response));
    worker.on("error", (cause) =>
      this.#fail(new CytoError("STORE_FAILED", `the database's thread: ${cause}`, { cause })),
    );
    this.#exited = new Promise((resolve) => {
      worker.once("exit", () => {
        this.#fail(new CytoError("STORE_FAILED", "the database is closed"));
        resolve();
      });
    });
  }

  /** Settles when the thread has the database open. */
  opened(): Promise<unknown> {
    return new Promise((resolve, reject) => this.#calls.set(0, [{ resolve, reject }]));
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  // biome-ignore lint/suspicious/noExplicitAny: typed by the interface
  read(name: string, argument: unknown): Promise<any> {
    return this.#ask("read", [{ name, argument }]);
  }

  // biome-ignore lint/suspicious/noExplicitAny: typed by the interface
  write(name: string, argument: unknown): Promise<any> {
    if (this.#failure) return Promise.reject(this.#failure);
    return new Promise((resolve, reject) => {
      if (!this.#waiting.offer({ call: { name, argument }, resolve, reject }))
        reject(new CytoError("STORE_BUSY", `${this.#waiting.length} changes wait to be written`));
      else if (!this.#writing) {
        this.#writing = true;
        // What is handed in together goes in together.
        queueMicrotask(() => this.#writeGroup());
      }
    });
  }

  async check(): Promise<void> {
    await this.#ask("check", []);
  }

  #ask(kind: Request["kind"], calls: readonly Call[]): Promise<unknown> {
    if (this.#failure) return Promise.reject(this.#failure);
    return new Promise((resolve, reject) => this.#send(kind, calls, [{ resolve, reject }]));
  }

  #send(kind: Request["kind"], calls: readonly Call[], pending: readonly Pending[]): void {
    const id = this.#nextId++;
    this.#calls.set(id, pending);
    this.#worker.postMessage({ id, kind, calls } satisfies Request);
  }

  #writeGroup(): void {
    const group: WaitingCall[] = [];
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
      group.push(next);
      if (group.length === groupSize) break;
    }
    this.#writing = group.length > 0 && this.#failure === undefined;
    if (!this.#writing) return;
    const calls = group.map(({ call }) => call);
    this.#send("write", calls, [...group.map(({ resolve, reject }) => ({ resolve, reject })), this.#groupEnd]);
  }

  /** Stands behind the calls of a group: the next group goes when all of this one are settled. */
  readonly #groupEnd: Pending = { resolve: () => this.#writeGroup(), reject: () => this.#writeGroup() };

  #settle({ id, outcomes }: Response): void {
    const pending = this.#calls.get(id) ?? [];
    this.#calls.delete(id);
    pending.forEach((one, index) => {
      if (one === this.#groupEnd) this.#writeGroup();
      else settle(one, outcomes[index]);
    });
  }

  #fail(failure: CytoError): void {
    if (this.#failure) return;
    this.#failure = failure;
    const all = [...this.#waiting.drain(), ...[...this.#calls.values()].flat()];
    this.#calls.clear();
    for (const { reject } of all) reject(failure);
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    if (this.#failure === undefined) {
      // What waits is written first: the thread answers in order.
      while (this.#writing) await this.#ask("read", []).catch(() => {});
      await this.#ask("close", []).catch(() => {});
    }
    await this.#exited;
  }
}

/**
 * Opens a database in a thread of its own: WAL, each commit synced, one writer. A new one is made, an older one migrated.
 * @throws CytoError STORE_NEWER, STORE_DAMAGED, STORE_FULL, STORE_FAILED
 */
export const openDatabase = async <Program extends DatabaseProgram>(
  options: DatabaseOptions,
): Promise<Database<Program>> => {
  const { path, module, readOnly = false, capacity = defaultCapacity } = options;
  const data: DatabaseWorkerData = { path, module: launchOf(module).url.href, readOnly };
  const worker = spawnWorker(new URL("./databaseWorker.js", import.meta.url), {
    name: "cytostream-store",
    workerData: data,
  });
  const database = new WorkerDatabase(worker, capacity);
  await database.opened();
  return database as unknown as Database<Program>;
};
