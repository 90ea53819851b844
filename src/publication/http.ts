import { randomUUID } from "node:crypto";
import fastifyStatic from "@fastify/static";
import Fastify, { type FastifyInstance, type FastifyReply } from "fastify";
import { CytoError, type ErrorCode, errorTable } from "../core/index.js";
import type { Desks } from "./desks/desks.js";
import { addDeskRoutes } from "./desks/routes.js";
import { safeError } from "./desks/safeError.js";
import { type GuardOptions, mayChange, refusal } from "./guard.js";
import type { PublicationLog } from "./log.js";
import type { PublicationMetrics } from "./tally.js";
import type { TopicBoard } from "./topicBoard.js";

/** What the probes read; the health registry of src/observability fits. */
export interface HealthSource {
  snapshot(): {
    /** Whether the process is worth keeping: `/healthz`. */
    readonly live: boolean;
    /** Whether it does its work now: `/readyz`. */
    readonly ready: boolean;
    readonly reasons: readonly string[];
  };
}

export interface HttpOptions {
  readonly guard: GuardOptions;
  readonly board: TopicBoard;
  readonly desks: Desks;
  readonly log: PublicationLog;
  readonly health: HealthSource;
  readonly metrics: PublicationMetrics | undefined;
  /** Folder of the built dashboard. */
  readonly dashboardDir: string | undefined;
  readonly onRefused: (code: ErrorCode) => void;
  readonly onResponse: (status: number) => void;
}

/** Everything a page needs comes from here, and nothing may frame it or run code of its own making. */
const contentSecurityPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' blob:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

const securityHeaders = {
  "content-security-policy": contentSecurityPolicy,
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cross-origin-resource-policy": "same-origin",
  "cross-origin-opener-policy": "same-origin",
} as const;

/** What a client is told of an error: nothing from inside. */
export const errorBody = (code: ErrorCode, correlationId: string, message: string = errorTable[code].title) => ({
  code,
  message,
  correlationId,
});

const statusOf = (code: ErrorCode): number => ("httpStatus" in errorTable[code] ? errorTable[code].httpStatus : 500);

const sendError = (reply: FastifyReply, code: ErrorCode, message?: string): FastifyReply =>
  reply
    .code(statusOf(code))
    .header("cache-control", "no-store")
    .send(errorBody(code, reply.request.id, message));

const codesOfStatus: Readonly<Record<number, ErrorCode>> = { 404: "NOT_FOUND", 413: "REQUEST_TOO_LARGE" };

/** A picture takes its time on a slow network. */
const requestTimeoutMs = 60_000;
const headersTimeoutMs = 10_000;

/** The HTTP side of the port. The caller listens and closes. */
export const createHttp = async (options: HttpOptions): Promise<FastifyInstance> => {
  const app = Fastify({
    bodyLimit: 1024,
    requestTimeout: requestTimeoutMs,
    keepAliveTimeout: 10_000,
    forceCloseConnections: true,
    return503OnClosing: true,
    genReqId: () => randomUUID(),
    logger: false,
    frameworkErrors: (_error, _request, reply) => void sendError(reply, "REQUEST_INVALID"),
  });
  app.server.headersTimeout = headersTimeoutMs;
  app.addHook("onRequest", async (request, reply) => {
    reply.headers(securityHeaders);
    const code = refusal({ host: request.headers.host, origin: request.headers.origin }, options.guard);
    if (code === undefined) return;
    options.onRefused(code);
    await sendError(reply, code);
  });
  app.addHook("onResponse", async (_request, reply) => options.onResponse(reply.statusCode));
  app.setNotFoundHandler((_request, reply) => sendError(reply, "NOT_FOUND"));
  app.setErrorHandler((error: { statusCode?: number }, request, reply) => {
    const status = error instanceof CytoError ? statusOf(error.code) : (error.statusCode ?? 500);
    if (status >= 500) options.log.limited("publication.requestFailed", { error, correlationId: request.id });
    if (error instanceof CytoError) {
      const { code, message } = safeError(error);
      return sendError(reply, code, message);
    }
    return sendError(reply, status < 500 ? (codesOfStatus[status] ?? "REQUEST_INVALID") : "INTERNAL");
  });
  // What a form can send without asking is taken nowhere: JSON has to say that it is JSON.
  app.removeContentTypeParser("text/plain");
  addRoutes(app, options);
  await addDeskRoutes(app, options.desks, ({ headers: { host, origin } }) =>
    mayChange({ host, origin }, options.guard),
  );
  const { dashboardDir } = options;
  if (dashboardDir !== undefined) await app.register(fastifyStatic, { root: dashboardDir, cacheControl: false });
  return app;
};

const addRoutes = (app: FastifyInstance, { health, metrics, board }: HttpOptions): void => {
  for (const [path, key] of [
    ["/healthz", "live"],
    ["/readyz", "ready"],
  ] as const) {
    app.get(path, async (_request, reply) => {
      const report = health.snapshot();
      reply.code(report[key] ? 200 : 503).header("cache-control", "no-store");
      return reply.send({ [key]: report[key], reasons: report.reasons });
    });
  }
  app.get("/metrics", async (_request, reply) =>
    metrics === undefined
      ? sendError(reply, "NOT_FOUND")
      : reply.type(metrics.contentType).send(await metrics.exposition()),
  );
  for (const topic of ["status", "counts", "alerts"] as const) {
    app.get(`/v1/${topic}`, async (_request, reply) => {
      const newest = board.newest(topic);
      reply.header("cache-control", "no-store");
      if (newest === undefined) return sendError(reply, "NOT_READY");
      return reply.type("application/json; charset=utf-8").send(newest.data);
    });
  }
  app.get("/v1/fields", async (_request, reply) => reply.header("cache-control", "no-store").send(board.fields.list()));
};
