import { randomUUID } from "node:crypto";
import fastifyStatic from "@fastify/static";
import Fastify, { type FastifyInstance, type FastifyReply } from "fastify";
import { type ErrorCode, errorTable } from "../core/index.js";
import { type GuardOptions, refusal } from "./guard.js";
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
export const errorBody = (code: ErrorCode, correlationId: string) => ({
  code,
  message: errorTable[code].title,
  correlationId,
});

const sendError = (reply: FastifyReply, code: ErrorCode): FastifyReply => {
  const status = "httpStatus" in errorTable[code] ? errorTable[code].httpStatus : undefined;
  return reply.code(status ?? 500).send(errorBody(code, reply.request.id));
};

/** The HTTP side of the port. The caller listens and closes. */
export const createHttp = async (options: HttpOptions): Promise<FastifyInstance> => {
  const app = Fastify({
    bodyLimit: 1024,
    requestTimeout: 10_000,
    keepAliveTimeout: 10_000,
    forceCloseConnections: true,
    return503OnClosing: true,
    genReqId: () => randomUUID(),
    logger: false,
    frameworkErrors: (_error, _request, reply) => void sendError(reply, "REQUEST_INVALID"),
  });
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
    const status = error.statusCode ?? 500;
    if (status < 500) return sendError(reply, status === 404 ? "NOT_FOUND" : "REQUEST_INVALID");
    options.log.limited("publication.requestFailed", { error, correlationId: request.id });
    return sendError(reply, "INTERNAL");
  });
  addRoutes(app, options);
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
  for (const topic of ["status", "counts"] as const) {
    app.get(`/v1/${topic}`, async (_request, reply) => {
      const newest = board.newest(topic);
      reply.header("cache-control", "no-store");
      if (newest === undefined) return sendError(reply, "NOT_READY");
      return reply.type("application/json; charset=utf-8").send(newest.data);
    });
  }
  app.get("/v1/fields", async (_request, reply) => reply.header("cache-control", "no-store").send(board.fields.list()));
};
