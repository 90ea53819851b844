/**
 * Backpressure by answers: so many messages of a client may be without one, and no more than so many are answered per second.
 * A client that waits for room is as fast as it may be and is never refused. Time is given by the caller, monotonic.
 */
export class AnswerWindow {
  readonly #size: number;
  readonly #intervalMs: number;
  #open = 0;
  #nextAtMs = Number.NEGATIVE_INFINITY;

  /** @param ratePerS answers per second; as many as `size` may go at once after a pause */
  constructor(size: number, ratePerS: number) {
    this.#size = size;
    this.#intervalMs = 1000 / ratePerS;
  }

  /** Messages without an answer. */
  get open(): number {
    return this.#open;
  }

  /** Takes a place for a message, or says that there is none. */
  enter(): boolean {
    if (this.#open >= this.#size) return false;
    this.#open++;
    return true;
  }

  /** How long an answer that is ready has to wait, ms. */
  delayMs(nowMs: number): number {
    const earliestMs = nowMs - this.#size * this.#intervalMs;
    this.#nextAtMs = Math.max(this.#nextAtMs, earliestMs) + this.#intervalMs;
    return Math.max(0, this.#nextAtMs - nowMs);
  }

  /** The answer has left. */
  leave(): void {
    this.#open--;
  }
}
