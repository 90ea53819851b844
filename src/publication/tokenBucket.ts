/** A rate limit that allows bursts: `burst` at once, `ratePerS` in the long run. Time is given by the caller. */
export class TokenBucket {
  readonly #ratePerS: number;
  readonly #burst: number;
  #tokens: number;
  #atMs: number;

  constructor(ratePerS: number, burst: number, nowMs: number) {
    this.#ratePerS = ratePerS;
    this.#burst = burst;
    this.#tokens = burst;
    this.#atMs = nowMs;
  }

  /** Takes one token, or says that there is none. `nowMs` is monotonic. */
  take(nowMs: number): boolean {
    const elapsedS = Math.max(0, nowMs - this.#atMs) / 1000;
    this.#atMs = nowMs;
    this.#tokens = Math.min(this.#burst, this.#tokens + elapsedS * this.#ratePerS);
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }
}
