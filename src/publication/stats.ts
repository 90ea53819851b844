import type { ErrorCode } from "../core/index.js";
import type { Topic } from "./protocol/serverMessages.js";

export type ByTopic = Partial<Record<Topic, number>>;

/** Why a connection ended, as counted. */
export type CloseReason = "client" | "dead" | "policy" | "binary" | "superseded" | "shutdown" | "protocol";

/** Counters since the start; `clients` and `sessions` are gauges. For metrics, logs and tests. */
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

export const createStats = (): PublicationStats => ({
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
});

export const increment = <Key extends string>(counts: Partial<Record<Key, number>>, key: Key): void => {
  const table: Partial<Record<string, number>> = counts;
  table[key] = (table[key] ?? 0) + 1;
};
