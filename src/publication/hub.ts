import { randomUUID } from "node:crypto";
import type { RawData, WebSocket } from "ws";
import { type Clock, type ErrorCode, taxonomy } from "../core/index.js";
import { Client, type ClientLimits } from "./client.js";
import { frameWidthFor } from "./encodePictures.js";
import type { PublicationInput } from "./input.js";
import type { PublicationLog } from "./log.js";
import type { TopicOptions } from "./outgoing.js";
import type { ClientMessage, ResumeMessage, SubscribeMessage } from "./protocol/clientMessages.js";
import {
  defaultDensityRateHz,
  defaultFrameRateHz,
  defaultFrameWidth,
  frameWidths,
  maxBufferedBytes,
  maxCellsPerMessage,
  maxDensityRateHz,
  maxFrameRateHz,
  maxMessageBytes,
  protocolVersion,
} from "./protocol/limits.js";
import { parseClientMessage } from "./protocol/parse.js";
import { type HelloMessage, type Topic, topics } from "./protocol/serverMessages.js";
import { resumeWithinMs, type Session, Sessions } from "./sessions.js";
import { increment, type PublicationStats } from "./stats.js";
import { TopicBoard } from "./topicBoard.js";

export interface HubOptions {
  readonly clock: Clock;
  readonly log: PublicationLog;
  readonly stats: PublicationStats;
  readonly version: string;
  readonly maxClients: number;
  readonly pingIntervalMs: number;
  readonly limits: ClientLimits;
}

const subscriptionOptions = (topic: Topic, options: SubscribeMessage["options"] = {}): TopicOptions => {
  if (topic === "frames") {
    const frames = options.frames;
    return {
      maxRateHz: frames?.maxRateHz ?? defaultFrameRateHz,
      width: frameWidthFor(frames?.maxWidth ?? defaultFrameWidth),
      cells: frames?.cells ?? false,
    };
  }
  if (topic === "density") return { maxRateHz: options.density?.maxRateHz ?? defaultDensityRateHz };
  return { maxRateHz: options[topic]?.maxRateHz };
};

const taxonomyMessage = Object.entries(taxonomy).map(([name, { parent, label, abbreviation, colour }]) => ({
  class: name as HelloMessage["taxonomy"][number]["class"],
  parent,
  label,
  abbreviation,
  colour,
}));

/** The connected clients, their sessions, and what they are told. */
export class Hub {
  readonly #options: HubOptions;
  readonly #clients = new Map<Client, Session>();
  readonly #sessions: Sessions;
  readonly #heartbeat: NodeJS.Timeout;
  readonly #run = randomUUID();
  readonly board: TopicBoard;
  #settled: (() => void) | undefined;

  constructor(options: HubOptions) {
    this.#options = options;
    this.#sessions = new Sessions(options.clock, options.maxClients);
    this.board = new TopicBoard({
      clock: options.clock,
      stats: options.stats,
      clients: () => this.#clients.keys(),
      onEncodeError: (topic, error) => options.log.warn({ err: error, topic }, "publication.encodeFailed"),
    });
    this.#heartbeat = setInterval(() => {
      for (const client of this.#clients.keys()) client.heartbeat();
    }, options.pingIntervalMs);
    this.#heartbeat.unref();
  }

  get clients(): number {
    return this.#clients.size;
  }

  publish(input: PublicationInput): void {
    this.board.publish(input);
  }

  /** Takes over an accepted connection. */
  accept(socket: WebSocket): void {
    const { clock, stats, limits, log } = this.#options;
    const client = new Client(socket, {
      clock,
      stats,
      limits,
      onDrained: () => this.board.tick(),
      onViolation: (code, correlationId) => log.debug({ code, correlationId }, "publication.violation"),
    });
    this.#clients.set(client, this.#sessions.create(client));
    stats.accepted++;
    this.#gauge();
    socket.on("message", (data, isBinary) => this.#receive(client, data, isBinary));
    socket.on("error", (error) => log.debug({ err: error }, "publication.socketError"));
    socket.on("close", (code) => this.#left(client, code));
    client.reply(this.#hello(client));
  }

  /** Tells every client that the daemon goes (1001), and waits until they are gone. */
  async close(): Promise<void> {
    clearInterval(this.#heartbeat);
    this.board.close();
    const gone = new Promise<void>((resolve) => {
      this.#settled = resolve;
    });
    for (const client of this.#clients.keys()) client.close(1001, "shutdown", "SHUTTING_DOWN");
    if (this.#clients.size > 0) await gone;
    this.#sessions.clear();
    this.#gauge();
  }

  #hello(client: Client): HelloMessage {
    const { id, token } = this.#session(client);
    const { version, limits, pingIntervalMs } = this.#options;
    return {
      type: "hello",
      protocol: protocolVersion,
      server: "cytostream",
      version,
      run: this.#run,
      session: id,
      resumeToken: token,
      resumeWithinMs,
      topics: [...topics],
      capabilities: {
        frames: { encoding: "jpeg", widths: [...frameWidths], maxRateHz: maxFrameRateHz },
        density: { encoding: "png", maxRateHz: maxDensityRateHz },
        resume: true,
      },
      limits: {
        messageBytes: maxMessageBytes,
        messagesPerSecond: limits.messagesPerSecond,
        messagesBurst: limits.messagesBurst,
        bufferedBytes: maxBufferedBytes,
        cellsPerMessage: maxCellsPerMessage,
        pingIntervalMs,
      },
      taxonomy: taxonomyMessage,
    };
  }

  #receive(client: Client, data: RawData, isBinary: boolean): void {
    if (!client.admit()) return;
    if (isBinary) {
      client.refuse("MESSAGE_BINARY", "Messages are JSON in text.");
      return;
    }
    const parsed = parseClientMessage(data.toString());
    if (parsed.ok) this.#obey(client, parsed.message);
    else client.refuse(parsed.code, parsed.reason);
  }

  #obey(client: Client, message: ClientMessage): void {
    if (message.type === "resume") this.#resume(client, message);
    else if (message.type === "ping") {
      const id = message.id === undefined ? {} : { id: message.id };
      client.reply({ type: "pong", ...id, timeMs: this.#options.clock.now(), dropped: client.dropped });
    } else this.#subscribe(client, message);
  }

  #subscribe(client: Client, message: Extract<ClientMessage, { type: "subscribe" | "unsubscribe" }>): void {
    for (const topic of message.topics) {
      if (message.type === "subscribe") client.subscribe(topic, subscriptionOptions(topic, message.options));
      else client.unsubscribe(topic);
    }
    client.reply({ type: "subscriptions", topics: client.topics });
    this.#remember(client);
    if (message.type === "unsubscribe") return;
    for (const topic of message.topics) this.board.serve(client, topic);
  }

  #resume(client: Client, { session: id, token, lastSequence }: ResumeMessage): void {
    const session = this.#sessions.find(id, token);
    if (session === undefined || session.client === client) {
      client.refuse("SESSION_UNKNOWN", "Subscribe anew.");
      return;
    }
    const before = session.client;
    this.#sessions.forget(this.#session(client));
    session.client = client;
    this.#clients.set(client, session);
    before?.close(1008, "superseded", "SESSION_RESUMED_ELSEWHERE");
    const resumed = [...session.subscriptions].map(([topic, options]) => {
      const newestSequence = this.board.sequence(topic);
      const last = Math.min(lastSequence[topic] ?? 0, newestSequence);
      const replayed = newestSequence > last && this.board.available(topic);
      client.subscribe(topic, options, last);
      return {
        topic,
        lastSequence: last,
        newestSequence,
        missed: newestSequence - last - (replayed ? 1 : 0),
        replayed,
      };
    });
    this.#remember(client);
    client.reply({ type: "resumed", session: session.id, topics: resumed });
    for (const topic of client.topics) this.board.serve(client, topic);
    this.#gauge();
  }

  #left(client: Client, code: number): void {
    const { stats, log } = this.#options;
    const session = this.#session(client);
    this.#clients.delete(client);
    if (session.client === client) this.#sessions.leave(session);
    client.released();
    const reason = client.closing ?? (code === 1007 || code === 1008 || code === 1009 ? "protocol" : "client");
    increment(stats.closed, reason);
    log.debug({ code, reason }, "publication.clientLeft");
    this.#gauge();
    if (this.#clients.size === 0) this.#settled?.();
  }

  #session(client: Client): Session {
    return this.#clients.get(client) ?? this.#sessions.create(client);
  }

  #remember(client: Client): void {
    const options = client.topics.map((topic) => [topic, client.options(topic) ?? {}] as const);
    this.#session(client).subscriptions = new Map(options);
  }

  #gauge(): void {
    const { stats } = this.#options;
    stats.clients = this.#clients.size;
    stats.sessions = this.#sessions.size;
  }

  /** Counts a handshake that was refused before it became a connection. */
  refused(code: ErrorCode): void {
    increment(this.#options.stats.refused, code);
    this.#options.log.debug({ code }, "publication.refused");
  }
}
