import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, type TestContext } from "vitest";
import { WebSocket } from "ws";
import { loadConfig } from "../../src/config/index.js";
import type { FieldRecord, LabelReceipt, LabelStats, StoredPicture } from "../../src/labels/index.js";
import { startDaemon } from "../../src/main.js";
import { createLogger } from "../../src/observability/index.js";
import { encodePng } from "../../src/pictures/index.js";
import { streamPath } from "../../src/publication/index.js";
import type { ModelEntry, Promotion } from "../../src/registry/index.js";
import type { JobRecord, TriggerDecision } from "../../src/training/jobs/index.js";
import { openToySetting, type ToySetting, toyField, toyPicture } from "./toySetting.js";

/** The daemon with a laboratory of its own, as programs see it over HTTP and the stream. */

let toy: ToySetting;
let dataDir: string;
beforeAll(async () => {
  toy = await openToySetting();
  dataDir = await mkdtemp(join(tmpdir(), "cytostream-laboratory-"));
});
afterAll(async () => {
  await toy.remove();
  await rm(dataDir, { recursive: true, force: true });
});

const start = async (context: TestContext, smears: string, settings: readonly string[] = []) => {
  const lines: string[] = [];
  const log = createLogger({ level: "debug", pretty: false, destination: { write: (line) => void lines.push(line) } });
  const camera = ["camera.name=folder", `camera.source=${smears}`];
  const own = [`dataDir=${dataDir}`, "publication.port=0", "labels.proposalsPerHour=0", ...settings];
  const config = await loadConfig({ settings: [...toy.settings, ...camera, ...own] });
  const daemon = await startDaemon({ config, version: "0.0.0-test", log });
  context.onTestFinished(async () => {
    await daemon.stop();
  });
  return { ...daemon, events: () => lines.map((line) => JSON.parse(line) as { event: string; code?: string }) };
};

const get = async <Value>(url: string, path: string): Promise<Value> => {
  const answer = await fetch(new URL(path, url));
  expect(answer.status, path).toBe(200);
  return (await answer.json()) as Value;
};

const post = (url: string, path: string, body: unknown): Promise<Response> =>
  fetch(new URL(path, url), {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });

/** Sends a message that is answered by its id. */
const ask = async (url: string, message: Record<string, unknown>): Promise<Record<string, unknown>> => {
  const socket = new WebSocket(`${url.replace(/^http/, "ws").replace(/\/$/, "")}${streamPath}`);
  try {
    await once(socket, "open");
    socket.send(JSON.stringify(message));
    for (;;) {
      const [data] = (await once(socket, "message")) as [Buffer];
      const answer = JSON.parse(data.toString()) as Record<string, unknown>;
      if (answer.id === message.id) return answer;
    }
  } finally {
    socket.terminate();
  }
};

const red = { cellClass: "erythrocyte", box: { left: 10, top: 10, right: 42, bottom: 42 } };

describe("the laboratory of a daemon", { timeout: 120_000 }, () => {
  it("keeps pictures and labels, shows them, and has them after a restart; nobody else may work in it", async (context) => {
    const smears = await toy.smears("first", 2);
    const daemon = await start(context, smears);
    const bytes = await encodePng({ ...toyField, pixels: toyPicture(50) });
    const sent = await fetch(new URL("v1/pictures", daemon.url), {
      method: "POST",
      headers: { "content-type": "application/octet-stream" },
      body: bytes.slice(),
    });
    const picture = (await sent.json()) as StoredPicture;
    expect(picture).toMatchObject({ widthPx: toyField.width, heightPx: toyField.height, mediaType: "image/png" });
    const label = { id: "one", picture: picture.sha256, cells: [red], state: "confirmed", author: "AB" };
    const labelled = (await ask(daemon.url, { type: "label", ...label })) as unknown as LabelReceipt;
    expect(labelled).toMatchObject({ type: "labelled", id: "one", revision: 1, repeated: false });
    expect(await ask(daemon.url, { type: "label", ...label })).toMatchObject({ ...labelled, repeated: true });
    expect(await (await post(daemon.url, "v1/labels", { ...label, id: "two", cells: [] })).json()).toMatchObject({
      id: "two",
    });
    const outside = { ...label, id: "three", cells: [{ ...red, box: { ...red.box, right: 5000 } }] };
    expect(await ask(daemon.url, { type: "label", ...outside })).toMatchObject({
      type: "error",
      code: "LABEL_INVALID",
    });
    expect((await get<LabelStats>(daemon.url, "v1/labels/stats")).fields.confirmed).toBe(2);

    const config = await loadConfig({ settings: [...toy.settings, `dataDir=${dataDir}`, "publication.port=0"] });
    const log = createLogger({ level: "silent", pretty: false });
    const second = startDaemon({ config, version: "0", log });
    await expect(second).rejects.toMatchObject({ code: "DATA_DIRECTORY_BUSY" });

    expect(await daemon.stop()).toEqual([]);
    const again = await start(context, smears);
    const field = await get<FieldRecord>(again.url, `v1/labels/${labelled.field}`);
    expect(field).toMatchObject({ revision: 1, author: "AB", state: "confirmed", cells: [red] });
    expect(await again.stop()).toEqual([]);
  });

  it("keeps the field on the screen for review, with what the detector saw", async (context) => {
    const daemon = await start(context, await toy.smears("second", 3), ["camera.options.repeat=true"]);
    let answer = await ask(daemon.url, { type: "keep", id: "k0", author: "AB" });
    for (let turn = 1; answer.code === "NOT_READY"; turn++)
      answer = await ask(daemon.url, { type: "keep", id: `k${turn}`, author: "AB" });
    expect(answer).toMatchObject({ type: "labelled", revision: 1 });
    const kept = await get<FieldRecord>(daemon.url, `v1/labels/${answer.field}`);
    expect(kept).toMatchObject({ state: "proposed", author: "AB", origin: { device: "folder" } });
    expect(kept.origin.model).toContain("unet@1.0.0");
    expect(kept.cells.length).toBeGreaterThan(0);
    expect(kept.cells[0]).toHaveProperty("confidence");
    const gone = await ask(daemon.url, { type: "keep", id: "gone", frame: 10_000_000, author: "AB" });
    expect(gone).toMatchObject({ type: "error", code: "NOT_FOUND" });
    const offers = await get<readonly unknown[]>(daemon.url, "v1/labels/next?limit=5");
    expect(offers.length).toBeGreaterThan(0);
    expect(await daemon.stop()).toEqual([]);
  });

  it("says what is in production since when, why no training begins, and refuses what cannot be", async (context) => {
    const daemon = await start(context, await toy.smears("third", 2));
    const models = await get<readonly ModelEntry[]>(daemon.url, "v1/models");
    const active = models.filter((model) => model.active).map(({ name, version }) => `${name}@${version}`);
    expect(active.sort()).toEqual(["cells@1.0.0", "unet@1.0.0"]);
    const history = await get<readonly Promotion[]>(daemon.url, "v1/models/history");
    expect(history.map(({ kind, model }) => [kind, model])).toEqual(
      expect.arrayContaining([
        ["initial", "unet@1.0.0"],
        ["initial", "cells@1.0.0"],
      ]),
    );
    expect(await (await post(daemon.url, "v1/models/rollback", { by: "AB" })).json()).toMatchObject({
      code: "ROLLBACK_IMPOSSIBLE",
    });
    expect(await (await post(daemon.url, "v1/jobs", { by: "AB" })).json()).toMatchObject({ code: "JOB_NO_LABELS" });
    expect(await get<readonly JobRecord[]>(daemon.url, "v1/jobs")).toEqual([]);
    const compared = await fetch(new URL("v1/models/compare?a=unet@1.0.0&b=unet@1.0.0", daemon.url));
    expect(await compared.json()).toMatchObject({ code: "VALIDATION_EMPTY" });
    const decisions = await get<readonly TriggerDecision[]>(daemon.url, "v1/jobs/decisions");
    expect(decisions.every(({ start: begins, reasons }) => !begins && reasons.length > 0)).toBe(true);
    expect(await daemon.stop()).toEqual([]);
  });
});
