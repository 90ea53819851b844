/** First in, first out, with a bound: a ring that never grows and never allocates after its construction. */
export class BoundedQueue<T> {
  readonly #ring: (T | undefined)[];
  #head = 0;
  #length = 0;

  /** @throws RangeError when `capacity` is not a whole number >= 0 */
  constructor(readonly capacity: number) {
    if (!Number.isInteger(capacity) || capacity < 0) throw new RangeError(`a queue cannot hold ${capacity} items`);
    this.#ring = new Array<T | undefined>(capacity);
  }

  get length(): number {
    return this.#length;
  }

  get full(): boolean {
    return this.#length === this.capacity;
  }

  /** Adds `item` at the end; false, and nothing changed, when the queue is full. */
  offer(item: T): boolean {
    if (this.full) return false;
    this.#ring[(this.#head + this.#length) % this.capacity] = item;
    this.#length++;
    return true;
  }

  /** Adds `item` at the end and returns what had to leave for it: the oldest, or `item` itself at capacity 0. */
  push(item: T): T | undefined {
    if (this.capacity === 0) return item;
    const evicted = this.full ? this.shift() : undefined;
    this.offer(item);
    return evicted;
  }

  /** Takes the oldest item. */
  shift(): T | undefined {
    if (this.#length === 0) return undefined;
    const item = this.#ring[this.#head];
    this.#ring[this.#head] = undefined;
    this.#head = (this.#head + 1) % this.capacity;
    this.#length--;
    return item;
  }

  peek(): T | undefined {
    return this.#length === 0 ? undefined : this.#ring[this.#head];
  }

  /** Empties the queue and returns what was in it, oldest first. */
  drain(): T[] {
    const items: T[] = [];
    while (this.#length > 0) items.push(this.shift() as T);
    return items;
  }
}
