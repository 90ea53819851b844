import type { FastifyInstance } from "fastify";
import sharp from "sharp";
import { z } from "zod";
import { CytoError } from "../../core/index.js";
import { type LabelDesk, type LabelSubmission, reviewStates } from "../../labels/index.js";
import { authorSchema, labelFault, labelSubmissionSchema, messageIdSchema, sha256Schema } from "../protocol/labels.js";
import { maxBodyBytes, maxLabelBytes, maxPictureBytes, maxUploads } from "../protocol/limits.js";
import { reasonOf } from "../protocol/parse.js";
import { cellClassSchema } from "../protocol/results.js";
import type { Desks } from "./desks.js";
import { limitQuery, parseRequest, Turnstile } from "./request.js";

const stateList = z
  .string()
  .max(200)
  .transform((text) => text.split(","))
  .pipe(z.array(z.enum(reviewStates)).min(1));

const listQuery = z.strictObject({
  state: stateList.optional(),
  class: cellClassSchema.optional(),
  group: messageIdSchema.optional(),
  limit: limitQuery(100, 1000),
  after: z.string().min(1).max(500).optional(),
});

const nextQuery = z.strictObject({ limit: limitQuery(20, 200) });
const fieldParams = z.strictObject({ field: messageIdSchema });

const unknownField = (): CytoError => new CytoError("LABEL_FIELD_UNKNOWN", "There is no labelled field of that id.");

/** @throws CytoError LABEL_INVALID */
const parseSubmission = (body: unknown): LabelSubmission => {
  const parsed = labelSubmissionSchema.safeParse(body);
  if (parsed.success) return parsed.data;
  throw new CytoError("LABEL_INVALID", labelFault(body) ?? reasonOf(parsed.error, "the label"));
};

export const addLabelRoutes = (app: FastifyInstance, labels: LabelDesk): void => {
  app.post("/v1/labels", { bodyLimit: maxLabelBytes }, ({ body }) => labels.submit(parseSubmission(body)));
  app.get("/v1/labels", ({ query }) => {
    const { state, class: cellClass, group, limit, after } = parseRequest(listQuery, query);
    return labels.list({ states: state, cellClass, group, limit, after });
  });
  app.get("/v1/labels/next", ({ query }) => labels.next(parseRequest(nextQuery, query).limit));
  app.get("/v1/labels/stats", () => labels.stats());
  app.get("/v1/labels/:field", async ({ params }) => {
    const record = await labels.field(parseRequest(fieldParams, params).field);
    if (record === undefined) throw unknownField();
    return record;
  });
  app.get("/v1/labels/:field/revisions", async ({ params }) => {
    const revisions = await labels.revisions(parseRequest(fieldParams, params).field);
    if (revisions.length === 0) throw unknownField();
    return revisions;
  });
};

const keepBody = z.strictObject({
  id: messageIdSchema,
  frame: z.int().nonnegative().optional(),
  author: authorSchema.optional(),
});

export const addKeepRoute = (app: FastifyInstance, keep: NonNullable<Desks["keep"]>): void => {
  app.post("/v1/labels/keep", { bodyLimit: maxBodyBytes }, ({ body }) => {
    const { id, frame, author } = parseRequest(keepBody, body);
    return keep({ id, frame, author });
  });
};

const pictureParams = z.strictObject({ sha256: sha256Schema });
const pictureQuery = z.strictObject({ format: z.literal("png").optional() });
const maxPixels = 100_000_000;

/** A picture that a browser may not read, as a TIFF, in a form that all read. */
const asPng = async (bytes: Uint8Array): Promise<Buffer> => {
  try {
    return await sharp(bytes, { limitInputPixels: maxPixels }).rotate().png().toBuffer();
  } catch (error) {
    throw CytoError.from(error, "IMAGE_UNREADABLE");
  }
};

/** Pictures: the one route that takes bytes, and many of them; few at a time, since each is held whole. */
export const addPictureRoutes = (app: FastifyInstance, labels: LabelDesk): void => {
  const uploads = new Turnstile(maxUploads);
  const conversions = new Turnstile(maxUploads);
  app.removeAllContentTypeParsers();
  app.addContentTypeParser(
    /^(?:application\/octet-stream|image\/(?:jpeg|png|tiff|bmp))$/,
    { parseAs: "buffer" },
    (_request, body, done) => done(null, body),
  );
  app.post(
    "/v1/pictures",
    {
      bodyLimit: maxPictureBytes,
      onRequest: async (_request, reply) => {
        reply.raw.once("close", uploads.enter());
      },
    },
    async ({ body }) => {
      if (!Buffer.isBuffer(body) || body.length === 0) throw new CytoError("REQUEST_INVALID", "There are no bytes.");
      return labels.addPicture(body);
    },
  );
  app.get("/v1/pictures/:sha256", async ({ params, query }, reply) => {
    const { format } = parseRequest(pictureQuery, query);
    const picture = await labels.picture(parseRequest(pictureParams, params).sha256);
    if (picture === undefined) throw new CytoError("LABEL_PICTURE_UNKNOWN", "There is no picture of that hash.");
    // A picture is named by its content: what is under that name never changes.
    reply.header("cache-control", "private, max-age=31536000, immutable");
    if (format === undefined) return reply.type(picture.mediaType).send(Buffer.from(picture.bytes));
    const leave = conversions.enter();
    try {
      return await reply.type("image/png").send(await asPng(picture.bytes));
    } finally {
      leave();
    }
  });
};
