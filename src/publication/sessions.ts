import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import type { Clock } from "../core/index.js";
import type { Client } from "./client.js";
import type { Subscriptions } from "./outgoing.js";

/** How long a session outlives its connection. */
export const resumeWithinMs = 120_000;

/** What a client gets back when it resumes. */
export interface Session {
  readonly id: string;
  readonly token: string;
  /** The connection that has it; undefined while it waits to be resumed. */
  client: Client | undefined;
  subscriptions: Subscriptions;
  leftAtMs: number;
}

const digest = (text: string): Buffer => createHash("sha256").update(text).digest();

/** Sessions of connected clients, and a bounded number of those that may come back. */
export class Sessions {
  readonly #sessions = new Map<string, Session>();
  readonly #clock: Clock;
  readonly #maxWaiting: number;

  constructor(clock: Clock, maxWaiting: number) {
    this.#clock = clock;
    this.#maxWaiting = maxWaiting;
  }

  get size(): number {
    return this.#sessions.size;
  }

  create(client: Client): Session {
    const session: Session = {
      id: randomBytes(9).toString("base64url"),
      token: randomBytes(24).toString("base64url"),
      client,
      subscriptions: new Map(),
      leftAtMs: 0,
    };
    this.#sessions.set(session.id, session);
    return session;
  }

  /** The session, if it is still kept and the token is its own; compared in constant time. */
  find(id: string, token: string): Session | undefined {
    this.#forgetOld();
    const session = this.#sessions.get(id);
    return session !== undefined && timingSafeEqual(digest(token), digest(session.token)) ? session : undefined;
  }

  /** The connection of a session is gone: keep it for a while where there is something to resume. */
  leave(session: Session): void {
    session.client = undefined;
    session.leftAtMs = this.#clock.monotonic();
    this.#sessions.delete(session.id);
    if (session.subscriptions.size > 0) this.#sessions.set(session.id, session);
    this.#forgetOld();
  }

  forget(session: Session): void {
    this.#sessions.delete(session.id);
  }

  clear(): void {
    this.#sessions.clear();
  }

  #forgetOld(): void {
    const waiting = [...this.#sessions.values()].filter((session) => session.client === undefined);
    const deadlineMs = this.#clock.monotonic() - resumeWithinMs;
    const surplus = waiting.length - this.#maxWaiting;
    waiting.forEach((session, index) => {
      if (index < surplus || session.leftAtMs < deadlineMs) this.#sessions.delete(session.id);
    });
  }
}
