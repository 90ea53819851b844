import type { FastifyInstance } from "fastify";
import { z } from "zod";
import type { ModelDesk } from "../../registry/index.js";
import { maxBodyBytes, maxComparisons } from "../protocol/limits.js";
import {
  modelIdSchema,
  modelNameSchema,
  modelVersionSchema,
  promoteSchema,
  rollbackSchema,
} from "../protocol/models.js";
import { parseRequest, Turnstile } from "./request.js";

const modelParams = z.strictObject({ name: modelNameSchema, version: modelVersionSchema });
const compareQuery = z.strictObject({ a: modelIdSchema, b: modelIdSchema });

/** Milliseconds since the epoch, or a date and time of ISO 8601. */
const timeQuery = z
  .string()
  .max(40)
  .transform((text) => (/^\d{1,15}$/.test(text) ? Number(text) : Date.parse(text)))
  .pipe(z.number());
const historyQuery = z.strictObject({ at: timeQuery.optional() });

export const addModelRoutes = (app: FastifyInstance, models: ModelDesk): void => {
  const small = { bodyLimit: maxBodyBytes };
  const comparisons = new Turnstile(maxComparisons);
  app.get("/v1/models", () => models.list());
  app.get("/v1/models/compare", async ({ query }) => {
    const { a, b } = parseRequest(compareQuery, query);
    const leave = comparisons.enter();
    try {
      return await models.compare(a, b);
    } finally {
      leave();
    }
  });
  app.get("/v1/models/history", ({ query }) => models.history(parseRequest(historyQuery, query).at));
  app.get("/v1/models/:name/:version", ({ params }) => {
    const { name, version } = parseRequest(modelParams, params);
    return models.show(`${name}@${version}`);
  });
  app.post("/v1/models/promote", small, ({ body }) => {
    const { model, by, reason } = parseRequest(promoteSchema, body);
    return models.promote(model, by, reason);
  });
  app.post("/v1/models/rollback", small, ({ body }) => models.rollback(parseRequest(rollbackSchema, body).by));
};
