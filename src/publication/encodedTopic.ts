import type { Clock } from "../core/index.js";
import type { Client } from "./client.js";
import type { Outgoing, TopicOptions } from "./outgoing.js";
import type { Topic } from "./protocol/serverMessages.js";
import type { Tally } from "./tally.js";

export interface EncodedTopicOptions<Input> {
  readonly topic: Topic;
  readonly clock: Clock;
  readonly tally: Tally;
  readonly clients: () => Iterable<Client>;
  /** Clients whose options give the same key share one encoding. */
  readonly variant: (options: TopicOptions) => string;
  readonly encode: (input: Input, sequence: number, options: TopicOptions) => Promise<Outgoing>;
  readonly onError: (error: unknown) => void;
}

/**
 * A topic of pictures. Only the newest is kept; it is encoded when a client wants it now, one encoding at a time, so that nobody
 * looking costs nothing and a slow encoder skips pictures instead of queueing them.
 */
export class EncodedTopic<Input> {
  readonly #options: EncodedTopicOptions<Input>;
  #newest: { readonly input: Input; readonly sequence: number } | undefined;
  #encoded = new Map<string, Outgoing>();
  #sequence = 0;
  #busy = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: EncodedTopicOptions<Input>) {
    this.#options = options;
  }

  get sequence(): number {
    return this.#sequence;
  }

  /** Whether there is a picture to send. */
  get available(): boolean {
    return this.#newest !== undefined;
  }

  publish(input: Input): void {
    const { topic, tally, clients, clock } = this.#options;
    this.#sequence++;
    this.#newest = { input, sequence: this.#sequence };
    this.#encoded.clear();
    tally.published(topic);
    const nowMs = clock.monotonic();
    for (const client of clients()) {
      if (client.congested && (client.dueAt(topic, this.#sequence) ?? nowMs + 1) <= nowMs) client.noteDropped(topic);
    }
    this.tick();
  }

  /** Serves whoever is ready; call it when that may have changed. */
  tick(): void {
    if (this.#busy || this.#newest === undefined) return;
    const next = this.#firstReady(this.#newest.sequence);
    if (next === undefined) return;
    const { input, sequence } = this.#newest;
    this.#busy = true;
    void this.#serve(input, sequence, next).finally(() => {
      this.#busy = false;
      this.tick();
    });
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#newest = undefined;
    this.#encoded.clear();
  }

  async #serve(input: Input, sequence: number, options: TopicOptions): Promise<void> {
    const { topic, tally, variant, clients } = this.#options;
    const key = variant(options);
    try {
      const known = this.#encoded.get(key);
      const outgoing = known ?? (await this.#options.encode(input, sequence, options));
      if (known === undefined) tally.encoded(topic, true);
      if (this.#newest?.sequence === sequence) this.#encoded.set(key, outgoing);
      const nowMs = this.#options.clock.monotonic();
      for (const client of clients()) {
        const wanted = client.options(topic);
        const dueAtMs = client.dueAt(topic, sequence);
        if (wanted === undefined || dueAtMs === undefined || dueAtMs > nowMs || variant(wanted) !== key) continue;
        client.offer(outgoing);
      }
    } catch (error) {
      tally.encoded(topic, false);
      if (this.#newest?.sequence === sequence) this.#newest = undefined;
      this.#options.onError(error);
    }
  }

  /** Options of a client that wants the newest now; else a timer is set for the first that will. */
  #firstReady(sequence: number): TopicOptions | undefined {
    const { topic, clock, clients } = this.#options;
    const nowMs = clock.monotonic();
    let earliestMs = Number.POSITIVE_INFINITY;
    clearTimeout(this.#timer);
    for (const client of clients()) {
      const dueAtMs = client.congested ? undefined : client.dueAt(topic, sequence);
      if (dueAtMs === undefined) continue;
      if (dueAtMs <= nowMs) return client.options(topic);
      earliestMs = Math.min(earliestMs, dueAtMs);
    }
    if (earliestMs !== Number.POSITIVE_INFINITY) {
      this.#timer = setTimeout(() => this.tick(), Math.ceil(earliestMs - nowMs));
      this.#timer.unref();
    }
    return undefined;
  }
}
