import { createHash } from "node:crypto";
import { once } from "node:events";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import type { WebSocket } from "ws";
import { CytoError } from "../src/core/index.js";
import { openModels } from "../src/daemon/index.js";
import { laboratoryPaths } from "../src/store/index.js";
import { type LabelledField, openDataset } from "../src/training/datasets/index.js";
import { evaluate } from "../src/training/evaluation/index.js";
import type { JobRecord } from "../src/training/jobs/index.js";
import { ChildDaemon } from "./childDaemon.js";
import { columns } from "./figures.js";
import { machineFacts, machineLine } from "./machine.js";
import { dataSetPath } from "./pictures.js";
import { median, quantile } from "./statistics.js";
import { trainInProcess } from "./trainInProcess.js";

/**
 * A night, from a laboratory's corrections to another model in production (docs/learning.md):
 *
 *   npx tsx bench/night.ts --out DIR [--active MODEL] [--fields 300] [--minutes 30] [--live-seconds 120] [--rate 2]
 *     [--pause-seconds 0] [--run-seconds 40]
 *
 * The model in production has learnt from `oi-pbc` alone. Corrected fields of `txl-pbc` train arrive; the rule begins the training; the
 * gate compares; the exchange happens while fields are being counted. DIR keeps the laboratory and the report. With
 * --pause-seconds the training is paused for a while again and again, so that the count alone is measured in the same night, its fields
 * as many and the machine the same.
 */
const { values } = parseArgs({
  options: {
    out: { type: "string" },
    active: { type: "string" },
    fields: { type: "string", default: "300" },
    minutes: { type: "string", default: "30" },
    "live-seconds": { type: "string", default: "120" },
    rate: { type: "string", default: "2" },
    "pause-seconds": { type: "string", default: "0" },
    "run-seconds": { type: "string", default: "40" },
  },
});
if (values.out === undefined) throw new CytoError("USAGE", "--out DIR: where the laboratory and the report go");
const out = resolve(values.out);
const fieldCount = Number(values.fields);
const liveMs = 1000 * Number(values["live-seconds"]);
const [pauseMs, runMs] = [1000 * Number(values["pause-seconds"]), 1000 * Number(values["run-seconds"])];

const folderOf = (name: "txl-pbc" | "oi-pbc"): string => {
  const path = dataSetPath(name);
  if (path === undefined) throw new CytoError("DATASET_INVALID", `the data set ${name} is not there`);
  return path;
};

const [txlPbc, oiPbc] = [folderOf("txl-pbc"), folderOf("oi-pbc")];
const oiPbcUmPerPixel = 0.0987;
const started = Date.now();
const say = (text: string): void =>
  void process.stdout.write(`${((Date.now() - started) / 60_000).toFixed(1).padStart(6)} min  ${text}\n`);

/** The model of one laboratory: the one given, or trained on `oi-pbc` alone for fifteen minutes. */
const activeModel = async (): Promise<string> => {
  if (values.active !== undefined) return resolve(values.active);
  const folder = join(out, "active");
  const model = join(folder, "model");
  if (!existsSync(join(model, "manifest.json"))) {
    say("training the model of one laboratory on oi-pbc");
    const scale = ["--um-per-pixel", `oi-pbc=${oiPbcUmPerPixel}`];
    trainInProcess(["unet", "--data", oiPbc, ...scale, "--minutes", "15", "--seed", "1"], folder);
  }
  return model;
};

interface Score {
  readonly pooled: number | null;
  readonly classes: Readonly<Record<string, number | null>>;
}

/** P, raw, of a detector and the shipped classifier, leukocytes as one class. */
const score = async (detector: string, directory: string): Promise<Score> => {
  const dataset = await openDataset(directory);
  const models = await openModels({ detector });
  const scale = directory === oiPbc ? oiPbcUmPerPixel : "labels";
  const fields = await dataset.fields("val");
  const evaluation = await evaluate({ fields, classes: dataset.classes, models, scale, provider: "cpu" });
  const { raw } = evaluation.density ?? evaluation;
  const classes = Object.fromEntries(Object.entries(raw.classes).map(([name, tally]) => [name, tally?.P ?? null]));
  return { pooled: raw.pooled.P, classes };
};

interface Latency {
  readonly fields: number;
  readonly p50: number;
  readonly p99: number;
}

const latencyOf = (times: readonly number[]): Latency => ({
  fields: times.length,
  p50: median(times),
  p99: quantile(times, 0.99),
});

/** What a program that follows the counts gets. */
class Follower {
  readonly latenciesMs: number[] = [];
  readonly models = new Set<string>();
  readonly #socket: WebSocket;
  #lastSequence = 0;
  gaps = 0;
  fields = 0;

  constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.on("message", (data: Buffer, isBinary) => {
      if (isBinary) return;
      const nowMs = Date.now();
      const message = JSON.parse(data.toString());
      if (message.type !== "cells") return;
      if (this.#lastSequence > 0) this.gaps += message.sequence - this.#lastSequence - 1;
      this.#lastSequence = message.sequence;
      this.fields++;
      this.latenciesMs.push(nowMs - message.field.capturedAtMs);
      this.models.add(`${message.models.detector.name}@${message.models.detector.version}`);
    });
    socket.send(JSON.stringify({ type: "subscribe", topics: ["cells"] }));
  }

  take(): Latency {
    return latencyOf(this.latenciesMs.splice(0));
  }

  close(): void {
    this.#socket.terminate();
  }
}

const settingsOf = (active: string): string[] => [
  "camera.name=folder",
  // One microscope, whose scale is known: how the live count fares beside the training is the question.
  `camera.source=${join(oiPbc, "images", "val")}`,
  `optics.umPerPixel=${oiPbcUmPerPixel}`,
  "camera.options.repeat=true",
  `camera.options.framesPerSecond=${values.rate}`,
  `detection.models.detector=${active}`,
  `dataDir=${join(out, "laboratory")}`,
  `training.minutes=${values.minutes}`,
  "training.whileLive=run",
  `training.datasets=[${oiPbc}]`,
  "training.trigger.window.from=00:00",
  "training.trigger.window.to=00:00",
  "training.trigger.idleMinutes=0",
  `training.trigger.confirmedFields=${fieldCount}`,
  "publication.messagesPerSecond=1000",
];

const getJson = async <Value>(base: string, path: string): Promise<Value> => {
  const answer = await fetch(new URL(path, base));
  if (!answer.ok) throw new CytoError("INTERNAL", `${path}: ${answer.status} ${await answer.text()}`);
  return (await answer.json()) as Value;
};

const postPicture = async (base: string, bytes: Buffer): Promise<void> => {
  const answer = await fetch(new URL("v1/pictures", base), {
    method: "POST",
    headers: { "content-type": "application/octet-stream" },
    body: new Uint8Array(bytes),
  });
  if (!answer.ok) throw new CytoError("INTERNAL", `a picture was refused: ${answer.status} ${await answer.text()}`);
  await answer.arrayBuffer();
};

/** Hands the corrected fields in as a laboratory's program would: pictures over HTTP, labels over the stream. */
const handIn = async (base: string, socket: WebSocket, fields: readonly LabelledField[]): Promise<number> => {
  let acknowledged = 0;
  socket.on("message", (data: Buffer, isBinary) => {
    if (isBinary) return;
    const message = JSON.parse(data.toString());
    if (message.type === "labelled") acknowledged++;
    if (message.type === "error") throw new CytoError("INTERNAL", `a label was refused: ${data.toString()}`);
  });
  for (const [index, field] of fields.entries()) {
    const bytes = await readFile(field.picturePath);
    await postPicture(base, bytes);
    const label = {
      type: "label",
      id: `night-${field.id}`.slice(0, 100),
      picture: createHash("sha256").update(bytes).digest("hex"),
      cells: field.cells,
      state: "confirmed",
      author: "night",
      origin: { file: field.id.slice(0, 200) },
      ...(field.umPerPixel === undefined ? {} : { umPerPixel: field.umPerPixel }),
    };
    socket.send(JSON.stringify(label));
    while (index + 1 - acknowledged > 4) await delay(2);
  }
  while (acknowledged < fields.length) await delay(5);
  return acknowledged;
};

/** Fields of the train split, evenly spaced. */
const corrected = async (): Promise<readonly LabelledField[]> => {
  const all = await (await openDataset(txlPbc)).fields("train");
  return Array.from(
    { length: Math.min(fieldCount, all.length) },
    (_, index) => all[Math.floor((index * all.length) / Math.min(fieldCount, all.length))]!,
  );
};

const untilJob = async (base: string): Promise<JobRecord> => {
  for (;;) {
    const jobs = await getJson<JobRecord[]>(base, "v1/jobs");
    if (jobs[0]) return jobs[0];
    await delay(500);
  }
};

const post = async (base: string, path: string): Promise<void> => {
  const options = { method: "POST", headers: { "content-type": "application/json" }, body: "{}" };
  const answer = await fetch(new URL(path, base), options);
  await answer.arrayBuffer();
};

/** After a pause began or ended: what was under way is over. */
const unsteadyMs = 1500;

/** The count while the training runs, and while it stands still, in turn until the training has ended. */
const inTurn = async (base: string, id: string, follower: Follower, over: AbortSignal) => {
  const times: { beside: number[]; paused: number[] } = { beside: [], paused: [] };
  const phase = async (kind: "beside" | "paused", ms: number): Promise<void> => {
    await delay(unsteadyMs, undefined, { signal: over });
    follower.latenciesMs.length = 0;
    await delay(ms, undefined, { signal: over }).catch(() => undefined);
    times[kind].push(...follower.latenciesMs.splice(0));
  };
  try {
    for (;;) {
      await phase("beside", runMs);
      if (pauseMs === 0) continue;
      await post(base, `v1/jobs/${id}/pause`);
      await phase("paused", pauseMs);
      await post(base, `v1/jobs/${id}/resume`);
    }
  } catch (error) {
    if (!over.aborted) throw error;
  }
  return { beside: latencyOf(times.beside), paused: latencyOf(times.paused) };
};

const ended = new Set(["done", "refused", "failed", "cancelled"]);

const untilEnded = async (base: string, id: string): Promise<JobRecord> => {
  for (let step = ""; ; await delay(1000)) {
    const job = await getJson<JobRecord>(base, `v1/jobs/${id}`);
    if (job.step !== step) say(`job ${id}: ${job.step}`);
    step = job.step;
    if (ended.has(job.state)) return job;
  }
};

mkdirSync(out, { recursive: true });
say(machineLine(machineFacts()));
const active = await activeModel();
const before = { txl: await score(active, txlPbc), oi: await score(active, oiPbc) };
say(`before: P ${before.txl.pooled} on txl-pbc val, ${before.oi.pooled} on oi-pbc val`);
const fields = await corrected();
let report: Record<string, unknown>;
{
  await using daemon = await ChildDaemon.start({ settings: settingsOf(active) });
  const socket = await daemon.connect();
  const base = socket.url.replace(/^ws/, "http").replace(/v1\/stream$/, "");
  const follower = new Follower(await daemon.connect());
  await delay(10_000);
  follower.take();
  await delay(liveMs);
  const alone = follower.take();
  say(`live alone: ${JSON.stringify(alone)}`);
  const sentMs = performance.now();
  await handIn(base, socket, fields);
  const intakePerSecond = (1000 * fields.length) / (performance.now() - sentMs);
  say(`${fields.length} fields handed in, ${intakePerSecond.toFixed(0)} a second`);
  const job = await untilJob(base);
  say(`the rule began job ${job.id}: ${job.reason}`);
  const over = new AbortController();
  const turns = inTurn(base, job.id, follower, over.signal);
  const result = await untilEnded(base, job.id);
  over.abort();
  const { beside, paused } = await turns;
  say(`job ${result.state}; live beside it: ${JSON.stringify(beside)}, while it was paused: ${JSON.stringify(paused)}`);
  await delay(5000);
  const after = follower.take();
  const gate = await getJson<unknown>(base, "v1/models/history");
  const metrics = await (await fetch(new URL("metrics", base))).text();
  const drops = metrics.split("\n").filter((line) => line.startsWith("cytostream_frames_dropped"));
  follower.close();
  const closed = once(socket, "close");
  socket.terminate();
  await closed;
  report = {
    job: result,
    alone,
    beside,
    paused,
    after,
    gaps: follower.gaps,
    models: [...follower.models],
    drops,
    gate,
    intakePerSecond,
  };
}
const candidate = (report.job as JobRecord).candidate;
const [name = "", version = ""] = (candidate ?? "").split("@");
const learnt = join(laboratoryPaths(join(out, "laboratory")).models, name, version);
const scored = existsSync(join(learnt, "manifest.json"))
  ? { txl: await score(learnt, txlPbc), oi: await score(learnt, oiPbc) }
  : undefined;
const line = (title: string, { pooled, classes }: Score): string[] => [
  title,
  ...[pooled, classes.erythrocyte, classes.leukocyte, classes.platelet].map((value) => value?.toFixed(2) ?? "-"),
];
const table = columns([
  ["P, raw, percent", "all", "red cells", "leukocytes", "platelets"],
  line("txl-pbc val before", before.txl),
  ...(scored ? [line("txl-pbc val after", scored.txl)] : []),
  line("oi-pbc val before", before.oi),
  ...(scored ? [line("oi-pbc val after", scored.oi)] : []),
]);
writeFileSync(join(out, "night.json"), `${JSON.stringify({ before, after: scored, ...report }, null, 2)}\n`);
process.stdout.write(`\n${table.join("\n")}\n`);
