import { randomUUID } from "node:crypto";
import type { Duplex } from "node:stream";
import type { RawData, WebSocket } from "ws";
import { type Clock, type ErrorCode, taxonomy } from "../core/index.js";
import { Client } from "./client.js";
import { DeskCommands, isStop } from "./desks/deskCommands.js";
import type { Desks } from "./desks/desks.js";
import { followDesks } from "./desks/deskTopics.js";
import type { PublicationInput } from "./input.js";
import type { PublicationLog } from "./log.js";
import type { TopicOptions } from "./outgoing.js";
import type { ClientMessage, ResumeMessage, SubscribeMessage } from "./protocol/clientMessages.js";
import {
  burstOf,
  commandWindow,
  defaultFrameRateHz,
  defaultFrameWidth,
  labelsPerSecond,
  labelWindow,
  maxCellsPerMessage,
  protocolVersion,
  type StreamLimits,
  widthFor,
  widthsWithin,
} from "./protocol/limits.js";
import { parseClientMessage } from "./protocol/parse.js";
import { type HelloMessage, type Topic, topics } from "./protocol/serverMessages.js";
import { resumeWithinMs, type Session, Sessions } from "./sessions.js";
import type { Tally } from "./tally.js";
import { TopicBoard } from "./topicBoard.js";

export interface HubOptions {
  readonly clock: Clock;
  readonly log: PublicationLog;
  readonly tally: Tally;
  readonly version: string;
  readonly limits: StreamLimits;
  readonly desks: Desks;
}

/** What a client asked for, within what is allowed. */
const subscriptionOptions = (
  topic: Topic,
  options: NonNullable<SubscribeMessage["options"]>,
  limits: StreamLimits,
): TopicOptions => {
  if (topic !== "frames") return { maxRateHz: options[topic]?.maxRateHz };
  const frames = options.frames;
  return {
    maxRateHz: Math.min(frames?.maxRateHz ?? defaultFrameRateHz, limits.maxFramesPerSecond),
    width: widthFor(widthsWithin(limits), frames?.maxWidth ?? defaultFrameWidth),
    cells: frames?.cells ?? false,
    density: frames?.density ?? false,
  };
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
  readonly #commands: DeskCommands;
  readonly #topics: readonly Topic[];
  readonly #unfollow: () => void;
  readonly board: TopicBoard;
  #settled: (() => void) | undefined;

  constructor(options: HubOptions) {
    this.#options = options;
    this.#sessions = new Sessions(options.clock, options.limits.maxClients);
    this.board = new TopicBoard({
      clock: options.clock,
      tally: options.tally,
      limits: options.limits,
      clients: () => this.#clients.keys(),
      onEncodeError: (error) => options.log.limited("frame.rejected", { error }),
    });
    const { desks, log } = options;
    this.#commands = new DeskCommands(desks, options);
    this.#topics = topics.filter(
      (topic) =>
        (topic !== "labels" && topic !== "jobs" && topic !== "models" && topic !== "scans") ||
        desks[topic] !== undefined,
    );
    this.#unfollow = followDesks(desks, {
      publish: (body) => this.board.publishDesk(body),
      onError: (error) => log.limited("publication.requestFailed", { error }),
    });
    this.#heartbeat = setInterval(() => {
      for (const client of this.#clients.keys()) client.heartbeat();
    }, options.limits.pingIntervalMs);
    this.#heartbeat.unref();
  }

  get clients(): number {
    return this.#clients.size;
  }

  /** Whether anybody subscribed to a topic and, of frames, wants the density map with them. */
  wants(topic: Topic | "density"): boolean {
    for (const client of this.#clients.keys()) {
      const options = client.options(topic === "density" ? "frames" : topic);
      if (options !== undefined && (topic !== "density" || options.density === true)) return true;
    }
    return false;
  }

  publish(input: PublicationInput): void {
    this.board.publish(input);
  }

  /** Takes over an accepted connection and the socket below it. */
  accept(socket: WebSocket, transport: Duplex, mayChange: boolean): void {
    const { clock, tally, limits, log } = this.#options;
    const client = new Client(socket, {
      mayChange,
      transport,
      clock,
      tally,
      limits,
      onDrained: () => this.board.tick(),
      onViolation: (code, correlationId) => log.limited("publication.clientRefused", { code, correlationId }),
    });
    this.#clients.set(client, this.#sessions.create(client));
    tally.accepted();
    this.#gauge();
    log.event("publication.clientOpened", { clients: this.#clients.size });
    socket.on("message", (data, isBinary) => this.#receive(client, data, isBinary));
    socket.on("error", (error) => log.limited("publication.clientRefused", { error }));
    socket.on("close", (code) => this.#left(client, code));
    client.reply(this.#hello(client));
  }

  /** Tells every client that the daemon goes (1001), and waits until they are gone. */
  async close(): Promise<void> {
    clearInterval(this.#heartbeat);
    this.#unfollow();
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
    const { version, limits } = this.#options;
    return {
      type: "hello",
      protocol: protocolVersion,
      server: "cytostream",
      version,
      run: this.#run,
      session: id,
      resumeToken: token,
      resumeWithinMs,
      topics: [...this.#topics],
      capabilities: {
        frames: {
          encoding: "jpeg",
          widths: widthsWithin(limits),
          maxRateHz: limits.maxFramesPerSecond,
          density: "png",
        },
        resume: true,
        keep: this.#options.desks.keep !== undefined,
      },
      limits: {
        messageBytes: limits.maxMessageBytes,
        messagesPerSecond: limits.messagesPerSecond,
        messagesBurst: burstOf(limits),
        bufferedBytes: limits.clientBufferBytes,
        cellsPerMessage: maxCellsPerMessage,
        pingIntervalMs: limits.pingIntervalMs,
        labelsUnanswered: labelWindow,
        labelsPerSecond,
        commandsUnanswered: commandWindow,
      },
      taxonomy: taxonomyMessage,
    };
  }

  /** Labels have a window of their own; everything else takes from the allowance of messages. */
  #receive(client: Client, data: RawData, isBinary: boolean): void {
    if (!client.open) return;
    const parsed = isBinary ? undefined : parseClientMessage(data.toString());
    const isLabel = parsed?.ok === true ? parsed.message.type === "label" : parsed?.code === "LABEL_INVALID";
    // Who wants the stage to stop is heard, however much was said before.
    const isHeard = isLabel || (parsed?.ok === true && client.mayChange && isStop(parsed.message));
    if (!isHeard && !client.admit()) return;
    if (parsed === undefined) client.refuse("MESSAGE_BINARY", "Messages are JSON in text.");
    else if (parsed.ok) {
      this.#options.tally.understood();
      this.#obey(client, parsed.message);
    } else if (parsed.code !== "LABEL_INVALID") client.refuse(parsed.code, parsed.reason, parsed.id);
    else this.#commands.refuseLabel(client, parsed.id ?? "", parsed.reason);
  }

  #obey(client: Client, message: ClientMessage): void {
    if (message.type === "resume") this.#resume(client, message);
    else if (message.type === "subscribe" || message.type === "unsubscribe") this.#subscribe(client, message);
    else if (message.type === "ping") {
      const id = message.id === undefined ? {} : { id: message.id };
      client.reply({ type: "pong", ...id, timeMs: this.#options.clock.now(), dropped: client.dropped });
    } else this.#commands.obey(client, message);
  }

  #subscribe(client: Client, message: Extract<ClientMessage, { type: "subscribe" | "unsubscribe" }>): void {
    if (message.topics.some((topic) => !this.#topics.includes(topic))) {
      client.refuse("MESSAGE_INVALID", "hello names the topics of this daemon.");
      return;
    }
    for (const topic of message.topics) {
      if (message.type === "subscribe") {
        client.subscribe(topic, subscriptionOptions(topic, message.options ?? {}, this.#options.limits));
      } else client.unsubscribe(topic);
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
    const { tally, log } = this.#options;
    const session = this.#session(client);
    this.#clients.delete(client);
    if (session.client === client) this.#sessions.leave(session);
    client.released();
    const reason = client.closing ?? (code === 1007 || code === 1008 || code === 1009 ? "protocol" : "client");
    tally.closed(reason, code);
    log.event("publication.clientClosed", { code, reason });
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
    this.#options.tally.gauge(this.#clients.size, this.#sessions.size);
  }

  /** Counts a handshake that was refused before it became a connection. */
  refused(code: ErrorCode): void {
    this.#options.tally.refused(code);
    this.#options.log.limited("publication.clientRefused", { code });
  }
}
