import { readFileSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";
import { describe, expect, it, type TestContext } from "vitest";
import type { z } from "zod";
import { errorTable, projectRoot } from "../../src/core/index.js";
import { createHttp } from "../../src/publication/http.js";
import type { Publication } from "../../src/publication/index.js";
import { jobRecordSchema, triggerDecisionSchema } from "../../src/publication/protocol/jobs.js";
import {
  fieldPageSchema,
  fieldRecordSchema,
  labelReceiptSchema,
  labelStatsSchema,
  reviewOfferSchema,
  storedPictureSchema,
} from "../../src/publication/protocol/labels.js";
import { gateReportSchema, modelEntrySchema, promotionSchema } from "../../src/publication/protocol/models.js";
import { memoryDesks, sampleCell, samplePng } from "./desks/index.js";
import { openPublication } from "./harness.js";

const opened = async (context: TestContext) => {
  const desks = memoryDesks();
  const keep = async ({ id }: { id: string }) => ({ id, field: "f-1", revision: 1, repeated: false });
  const publication = await openPublication(context, { desks: { ...desks, keep } });
  return { desks, publication };
};

const json = { "content-type": "application/json" };

const get = (publication: Publication, path: string) => fetch(publication.url + path);
const post = (publication: Publication, path: string, body?: unknown, headers: Record<string, string> = {}) =>
  fetch(publication.url + path, {
    method: "POST",
    ...(body === undefined ? { headers } : { headers: { ...json, ...headers }, body: JSON.stringify(body) }),
  });

/** The body of an answer that must be 200 and fit its schema. */
const bodyOf = async <T>(answer: Promise<Response>, schema: z.ZodType<T>): Promise<T> => {
  const response = await answer;
  const body: unknown = await response.json();
  expect([response.status, response.status === 200 ? "" : body]).toEqual([200, ""]);
  return schema.parse(body);
};

const failureOf = async (answer: Promise<Response>): Promise<[number, string]> => {
  const response = await answer;
  const body = (await response.json()) as { code: keyof typeof errorTable; message: string; correlationId: string };
  expect(body.correlationId).toMatch(/^[0-9a-f-]{36}$/);
  expect(errorTable[body.code]).toBeDefined();
  expect(body.message).not.toMatch(/node_modules|\.ts|\/\w+\//);
  return [response.status, body.code];
};

const label = (sha256: string, id: string, more: object = {}) => ({
  id,
  picture: sha256,
  cells: [sampleCell()],
  state: "confirmed",
  author: "MK",
  ...more,
});

describe("labels over HTTP", () => {
  it("pictures are sent as bytes, kept once, and come back as they were", async (context) => {
    const { publication } = await opened(context);
    const png = await samplePng(3);
    const send = (type: string) =>
      fetch(`${publication.url}v1/pictures`, {
        method: "POST",
        headers: { "content-type": type },
        body: new Uint8Array(png),
      });
    const stored = await bodyOf(send("application/octet-stream"), storedPictureSchema);
    expect(stored).toMatchObject({ mediaType: "image/png", widthPx: 64, heightPx: 48, bytes: png.length });
    expect(await bodyOf(send("image/png"), storedPictureSchema)).toEqual(stored);
    const answer = await get(publication, `v1/pictures/${stored.sha256}`);
    expect(answer.headers.get("content-type")).toBe("image/png");
    expect(answer.headers.get("cache-control")).toContain("immutable");
    expect(Buffer.from(await answer.arrayBuffer()).equals(png)).toBe(true);
    expect(await failureOf(get(publication, `v1/pictures/${"0".repeat(64)}`))).toEqual([404, "LABEL_PICTURE_UNKNOWN"]);
    expect(await failureOf(get(publication, "v1/pictures/..%2f..%2fetc"))).toEqual([400, "REQUEST_INVALID"]);
  });

  it("a TIFF, which browsers do not show, comes as PNG where that is asked for", async (context) => {
    const { publication, desks } = await opened(context);
    const { sha256 } = await desks.labels.addPicture(
      await sharp(await samplePng(9))
        .tiff()
        .toBuffer(),
    );
    const answer = await get(publication, `v1/pictures/${sha256}?format=png`);
    expect(answer.headers.get("content-type")).toBe("image/png");
    expect(await sharp(Buffer.from(await answer.arrayBuffer())).metadata()).toMatchObject({ format: "png", width: 64 });
  });

  it("what is no picture, too long, or of another type is refused with a code", async (context) => {
    const { publication } = await opened(context);
    const send = (type: string, body: Uint8Array<ArrayBuffer>) =>
      failureOf(fetch(`${publication.url}v1/pictures`, { method: "POST", headers: { "content-type": type }, body }));
    expect(await send("application/octet-stream", new Uint8Array(1000))).toEqual([400, "IMAGE_UNREADABLE"]);
    expect(await send("application/octet-stream", new Uint8Array(0))).toEqual([400, "REQUEST_INVALID"]);
    expect(await send("text/plain", new Uint8Array(10))).toEqual([400, "REQUEST_INVALID"]);
    expect(await send("application/octet-stream", new Uint8Array(32 * 1024 * 1024 + 1))).toEqual([
      413,
      "REQUEST_TOO_LARGE",
    ]);
  });

  it("fields are labelled, changed, listed page by page, and asked for; each answer is as described", async (context) => {
    const { publication, desks } = await opened(context);
    const { sha256 } = await desks.labels.addPicture(await samplePng());
    for (let i = 0; i < 5; i++) {
      const state = i % 2 === 0 ? "confirmed" : "proposed";
      const cells = [sampleCell(4, i === 4 ? "basophil" : "neutrophil")];
      await bodyOf(post(publication, "v1/labels", label(sha256, `l-${i}`, { state, cells })), labelReceiptSchema);
    }
    const change = { ...label(sha256, "change"), picture: undefined, field: "f-2", basedOn: 1 };
    expect(await bodyOf(post(publication, "v1/labels", change), labelReceiptSchema)).toMatchObject({ revision: 2 });
    expect(await failureOf(post(publication, "v1/labels", { ...change, id: "late" }))).toEqual([409, "LABEL_CONFLICT"]);
    const first = await bodyOf(get(publication, "v1/labels?state=confirmed,corrected&limit=3"), fieldPageSchema);
    expect(first.fields.map(({ field }) => field)).toEqual(["f-2", "f-5", "f-3"]);
    const rest = `v1/labels?state=confirmed,corrected&limit=3&after=${first.cursor}`;
    expect((await bodyOf(get(publication, rest), fieldPageSchema)).fields.map(({ field }) => field)).toEqual(["f-1"]);
    const basophils = await bodyOf(get(publication, "v1/labels?class=basophil"), fieldPageSchema);
    expect(basophils.fields).toHaveLength(1);
    expect(await bodyOf(get(publication, "v1/labels/next?limit=1"), reviewOfferSchema.array())).toHaveLength(1);
    expect((await bodyOf(get(publication, "v1/labels/stats"), labelStatsSchema)).fields.confirmed).toBe(4);
    expect((await bodyOf(get(publication, "v1/labels/f-2"), fieldRecordSchema)).revision).toBe(2);
    expect(await bodyOf(get(publication, "v1/labels/f-2/revisions"), fieldRecordSchema.array())).toHaveLength(2);
    const kept = await bodyOf(post(publication, "v1/labels/keep", { id: "k" }), labelReceiptSchema);
    expect(kept).toMatchObject({ id: "k" });
  });

  it.for([
    ["v1/labels?state=open"],
    ["v1/labels?limit=0"],
    ["v1/labels?limit=1001"],
    ["v1/labels?limit=1e3"],
    ["v1/labels?color=red"],
    ["v1/labels?state=confirmed&state=rejected"],
    ["v1/labels/next?limit=-1"],
    ["v1/models/compare?a=unet"],
    ["v1/models/history?at=yesterday"],
    ["v1/models/unet/..%2f1"],
    ["v1/jobs/job-1/samples/..%2f..%2fsecret"],
  ] as const)("%s is refused", async ([path], context) => {
    const { publication } = await opened(context);
    expect(await failureOf(get(publication, path))).toEqual([400, "REQUEST_INVALID"]);
  });

  it("labels that do not fit are LABEL_INVALID, and no unknown field is found", async (context) => {
    const { publication } = await opened(context);
    for (const wrong of [{}, [], null, label("x", "a"), label("0".repeat(64), "a", { state: "done" }), "text"])
      expect(await failureOf(post(publication, "v1/labels", wrong))).toEqual([400, "LABEL_INVALID"]);
    expect(await failureOf(get(publication, "v1/labels/f-9"))).toEqual([404, "LABEL_FIELD_UNKNOWN"]);
    expect(await failureOf(get(publication, "v1/labels/f-9/revisions"))).toEqual([404, "LABEL_FIELD_UNKNOWN"]);
    const broken = { method: "POST", headers: json, body: '{"id":' };
    expect(await failureOf(fetch(`${publication.url}v1/labels`, broken))).toEqual([400, "REQUEST_INVALID"]);
    const long = { ...label("0".repeat(64), "a"), author: "x".repeat(1024 * 1024) };
    expect(await failureOf(post(publication, "v1/labels", long))).toEqual([413, "REQUEST_TOO_LARGE"]);
  });
});

describe("trainings over HTTP", () => {
  it("are begun, looked at, paused, resumed and cancelled", async (context) => {
    const { publication, desks } = await opened(context);
    const { id } = await bodyOf(post(publication, "v1/jobs", { by: "MK" }), jobRecordSchema);
    expect(await failureOf(post(publication, "v1/jobs", { by: "MK" }))).toEqual([409, "JOB_RUNNING"]);
    await desks.jobs.advance(id, 0.6);
    const job = await bodyOf(get(publication, `v1/jobs/${id}`), jobRecordSchema);
    expect(job.losses.length).toBeGreaterThan(100);
    const png = await get(publication, `v1/jobs/${id}/samples/${job.samples[0]}`);
    expect([png.status, png.headers.get("content-type")]).toEqual([200, "image/png"]);
    expect(await failureOf(get(publication, `v1/jobs/${id}/samples/none.png`))).toEqual([404, "JOB_NOT_FOUND"]);
    expect(await bodyOf(post(publication, `v1/jobs/${id}/pause`), jobRecordSchema)).toMatchObject({ state: "paused" });
    expect(await bodyOf(post(publication, `v1/jobs/${id}/resume`), jobRecordSchema)).toMatchObject({
      state: "running",
    });
    expect(await bodyOf(post(publication, `v1/jobs/${id}/cancel`), jobRecordSchema)).toMatchObject({
      state: "cancelled",
    });
    expect(await failureOf(post(publication, `v1/jobs/${id}/cancel`))).toEqual([409, "JOB_ENDED"]);
    expect(await failureOf(post(publication, "v1/jobs/nobody/pause"))).toEqual([404, "JOB_NOT_FOUND"]);
    expect(await bodyOf(get(publication, "v1/jobs"), jobRecordSchema.array())).toHaveLength(1);
    expect(await bodyOf(get(publication, "v1/jobs/decisions"), triggerDecisionSchema.array())).toHaveLength(2);
    expect(await failureOf(post(publication, "v1/jobs", {}))).toEqual([400, "REQUEST_INVALID"]);
  });
});

describe("models over HTTP", () => {
  it("are listed, compared, promoted and rolled back; history tells what was in production when", async (context) => {
    const { publication, desks } = await opened(context);
    desks.models.train("1.1.0", "unet@1.0.0", "job-1");
    const promote = { model: "unet@1.1.0", by: "MK", reason: "better" };
    const promoted = await bodyOf(post(publication, "v1/models/promote", promote), promotionSchema);
    const model = await bodyOf(get(publication, "v1/models/unet/1.1.0"), modelEntrySchema);
    expect(model).toMatchObject({ active: true, lineage: { parent: "unet@1.0.0" } });
    const path = "v1/models/compare?a=unet@1.1.0&b=unet@1.0.0";
    expect(await bodyOf(get(publication, path), gateReportSchema)).toMatchObject({ candidate: "unet@1.1.0" });
    expect(await bodyOf(get(publication, "v1/models"), modelEntrySchema.array())).toHaveLength(3);
    const back = await bodyOf(post(publication, "v1/models/rollback", { by: "MK" }), promotionSchema);
    expect(back).toMatchObject({ kind: "rollback", model: "unet@1.0.0" });
    const history = (at: string) => bodyOf(get(publication, `v1/models/history${at}`), promotionSchema.array());
    expect(await history("")).toHaveLength(3);
    expect(await history(`?at=${promoted.atMs}`)).toMatchObject([{ model: "unet@1.1.0" }]);
    expect(await history(`?at=${new Date(promoted.atMs - 1).toISOString()}`)).toMatchObject([{ kind: "initial" }]);
    expect(await failureOf(get(publication, "v1/models/unet/9.0.0"))).toEqual([404, "MODEL_NOT_FOUND"]);
  });
});

describe("who may change something", () => {
  it.for([["http://evil.example"], ["http://localhost:5173"], ["null"]] as const)(
    "no page of %s",
    async ([origin], context) => {
      const { publication, desks } = await opened(context);
      const requests = [
        "v1/jobs",
        "v1/models/rollback",
        "v1/models/promote",
        "v1/labels",
        "v1/labels/keep",
        "v1/pictures",
      ];
      for (const path of requests)
        expect(await failureOf(post(publication, path, { by: "MK" }, { origin }))).toEqual([403, "ORIGIN_REFUSED"]);
      expect(await desks.jobs.list()).toEqual([]);
    },
  );

  it("the daemon's own pages, and no form that a page can send without asking", async (context) => {
    const { publication } = await opened(context);
    const own = { origin: publication.url.slice(0, -1) };
    expect((await post(publication, "v1/jobs", { by: "MK" }, own)).status).toBe(200);
    const form = { method: "POST", headers: { "content-type": "text/plain" }, body: '{"by":"MK"}' };
    expect(await failureOf(fetch(`${publication.url}v1/models/rollback`, form))).toEqual([400, "REQUEST_INVALID"]);
  });
});

describe("docs/protocol.md", () => {
  it("names every address of the desks, and no other; without desks there is none of them", async () => {
    const text = readFileSync(join(projectRoot(), "docs/protocol.md"), "utf8");
    const named = [...text.matchAll(/^\| `(GET|POST) (\/v1\/[^`]+)` /gm)].map(
      ([, method, path]) => `${method} ${path}`,
    );
    const served: string[] = [];
    const keep = () => Promise.reject(new Error());
    const options = {
      guard: { host: "", allowedHosts: [], allowedOrigins: [] },
      dashboardDir: undefined,
      metrics: undefined,
    };
    const app = await createHttp({ ...options, desks: { ...memoryDesks(), keep, scans: {} } } as never);
    for (const path of named) {
      const [method = "", url = ""] = path.split(" ");
      if (app.hasRoute({ method: method as "GET", url })) served.push(path);
    }
    expect(served).toEqual(named);
    const routes = app.printRoutes({ commonPrefix: false }).match(/\((?:GET|POST)[^)]*\)/g) ?? [];
    const methods = routes.flatMap((entry) => entry.match(/GET|POST/g) ?? []);
    const bare = await createHttp({ ...options, desks: {} } as never);
    const without = bare.printRoutes({ commonPrefix: false }).match(/\((?:GET|POST)[^)]*\)/g) ?? [];
    expect(methods.length - without.length).toBe(named.length);
  });
});
