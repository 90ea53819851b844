import type { CountedFrame } from "./messages.js";

/**
 * The newest counted fields, pixels included, so that one that somebody is looking at can be kept. Holds references, no copies: what
 * it costs is that the pixels of so many fields live a little longer.
 */
export class RecentFields {
  readonly #fields: CountedFrame[] = [];
  readonly #capacity: number;

  constructor(capacity = 3) {
    this.#capacity = capacity;
  }

  add(field: CountedFrame): void {
    this.#fields.push(field);
    if (this.#fields.length > this.#capacity) this.#fields.shift();
  }

  /** The field of that frame number, or the newest; undefined where it is gone. */
  find(frame?: number): CountedFrame | undefined {
    return frame === undefined ? this.#fields.at(-1) : this.#fields.find((field) => field.frame.sequence === frame);
  }
}
