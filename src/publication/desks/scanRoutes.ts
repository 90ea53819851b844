import type { FastifyInstance, FastifyReply } from "fastify";
import { z } from "zod";
import type { Jpeg, ScanDesk, ScanRequest } from "../../scan/index.js";
import { authorSchema } from "../protocol/labels.js";
import { maxBodyBytes, maxScanBytes } from "../protocol/limits.js";
import { cellClassSchema } from "../protocol/results.js";
import { calibrateSchema, focusSchema, scanIdSchema, scanRequestSchema, stageActionSchema } from "../protocol/scans.js";
import { limitQuery, parseRequest } from "./request.js";

const scanParams = z.strictObject({ id: scanIdSchema });
const number = z
  .string()
  .regex(/^\d{1,9}$/)
  .transform(Number);
const fieldParams = z.strictObject({ id: scanIdSchema, index: number });
const cellParams = z.strictObject({ id: scanIdSchema, cell: number });
const tileParams = z.strictObject({ id: scanIdSchema, version: number, level: number, column: number, row: number });
const fieldsQuery = z.strictObject({ from: number.optional(), limit: limitQuery(500, 5000) });
const cellsQuery = z.strictObject({ class: cellClassSchema, limit: limitQuery(100, 1000) });
const abortBody = z.strictObject({ by: authorSchema });

/** What is under such an address never changes. */
const forever = "private, max-age=31536000, immutable";

/** A tile, or 204 where nothing was seen: that is no fault, and a browser must not note it as one. */
const sendTile = (reply: FastifyReply, jpeg: Jpeg | undefined): FastifyReply =>
  jpeg === undefined ? reply.code(204).send() : reply.type("image/jpeg").send(Buffer.from(jpeg));

const sendJpeg = (reply: FastifyReply, jpeg: Jpeg): FastifyReply =>
  reply.header("cache-control", forever).type("image/jpeg").send(Buffer.from(jpeg));

const addReading = (app: FastifyInstance, scans: ScanDesk): void => {
  app.get("/v1/scans", () => scans.list());
  app.get("/v1/scans/:id", ({ params }) => scans.show(parseRequest(scanParams, params).id));
  app.get("/v1/scans/:id/fields", ({ params, query }) => {
    const { from = 0, limit } = parseRequest(fieldsQuery, query);
    return scans.fields(parseRequest(scanParams, params).id, { from, limit });
  });
  app.get("/v1/scans/:id/fields/:index/cells", ({ params }) => {
    const { id, index } = parseRequest(fieldParams, params);
    return scans.fieldCells(id, index);
  });
  app.get("/v1/scans/:id/fields/:index/picture", async ({ params }, reply) => {
    const { id, index } = parseRequest(fieldParams, params);
    return sendJpeg(reply, await scans.fieldPicture(id, index));
  });
  app.get("/v1/scans/:id/cells", ({ params, query }) => {
    const { class: cellClass, limit } = parseRequest(cellsQuery, query);
    return scans.cells(parseRequest(scanParams, params).id, { cellClass, limit });
  });
  app.get("/v1/scans/:id/cells/:cell/picture", async ({ params }, reply) => {
    const { id, cell } = parseRequest(cellParams, params);
    // A better view of the cell may come.
    return reply.type("image/jpeg").send(Buffer.from(await scans.cellPicture(id, cell)));
  });
  app.get("/v1/scans/:id/map", ({ params }) => scans.map(parseRequest(scanParams, params).id));
  app.get("/v1/scans/:id/map/:version/:level/:column/:row", async ({ params }, reply) => {
    const { id, version, ...tile } = parseRequest(tileParams, params);
    const jpeg = await scans.mapTile(id, tile);
    // A tile asked for by an older version is the newest one all the same: it must not be kept under the old name.
    if ((await scans.map(id)).version === version) reply.header("cache-control", forever);
    return sendTile(reply, jpeg);
  });
  app.get("/v1/microscope", async () => scans.status());
};

/** The addresses of scans and of the microscope. */
export const addScanRoutes = (app: FastifyInstance, scans: ScanDesk): void => {
  const small = { bodyLimit: maxBodyBytes };
  addReading(app, scans);
  app.post("/v1/scans", { bodyLimit: maxScanBytes }, ({ body }) =>
    scans.start(parseRequest(scanRequestSchema, body) as ScanRequest),
  );
  app.post("/v1/scans/:id/pause", small, ({ params }) => scans.pause(parseRequest(scanParams, params).id));
  app.post("/v1/scans/:id/resume", small, ({ params }) => scans.resume(parseRequest(scanParams, params).id));
  app.post("/v1/scans/:id/abort", small, ({ params, body }) =>
    scans.abort(parseRequest(scanParams, params).id, parseRequest(abortBody, body).by),
  );
  app.post("/v1/microscope/stage", small, ({ body }) => {
    const { by, ...action } = parseRequest(stageActionSchema, body);
    return scans.stage(action, by);
  });
  app.post("/v1/microscope/calibrate", small, ({ body }) => {
    const { what, by } = parseRequest(calibrateSchema, body);
    return scans.calibrate(what, by);
  });
  app.post("/v1/microscope/focus", small, ({ body }) => scans.focus(parseRequest(focusSchema, body).by));
};
