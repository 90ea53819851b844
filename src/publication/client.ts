import { randomBytes } from "node:crypto";
import type { Duplex } from "node:stream";
import { WebSocket } from "ws";
import type { Clock } from "../core/index.js";
import { AnswerWindow } from "./answerWindow.js";
import type { Outgoing, TopicOptions } from "./outgoing.js";
import {
  burstOf,
  commandWindow,
  labelsPerSecond,
  labelWindow,
  maxViolations,
  type StreamLimits,
  violationWindowMs,
} from "./protocol/limits.js";
import { type ServerMessage, type StreamErrorCode, type Topic, topics } from "./protocol/serverMessages.js";
import type { ByTopic, CloseReason, Tally } from "./tally.js";
import { TokenBucket } from "./tokenBucket.js";

export interface ClientContext {
  /** Whether it may hand in labels and steer trainings and models: no page of another site may. */
  readonly mayChange: boolean;
  /** What the WebSocket writes to. */
  readonly transport: Duplex;
  readonly clock: Clock;
  readonly tally: Tally;
  readonly limits: StreamLimits;
  /** Called when the client could take a message again that it could not take before. */
  readonly onDrained: () => void;
  /** Called for every refusal; carries nothing that the client sent. */
  readonly onViolation: (code: StreamErrorCode, correlationId: string) => void;
}

/** One topic of one client: a place for a single message, in which a newer one replaces an older. */
interface Slot {
  readonly options: TopicOptions;
  readonly intervalMs: number;
  dueAtMs: number;
  lastSequence: number;
  pending: Outgoing | undefined;
  /** The pending message is due, but the socket holds too much. */
  blocked: boolean;
}

/** How long a closing handshake may take before the socket is cut. */
const closeTimeoutMs = 2000;

/**
 * A connected client. What waits for it is bounded: at most one message a topic here, and `clientBufferBytes` (or one longer message) in the socket.
 */
export class Client {
  readonly #socket: WebSocket;
  readonly #context: ClientContext;
  readonly #slots = new Map<Topic, Slot>();
  readonly #bucket: TokenBucket;
  readonly dropped: ByTopic = {};
  /** Labels, and messages to the other desks, that are without an answer. */
  readonly labels = new AnswerWindow(labelWindow, labelsPerSecond);
  readonly commands = new AnswerWindow(commandWindow, 1000);
  /** Of requests to halt the stage: all are obeyed, and those beyond the window answered only where the client reads. */
  readonly stops = new AnswerWindow(commandWindow, 1000);
  #violations = 0;
  #violationsSinceMs = 0;
  #timer: NodeJS.Timeout | undefined;
  #closing: CloseReason | undefined;
  #alive = true;
  #gathering = false;

  constructor(socket: WebSocket, context: ClientContext) {
    this.#socket = socket;
    this.#context = context;
    const { limits, clock } = context;
    this.#bucket = new TokenBucket(limits.messagesPerSecond, burstOf(limits), clock.monotonic());
    socket.on("pong", () => {
      this.#alive = true;
      this.admit();
    });
    socket.on("ping", (data) => {
      if (this.admit() && !this.congested) socket.pong(data);
    });
  }

  get mayChange(): boolean {
    return this.#context.mayChange;
  }

  get open(): boolean {
    return this.#closing === undefined && this.#socket.readyState === WebSocket.OPEN;
  }

  /** Why this side closes the connection, if it does. */
  get closing(): CloseReason | undefined {
    return this.#closing;
  }

  get topics(): Topic[] {
    return topics.filter((topic) => this.#slots.has(topic));
  }

  options(topic: Topic): TopicOptions | undefined {
    return this.#slots.get(topic)?.options;
  }

  /** `afterSequence`: messages up to this one are known to the client and not sent again. */
  subscribe(topic: Topic, options: TopicOptions, afterSequence = 0): void {
    const intervalMs = options.maxRateHz === undefined ? 0 : 1000 / options.maxRateHz;
    this.#slots.set(topic, {
      options,
      intervalMs,
      dueAtMs: 0,
      lastSequence: afterSequence,
      pending: undefined,
      blocked: false,
    });
  }

  unsubscribe(topic: Topic): void {
    this.#slots.delete(topic);
  }

  /** Takes a message of a topic; sends it now, or when the rate and the socket allow and nothing newer has come. */
  offer(outgoing: Outgoing): void {
    const slot = this.#slots.get(outgoing.topic);
    if (slot === undefined || !this.open || outgoing.sequence <= slot.lastSequence) return;
    if (slot.pending !== undefined && slot.blocked) this.noteDropped(outgoing.topic);
    slot.pending = outgoing;
    this.#pump();
  }

  /** Counts a message of a topic that the client was too slow for. */
  noteDropped(topic: Topic): void {
    this.dropped[topic] = (this.dropped[topic] ?? 0) + 1;
    this.#context.tally.dropped(topic);
  }

  /** When the next message of a topic is due (monotonic ms), or undefined where none newer than `sequence` is wanted. */
  dueAt(topic: Topic, sequence: number): number | undefined {
    const slot = this.#slots.get(topic);
    if (slot === undefined || !this.open || slot.pending !== undefined || slot.lastSequence >= sequence)
      return undefined;
    return slot.dueAtMs;
  }

  /** Whether the socket holds so much that a picture had better not be encoded for it. */
  get congested(): boolean {
    return this.#socket.bufferedAmount > this.#context.limits.clientBufferBytes / 2;
  }

  /** Sends a message that belongs to no topic; a client that does not read is not answered. */
  reply(message: ServerMessage): void {
    if (!this.open || this.#socket.bufferedAmount > this.#context.limits.clientBufferBytes) return;
    this.#socket.send(JSON.stringify(message));
  }

  /**
   * Sends an answer that is not left out, however little the client reads: its window bounds how many there are. Resolves when the
   * system has taken it, or the connection is gone.
   */
  answer(message: ServerMessage): Promise<void> {
    if (!this.open) return Promise.resolve();
    return new Promise((resolve) => this.#socket.send(JSON.stringify(message), () => resolve()));
  }

  /** Takes one from the allowance of incoming messages; where there is none, that is a violation. */
  admit(): boolean {
    if (!this.open) return false;
    if (this.#bucket.take(this.#context.clock.monotonic())) return true;
    this.refuse("MESSAGE_RATE", "Too many messages.");
    return false;
  }

  /** Answers a message with an error; after `maxViolations` of them within the window the connection is closed. */
  refuse(code: StreamErrorCode, message: string, id?: string): void {
    if (!this.open) return;
    const nowMs = this.#context.clock.monotonic();
    if (nowMs - this.#violationsSinceMs > violationWindowMs) {
      this.#violationsSinceMs = nowMs;
      this.#violations = 0;
    }
    this.#violations++;
    this.#context.tally.violation(code);
    const correlationId = randomBytes(6).toString("hex");
    this.#context.onViolation(code, correlationId);
    this.reply({ type: "error", ...(id === undefined ? {} : { id }), code, message, correlationId });
    if (code === "MESSAGE_BINARY") this.close(1003, "binary", code);
    else if (this.#violations >= maxViolations) this.close(1008, "policy", code);
  }

  /** Asks for a sign of life, and cuts the connection where the last question was not answered. */
  heartbeat(): void {
    if (!this.open) return;
    if (!this.#alive) {
      this.#closing = "dead";
      this.#socket.terminate();
      return;
    }
    this.#alive = false;
    this.#socket.ping();
  }

  close(code: number, reason: CloseReason, text: string): void {
    if (!this.open) return;
    this.#closing = reason;
    clearTimeout(this.#timer);
    this.#slots.clear();
    this.#socket.close(code, text);
    setTimeout(() => this.#socket.terminate(), closeTimeoutMs).unref();
  }

  /** Frees what the client holds; the socket is closed already. */
  released(): void {
    clearTimeout(this.#timer);
    this.#slots.clear();
  }

  #due(slot: Slot): boolean {
    return this.#context.clock.monotonic() >= slot.dueAtMs;
  }

  #pump(): void {
    if (!this.open) return;
    let nextDueMs = Number.POSITIVE_INFINITY;
    for (const topic of topics) {
      const slot = this.#slots.get(topic);
      if (slot?.pending === undefined) continue;
      if (!this.#due(slot)) nextDueMs = Math.min(nextDueMs, slot.dueAtMs);
      else if (this.#fits(slot.pending)) this.#send(slot, slot.pending);
      else slot.blocked = true;
    }
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (nextDueMs === Number.POSITIVE_INFINITY) return;
    this.#timer = setTimeout(() => this.#pump(), Math.ceil(nextDueMs - this.#context.clock.monotonic()));
    this.#timer.unref();
  }

  #fits(outgoing: Outgoing): boolean {
    const buffered = this.#socket.bufferedAmount;
    return buffered === 0 || buffered + outgoing.data.length <= this.#context.limits.clientBufferBytes;
  }

  #send(slot: Slot, outgoing: Outgoing): void {
    slot.pending = undefined;
    slot.blocked = false;
    slot.lastSequence = outgoing.sequence;
    slot.dueAtMs = this.#context.clock.monotonic() + slot.intervalMs;
    const { tally, onDrained } = this.#context;
    this.#gather();
    tally.sent(outgoing.topic, outgoing.data.length);
    this.#socket.send(outgoing.data, { binary: outgoing.binary }, (error) => {
      if (error != null || !this.open) return;
      this.#pump();
      onDrained();
    });
  }

  /** What is sent in one turn of the event loop, as a field's cells and counts are, leaves by one write. */
  #gather(): void {
    if (this.#gathering) return;
    this.#gathering = true;
    const { transport } = this.#context;
    transport.cork();
    process.nextTick(() => {
      this.#gathering = false;
      transport.uncork();
    });
  }
}
