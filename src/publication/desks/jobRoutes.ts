import type { FastifyInstance } from "fastify";
import { z } from "zod";
import type { JobDesk } from "../../training/jobs/index.js";
import { jobIdSchema, jobStartSchema, sampleNameSchema } from "../protocol/jobs.js";
import { maxBodyBytes } from "../protocol/limits.js";
import { parseRequest } from "./request.js";

const jobParams = z.strictObject({ id: jobIdSchema });
const sampleParams = z.strictObject({ id: jobIdSchema, name: sampleNameSchema });

export const addJobRoutes = (app: FastifyInstance, jobs: JobDesk): void => {
  const small = { bodyLimit: maxBodyBytes };
  app.get("/v1/jobs", () => jobs.list());
  app.post("/v1/jobs", small, ({ body }) => jobs.start(parseRequest(jobStartSchema, body).by));
  app.get("/v1/jobs/decisions", () => jobs.decisions());
  app.get("/v1/jobs/:id", ({ params }) => jobs.show(parseRequest(jobParams, params).id));
  app.post("/v1/jobs/:id/pause", small, ({ params }) => jobs.pause(parseRequest(jobParams, params).id, true));
  app.post("/v1/jobs/:id/resume", small, ({ params }) => jobs.pause(parseRequest(jobParams, params).id, false));
  app.post("/v1/jobs/:id/cancel", small, ({ params }) => jobs.cancel(parseRequest(jobParams, params).id));
  app.get("/v1/jobs/:id/samples/:name", async ({ params }, reply) => {
    const { id, name } = parseRequest(sampleParams, params);
    return reply.type("image/png").send(Buffer.from(await jobs.sample(id, name)));
  });
};
