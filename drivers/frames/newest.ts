/**
 * A mailbox of one: what arrives replaces what was not fetched, so that a reader always gets the newest and memory stays bounded. Ends
 * by `end` or `fail`; what lies in it then can still be fetched.
 */
export class Newest<T> {
  #item: T | undefined;
  #over: { readonly error?: unknown } | undefined;
  #wake: () => void = () => {};

  /** @param onReplaced told once for each item that nobody has fetched */
  constructor(readonly onReplaced: (item: T) => void = () => {}) {}

  put(item: T): void {
    if (this.#over !== undefined) return;
    const replaced = this.#item;
    this.#item = item;
    if (replaced !== undefined) this.onReplaced(replaced);
    this.#wake();
  }

  /** Nothing more will come. The first of `end` and `fail` counts. */
  end(): void {
    this.#over ??= {};
    this.#wake();
  }

  fail(error: unknown): void {
    this.#over ??= { error };
    this.#wake();
  }

  /**
   * The newest item, waited for; undefined after the end or when the signal aborts.
   * @param onTimeout makes the error that is thrown when none has come in time; one that comes later is kept for the next call
   * @throws what `fail` was given
   */
  async next(timeoutMs: number, signal: AbortSignal, onTimeout: () => Error): Promise<T | undefined> {
    const deadlineMs = performance.now() + timeoutMs;
    while (!signal.aborted) {
      const item = this.#item;
      this.#item = undefined;
      if (item !== undefined) return item;
      if (this.#over !== undefined) {
        if ("error" in this.#over) throw this.#over.error;
        return undefined;
      }
      const remainingMs = deadlineMs - performance.now();
      if (remainingMs <= 0) throw onTimeout();
      await this.#change(remainingMs, signal);
    }
    return undefined;
  }

  /** Resolves when something has come, the signal aborts, or the time is over. */
  async #change(timeoutMs: number, signal: AbortSignal): Promise<void> {
    await new Promise<void>((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        signal.removeEventListener("abort", done);
        resolve();
      };
      const timer = setTimeout(done, timeoutMs);
      signal.addEventListener("abort", done);
      this.#wake = done;
    });
    this.#wake = () => {};
  }
}
