import { CytoError } from "../../../src/core/index.js";

/** In place of the number of calls: none may begin any more. */
const ended = -1;

/**
 * Calls of a thread into native code, counted in memory that another thread sees. A call that returned into a thread that was
 * terminated would abort the process: who ends the thread does so between two calls, and none begins after that.
 */
export class NativeCalls {
  readonly #count: Int32Array;

  /** @param memory of the other thread's object; absent in the first one */
  constructor(readonly memory: SharedArrayBuffer = new SharedArrayBuffer(4)) {
    this.#count = new Int32Array(memory);
  }

  /** Makes a call. @throws CytoError SHUTTING_DOWN where the thread is being ended */
  readonly make = async <T>(call: () => Promise<T>): Promise<T> => {
    this.#begin();
    try {
      return await call();
    } finally {
      Atomics.sub(this.#count, 0, 1);
    }
  };

  #begin(): void {
    for (;;) {
      const count = Atomics.load(this.#count, 0);
      if (count === ended) throw new CytoError("SHUTTING_DOWN", "The thread is being ended.");
      if (Atomics.compareExchange(this.#count, 0, count, count + 1) === count) return;
    }
  }

  /** Lets no more calls begin, unless one is under way. @returns whether the thread may be terminated now */
  end(): boolean {
    const count = Atomics.compareExchange(this.#count, 0, 0, ended);
    return count === 0 || count === ended;
  }
}
