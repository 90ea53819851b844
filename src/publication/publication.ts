import { randomUUID } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import type { FastifyInstance } from "fastify";
import { WebSocketServer } from "ws";
import { type Clock, CytoError, type ErrorCode, errorTable, systemClock } from "../core/index.js";
import type { Desks } from "./desks/desks.js";
import { type GuardOptions, mayChange, refusal } from "./guard.js";
import { createHttp, errorBody, type HealthSource } from "./http.js";
import { Hub } from "./hub.js";
import type { PublicationInput } from "./input.js";
import { type PublicationLog, silentLog } from "./log.js";
import { defaultStreamLimits, maxFragments, type StreamLimits } from "./protocol/limits.js";
import type { Topic } from "./protocol/serverMessages.js";
import { type PublicationMetrics, type PublicationStats, Tally } from "./tally.js";

/** The keys up to `allowedHosts`, and those of `StreamLimits`, are the section `publication` of the configuration. */
export interface PublicationOptions extends Partial<StreamLimits> {
  /** Address to listen on. Default: 127.0.0.1. */
  readonly host?: string;
  /** 0 takes any free port. */
  readonly port: number;
  /** Origins, besides the daemon's own, whose pages may read the stream. */
  readonly allowedOrigins?: readonly string[];
  /** Names, besides addresses and the configured host, by which this machine is opened. */
  readonly allowedHosts?: readonly string[];
  /** Version of the daemon, for hello. */
  readonly version: string;
  readonly health: HealthSource;
  /** Counted into and shown at `/metrics`; without it that is not found. */
  readonly metrics?: PublicationMetrics;
  /** Folder of the built dashboard; without one `/` is not found. */
  readonly dashboardDir?: string;
  /** What clients can ask for beside the live results. The desks outlive the publication. */
  readonly desks?: Desks;
  readonly clock?: Clock;
  readonly log?: PublicationLog;
}

/** The open port. Disposing it tells the clients (1001), waits for them and closes the port; it is idempotent. */
export interface Publication extends AsyncDisposable {
  readonly host: string;
  readonly port: number;
  /** Where the dashboard is. */
  readonly url: string;
  /**
   * Hands a result to whoever subscribed to it; returns at once, and does nothing after disposal.
   * @throws CytoError INTERNAL where counts, status or alerts do not fit the protocol: a fault of the caller
   */
  publish(input: PublicationInput): void;
  /** Whether anybody subscribed to a topic, or to the density map with the frames: what nobody wants need not be made. */
  wants(topic: Topic | "density"): boolean;
  /** Forgets where the slide has been looked at: a new slide. */
  clearFields(): void;
  /** A copy of the counters, to be read when metrics are collected. */
  stats(): PublicationStats;
}

export const streamPath = "/v1/stream";

/** The limits that are given, the others by default. */
const limitsOf = (given: Partial<StreamLimits>): StreamLimits => ({
  frameQuality: given.frameQuality ?? defaultStreamLimits.frameQuality,
  frameMaxWidthPx: given.frameMaxWidthPx ?? defaultStreamLimits.frameMaxWidthPx,
  maxFramesPerSecond: given.maxFramesPerSecond ?? defaultStreamLimits.maxFramesPerSecond,
  maxClients: given.maxClients ?? defaultStreamLimits.maxClients,
  clientBufferBytes: given.clientBufferBytes ?? defaultStreamLimits.clientBufferBytes,
  pingIntervalMs: given.pingIntervalMs ?? defaultStreamLimits.pingIntervalMs,
  maxMessageBytes: given.maxMessageBytes ?? defaultStreamLimits.maxMessageBytes,
  messagesPerSecond: given.messagesPerSecond ?? defaultStreamLimits.messagesPerSecond,
});

const listen = async (app: FastifyInstance, host: string, port: number): Promise<AddressInfo> => {
  try {
    await app.listen({ host, port });
  } catch (error) {
    await app.close();
    const inUse = (error as NodeJS.ErrnoException).code === "EADDRINUSE";
    throw new CytoError(
      inUse ? "PORT_IN_USE" : "LISTEN_FAILED",
      inUse ? `port ${port} of ${host} is taken` : `cannot listen on port ${port} of ${host}`,
      { cause: error, context: { host, port } },
    );
  }
  return app.server.address() as AddressInfo;
};

/** Refuses a handshake with a code, before there is a WebSocket. */
const refuseUpgrade = (socket: Duplex, code: ErrorCode): void => {
  const entry = errorTable[code];
  const status = "httpStatus" in entry ? entry.httpStatus : 400;
  const body = JSON.stringify(errorBody(code, randomUUID()));
  socket.on("error", () => socket.destroy());
  socket.end(
    `HTTP/1.1 ${status} Refused\r\nContent-Type: application/json; charset=utf-8\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
    () => socket.destroy(),
  );
};

/**
 * Opens the port: HTTP, the stream, the dashboard.
 * @throws CytoError PORT_IN_USE, LISTEN_FAILED
 */
export const createPublication = async (options: PublicationOptions): Promise<Publication> => {
  const host = options.host ?? "127.0.0.1";
  const log = options.log ?? silentLog;
  const tally = new Tally(options.metrics);
  const limits = limitsOf(options);
  const desks = options.desks ?? {};
  const guard: GuardOptions = {
    host,
    allowedHosts: (options.allowedHosts ?? []).map((name) => name.toLowerCase()),
    allowedOrigins: options.allowedOrigins ?? [],
  };
  const hub = new Hub({
    clock: options.clock ?? systemClock,
    log,
    tally,
    version: options.version,
    limits,
    desks,
  });
  const app = await createHttp({
    guard,
    log,
    board: hub.board,
    desks,
    health: options.health,
    metrics: options.metrics,
    dashboardDir: options.dashboardDir,
    onRefused: (code) => hub.refused(code),
    onResponse: (status) => tally.request(status),
  });
  let closing: Promise<void> | undefined;
  const whyNot = (request: IncomingMessage): ErrorCode | undefined => {
    if (closing !== undefined) return "SHUTTING_DOWN";
    if ((request.url ?? "").split("?")[0] !== streamPath) return "NOT_FOUND";
    const refused = refusal({ host: request.headers.host, origin: request.headers.origin }, guard);
    return refused ?? (hub.clients >= limits.maxClients ? "CLIENTS_EXCEEDED" : undefined);
  };
  const webSockets = attachStream(app, { hub, whyNot, guard, maxMessageBytes: limits.maxMessageBytes });
  const address = await listen(app, host, options.port).catch(async (error: unknown) => {
    await hub.close();
    throw error;
  });
  const url = `http://${address.family === "IPv6" ? `[${address.address}]` : address.address}:${address.port}/`;
  log.event("publication.listening", { url });
  const close = async (): Promise<void> => {
    await hub.close();
    webSockets.close();
    await app.close();
  };
  return {
    host: address.address,
    port: address.port,
    url,
    publish: (input) => {
      if (closing === undefined) hub.publish(input);
    },
    wants: (topic) => hub.wants(topic),
    clearFields: () => hub.board.fields.clear(),
    stats: () => tally.stats(),
    [Symbol.asyncDispose]: () => {
      closing ??= close();
      return closing;
    },
  };
};

interface StreamOptions {
  readonly hub: Hub;
  readonly guard: GuardOptions;
  /** Why a handshake is refused, if it is. */
  readonly whyNot: (request: IncomingMessage) => ErrorCode | undefined;
  readonly maxMessageBytes: number;
}

const attachStream = (
  app: FastifyInstance,
  { hub, whyNot, guard, maxMessageBytes }: StreamOptions,
): WebSocketServer => {
  const webSockets = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    autoPong: false,
    maxPayload: maxMessageBytes,
    maxFragments,
  });
  webSockets.on("wsClientError", (_error, socket) => {
    hub.refused("REQUEST_INVALID");
    refuseUpgrade(socket, "REQUEST_INVALID");
  });
  app.server.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    const code = whyNot(request);
    if (code === undefined) {
      const { host, origin } = request.headers;
      const trusted = mayChange({ host, origin }, guard);
      webSockets.handleUpgrade(request, socket, head, (opened) => hub.accept(opened, socket, trusted));
      return;
    }
    hub.refused(code);
    refuseUpgrade(socket, code);
  });
  return webSockets;
};
