import type { Pacing } from "../../trainer/index.js";

/** A longer gap between two looks at the clock was a standstill of the process: stopped, starved, asleep. */
const longestGapMs = 4000;

/**
 * Time of work. It rests when it is told to, and does not count what the process slept through: a training that is stopped
 * for an hour has as much time left as before.
 */
export class WorkClock implements Pacing {
  #spentMs: number;
  #lookedMs: number;
  #rest: { readonly over: Promise<void>; readonly end: () => void } | undefined;
  #told = false;

  /**
   * @param spentMs work before
   * @param onRest called when the work rests between two steps
   */
  constructor(
    spentMs: number,
    private readonly onRest: () => void,
    private readonly monotonic: () => number = () => performance.now(),
  ) {
    this.#spentMs = spentMs;
    this.#lookedMs = monotonic();
  }

  now(): number {
    const nowMs = this.monotonic();
    if (!this.#told) this.#spentMs += Math.min(nowMs - this.#lookedMs, longestGapMs);
    this.#lookedMs = nowMs;
    return this.#spentMs;
  }

  /** Asks for a rest at the next turn. */
  rest(): void {
    if (this.#rest) return;
    let end = (): void => undefined;
    const over = new Promise<void>((resolve) => {
      end = resolve;
    });
    this.#rest = { over, end };
  }

  goOn(): void {
    this.now();
    this.#told = false;
    this.#rest?.end();
    this.#rest = undefined;
  }

  async turn(): Promise<void> {
    while (this.#rest) {
      this.now();
      this.#told = true;
      this.onRest();
      await this.#rest.over;
    }
  }
}
