import type { FastifyInstance, FastifyRequest } from "fastify";
import { CytoError } from "../../core/index.js";
import type { Desks } from "./desks.js";
import { addJobRoutes } from "./jobRoutes.js";
import { addKeepRoute, addLabelRoutes, addPictureRoutes } from "./labelRoutes.js";
import { addModelRoutes } from "./modelRoutes.js";
import { addScanRoutes } from "./scanRoutes.js";

/** Nothing that a page of another site can make a browser send changes anything here. */
const refuseForeignChanges = (app: FastifyInstance, mayChange: (request: FastifyRequest) => boolean): void => {
  app.addHook("onRequest", async (request, reply) => {
    if (request.method !== "GET" && request.method !== "HEAD" && !mayChange(request))
      throw new CytoError("ORIGIN_REFUSED", "A page of another site may look, not change.");
    reply.header("cache-control", "no-store");
  });
};

/** The addresses of labels, jobs, models and scans; those of a desk that is absent are not found. */
export const addDeskRoutes = async (
  app: FastifyInstance,
  desks: Desks,
  mayChange: (request: FastifyRequest) => boolean,
): Promise<void> => {
  const { labels, keep, jobs, models, scans } = desks;
  await app.register(async (scope) => {
    refuseForeignChanges(scope, mayChange);
    if (labels !== undefined) {
      addLabelRoutes(scope, labels);
      await scope.register(async (pictures) => addPictureRoutes(pictures, labels));
    }
    if (keep !== undefined) addKeepRoute(scope, keep);
    if (jobs !== undefined) addJobRoutes(scope, jobs);
    if (models !== undefined) addModelRoutes(scope, models);
    if (scans !== undefined) addScanRoutes(scope, scans);
  });
};
