const bucketCount = 10;

/** Events per second over the last few seconds, in constant memory. */
export class RateMeter {
  readonly #buckets = new Float64Array(bucketCount);
  readonly #bucketMs: number;
  #startMs: number | undefined;
  /** Number of the newest bucket since the epoch of the clock. */
  #newest = 0;

  constructor(windowMs = 5000) {
    this.#bucketMs = windowMs / bucketCount;
  }

  /**
   * @param atMs of a clock that never goes back
   * @param events how many there were
   */
  count(atMs: number, events = 1): void {
    if (events === 0) return;
    this.#startMs ??= atMs;
    this.#moveTo(atMs);
    const index = this.#newest % bucketCount;
    this.#buckets[index] = this.#buckets[index]! + events;
  }

  /** Over the window, or over the time since the first event where that is shorter (half a second at least). */
  perSecond(nowMs: number): number {
    if (this.#startMs === undefined) return 0;
    this.#moveTo(nowMs);
    const windowMs = (bucketCount - 1) * this.#bucketMs + (nowMs % this.#bucketMs);
    const spanMs = Math.max(500, Math.min(windowMs, nowMs - this.#startMs));
    return (1000 * this.#buckets.reduce((sum, count) => sum + count, 0)) / spanMs;
  }

  #moveTo(atMs: number): void {
    const bucket = Math.floor(atMs / this.#bucketMs);
    const passed = Math.min(bucket - this.#newest, bucketCount);
    for (let i = 1; i <= passed; i++) this.#buckets[(bucket - passed + i) % bucketCount] = 0;
    this.#newest = Math.max(this.#newest, bucket);
  }
}

/** Median of the last values, in constant memory. */
export class RecentMedian {
  readonly #values: Float64Array;
  #count = 0;

  constructor(kept = 64) {
    this.#values = new Float64Array(kept);
  }

  add(value: number): void {
    this.#values[this.#count % this.#values.length] = value;
    this.#count++;
  }

  /** Undefined before the first value. */
  get median(): number | undefined {
    if (this.#count === 0) return undefined;
    const sorted = this.#values.slice(0, Math.min(this.#count, this.#values.length)).sort();
    return sorted[sorted.length >> 1];
  }
}
