/**
 * How many frames may be under way at once. A camera that waits for its consumer is asked for the next frame only when one of
 * them is done: nothing queues, and nothing is dropped.
 */
export class Demand {
  #taken = 0;
  #waiting: (() => void) | undefined;
  #limit = 1;

  /** Frames under way at once, >= 1. */
  set limit(limit: number) {
    this.#limit = Math.max(1, limit);
    this.#wake();
  }

  get taken(): number {
    return this.#taken;
  }

  /** Takes a place, and returns how to give it back; giving it back twice is giving it back once. */
  take(): () => void {
    this.#taken++;
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      this.#taken--;
      this.#wake();
    };
  }

  /** Resolves when there is a place, or the signal aborts. One waits at a time. */
  async room(signal: AbortSignal): Promise<void> {
    while (this.#taken >= this.#limit && !signal.aborted) {
      await new Promise<void>((resolve) => {
        const done = (): void => {
          signal.removeEventListener("abort", done);
          resolve();
        };
        this.#waiting = done;
        signal.addEventListener("abort", done);
      });
    }
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.();
  }
}
