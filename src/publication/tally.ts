import type { ErrorCode } from "../core/index.js";
import type { Topic } from "./protocol/serverMessages.js";

export type ByTopic = Partial<Record<Topic, number>>;

/** Why a connection ended, as counted. */
export type CloseReason = "client" | "dead" | "policy" | "binary" | "superseded" | "shutdown" | "protocol";

/** Counters since the start; `clients` and `sessions` are gauges. */
export interface PublicationStats {
  clients: number;
  sessions: number;
  accepted: number;
  /** Handshakes refused, by code. */
  refused: Partial<Record<ErrorCode, number>>;
  /** Messages of clients refused, by code. */
  violations: Partial<Record<ErrorCode, number>>;
  closed: Partial<Record<CloseReason, number>>;
  published: ByTopic;
  sent: ByTopic;
  sentBytes: number;
  /** Messages that a client was too slow for: a newer one took their place. */
  dropped: ByTopic;
  /** Pictures encoded, and those that could not be. */
  encoded: ByTopic;
  encodeFailed: ByTopic;
}

/** Where the same is counted for Prometheus, and what `/metrics` shows; the metrics of src/observability fit. */
export interface PublicationMetrics {
  readonly contentType: string;
  exposition(): Promise<string>;
  readonly wsClients: { set(value: number): void };
  readonly wsMessagesReceived: { inc(labels: { outcome: string }): void };
  readonly wsMessagesSent: { inc(labels: { topic: string }): void };
  readonly wsMessagesReplaced: { inc(labels: { topic: string }): void };
  readonly wsClosed: { inc(labels: { code: string }): void };
  readonly httpRequests: { inc(labels: { status: string }): void };
}

const increment = <Key extends string>(counts: Partial<Record<Key, number>>, key: Key): void => {
  const table: Partial<Record<string, number>> = counts;
  table[key] = (table[key] ?? 0) + 1;
};

/** Counts what happens at the port, once for `stats()` and once for the metrics. */
export class Tally {
  readonly #metrics: PublicationMetrics | undefined;
  readonly #stats: PublicationStats = {
    clients: 0,
    sessions: 0,
    accepted: 0,
    refused: {},
    violations: {},
    closed: {},
    published: {},
    sent: {},
    sentBytes: 0,
    dropped: {},
    encoded: {},
    encodeFailed: {},
  };

  constructor(metrics: PublicationMetrics | undefined) {
    this.#metrics = metrics;
  }

  stats(): PublicationStats {
    return structuredClone(this.#stats);
  }

  gauge(clients: number, sessions: number): void {
    this.#stats.clients = clients;
    this.#stats.sessions = sessions;
    this.#metrics?.wsClients.set(clients);
  }

  accepted(): void {
    this.#stats.accepted++;
  }

  refused(code: ErrorCode): void {
    increment(this.#stats.refused, code);
  }

  understood(): void {
    this.#metrics?.wsMessagesReceived.inc({ outcome: "accepted" });
  }

  violation(code: ErrorCode): void {
    increment(this.#stats.violations, code);
    this.#metrics?.wsMessagesReceived.inc({ outcome: code });
  }

  closed(reason: CloseReason, code: number): void {
    increment(this.#stats.closed, reason);
    this.#metrics?.wsClosed.inc({ code: String(code) });
  }

  published(topic: Topic): void {
    increment(this.#stats.published, topic);
  }

  sent(topic: Topic, bytes: number): void {
    increment(this.#stats.sent, topic);
    this.#stats.sentBytes += bytes;
    this.#metrics?.wsMessagesSent.inc({ topic });
  }

  dropped(topic: Topic): void {
    increment(this.#stats.dropped, topic);
    this.#metrics?.wsMessagesReplaced.inc({ topic });
  }

  encoded(topic: Topic, ok: boolean): void {
    increment(ok ? this.#stats.encoded : this.#stats.encodeFailed, topic);
  }

  request(status: number): void {
    this.#metrics?.httpRequests.inc({ status: String(status) });
  }
}
