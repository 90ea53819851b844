import type { Clock } from "../core/index.js";

/** So long after the last counted field a slide is no longer being counted. */
const lingersMs = 5000;

/** Whether a slide is being counted, and who wants to know when that changes. */
export class Liveness {
  readonly #clock: Clock;
  readonly #listeners = new Set<(live: boolean) => void>();
  #lastMs = Number.NEGATIVE_INFINITY;
  #live = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get live(): boolean {
    return this.#live;
  }

  /** A field was counted. */
  counted(): void {
    this.#lastMs = this.#clock.monotonic();
    this.#change(true);
  }

  /** Looks at the clock; to be called a few times a second. */
  update(): void {
    if (this.#clock.monotonic() - this.#lastMs > lingersMs) this.#change(false);
  }

  onChange(listener: (live: boolean) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  #change(live: boolean): void {
    if (live === this.#live) return;
    this.#live = live;
    for (const listener of this.#listeners) listener(live);
  }
}
