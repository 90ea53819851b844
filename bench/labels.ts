import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { type CellClass, createRandom, leukocyteClasses } from "../src/core/index.js";
import {
  type FieldQuery,
  type LabelDesk,
  type OpenLabelDesk,
  openLabelDatabase,
  openLabelDesk,
  reviewStates,
} from "../src/labels/index.js";
import { encodeJpeg } from "../src/pictures/index.js";
import { laboratoryPaths } from "../src/store/index.js";
import { DaemonUnderTest } from "./daemonUnderTest.js";
import { reel } from "./drivers/cameras/memory/reel.js";
import type { BenchContext, BenchResult, Figure } from "./figures.js";
import { fillLabels } from "./labelRows.js";
import { latenciesOf } from "./latency.js";
import { paintedPictures, realPictures } from "./pictures.js";
import { daemonPhase, easyIntervalMs, usualPictures } from "./pipeline.js";
import { median, quantile } from "./statistics.js";

/** Clients that hand in labelled fields at the same time: each sends its next when the last is acknowledged. */
const clients = 8;
const cellsPerField = 15;
/** Pictures that differ; each comes several times, as files of their own, and finds its look-alikes. */
const differentPictures = 150;

/** A JPEG with a comment of its own: another file, as costly to look at. */
const withComment = (jpeg: Uint8Array): Uint8Array => {
  const comment = randomBytes(16);
  return Buffer.concat([
    jpeg.subarray(0, 2),
    Buffer.from([0xff, 0xfe, 0, comment.length + 2]),
    comment,
    jpeg.subarray(2),
  ]);
};

const cellsOf = (seed: number, width: number, height: number) => {
  const random = createRandom(seed);
  return Array.from({ length: cellsPerField }, (_, index) => {
    const [left, top] = [random.next() * (width - 40), random.next() * (height - 40)];
    const cellClass: CellClass = index === 0 ? leukocyteClasses[random.int(leukocyteClasses.length)]! : "erythrocyte";
    return { cellClass, box: { left, top, right: left + 32, bottom: top + 32 }, confidence: random.next() };
  });
};

interface Intake {
  readonly perSecond: number;
  /** Of all threads together. */
  readonly processorMsEach: number;
  readonly latencies: readonly number[];
}

/** Each client: a picture, then its label; the time from sending the picture to having the label's receipt. */
const takeIn = async (desk: LabelDesk, jpegs: readonly Uint8Array[], fields: number, name: string): Promise<Intake> => {
  const latencies: number[] = [];
  let sent = 0;
  const startedMs = performance.now();
  const used = process.cpuUsage();
  const client = async (): Promise<void> => {
    for (let index = sent++; index < fields; index = sent++) {
      const jpeg = withComment(jpegs[index % jpegs.length]!);
      const beganMs = performance.now();
      const { sha256, widthPx, heightPx } = await desk.addPicture(jpeg);
      const cells = cellsOf(index, widthPx, heightPx);
      await desk.submit({ id: `${name}-${index}`, picture: sha256, cells, state: "confirmed", author: "client" });
      latencies.push(performance.now() - beganMs);
    }
  };
  await Promise.all(Array.from({ length: clients }, client));
  const { user, system } = process.cpuUsage(used);
  const processorMsEach = (user + system) / 1000 / fields;
  return { perSecond: (1000 * fields) / (performance.now() - startedMs), processorMsEach, latencies };
};

/** Pictures a second that are looked at, of those that came in meanwhile: most of them, since what comes in goes first. */
const lookedAt = async (desk: OpenLabelDesk, pictures: number): Promise<number> => {
  const startedMs = performance.now();
  await desk.grouped();
  return (1000 * pictures) / (performance.now() - startedMs);
};

/** Labels alone, for fields whose pictures are there. */
const submitOnly = async (desk: LabelDesk, picture: string, fields: number): Promise<Intake> => {
  const latencies: number[] = [];
  let sent = 0;
  const startedMs = performance.now();
  const used = process.cpuUsage();
  const client = async (): Promise<void> => {
    for (let index = sent++; index < fields; index = sent++) {
      const beganMs = performance.now();
      const cells = cellsOf(index, 300, 200);
      await desk.submit({ id: `alone-${index}`, picture, cells, state: "proposed", author: "client" });
      latencies.push(performance.now() - beganMs);
    }
  };
  await Promise.all(Array.from({ length: clients }, client));
  const { user, system } = process.cpuUsage(used);
  const processorMsEach = (user + system) / 1000 / fields;
  return { perSecond: (1000 * fields) / (performance.now() - startedMs), processorMsEach, latencies };
};

const queries = (group: string, cursor: string): readonly (readonly [string, FieldQuery])[] => [
  ["newest", { limit: 50 }],
  ["deep page", { limit: 50, after: cursor }],
  ...reviewStates.map((state): [string, FieldQuery] => [`state ${state}`, { states: [state], limit: 50 }]),
  ["two states, deep", { states: ["proposed", "corrected"], limit: 50, after: cursor }],
  ["rare class", { cellClass: "basophil", limit: 50 }],
  ["class and state", { cellClass: "neutrophil", states: ["confirmed"], limit: 50, after: cursor }],
  ["class without any", { cellClass: "erythroblast", limit: 50 }],
  ["group", { group, limit: 50 }],
];

const timed = async (act: () => Promise<unknown>, rounds: number): Promise<number[]> => {
  const times: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const startedMs = performance.now();
    await act();
    times.push(performance.now() - startedMs);
  }
  return times;
};

const askAll = async (desk: LabelDesk, rounds: number): Promise<ReadonlyMap<string, readonly number[]>> => {
  const [first] = (await desk.list({ limit: 1 })).fields;
  const page = await desk.list({ limit: 1000 });
  const deep = String(Math.floor(Number(page.cursor ?? 2) / 2));
  const field = first!.field;
  const times = new Map<string, readonly number[]>();
  for (const [name, query] of queries(first!.group!, deep))
    times.set(name, await timed(() => desk.list(query), rounds));
  times.set("stats", await timed(() => desk.stats(), rounds));
  times.set("next 20", await timed(() => desk.next(20), rounds));
  times.set("field", await timed(() => desk.field(field), rounds));
  times.set("revisions", await timed(() => desk.revisions(field), rounds));
  return times;
};

const pictures = async (): Promise<Uint8Array[]> => {
  const fields = (await realPictures("txl-pbc", differentPictures)) ?? (await paintedPictures(differentPictures));
  return Promise.all(fields.map((field) => encodeJpeg(field, { quality: 90, maxSide: 640 })));
};

/** Runs something while a daemon in this process counts live, and tells how long its fields took. */
const besideLiveCount = async <T>(
  models: BenchContext["models"],
  act: () => Promise<T>,
): Promise<{ readonly result: T; readonly latencies: readonly number[] }> => {
  const { pictures: shown } = await usualPictures(12);
  await using daemon = await DaemonUnderTest.start({
    ...{ pictures: shown, pace: "live", workers: 1, threads: availableParallelism(), models },
  });
  reel.intervalMs = easyIntervalMs;
  await daemonPhase(daemon, 3000);
  reel.start();
  try {
    const result = await act();
    return { result, latencies: latenciesOf(await daemon.arrivals()) };
  } finally {
    reel.stop();
  }
};

const intakeFigures = async (root: string, fields: number, models: BenchContext["models"]): Promise<Figure[]> => {
  const paths = laboratoryPaths(join(root, "intake"));
  await using database = await openLabelDatabase(paths);
  await using desk = openLabelDesk(paths, database);
  const jpegs = await pictures();
  await takeIn(desk, jpegs, Math.min(64, fields), "warm");
  const alone = await takeIn(desk, jpegs, fields, "quiet");
  const examinedPerSecond = await lookedAt(desk, fields);
  const beside = await besideLiveCount(models, () => takeIn(desk, jpegs, fields, "beside"));
  await desk.grouped();
  const { picture } = (await desk.list({ limit: 1 })).fields[0]!;
  const labels = await submitOnly(desk, picture.sha256, fields);
  const meanKiB = jpegs.reduce((sum, { length }) => sum + length, 0) / jpegs.length / 1024;
  const how = `${fields} fields from ${clients} clients, each with a JPEG of its own (${jpegs.length} different real fields, mean ${meanKiB.toFixed(0)} KiB) and ${cellsPerField} cells: picture known to be whole, synced, label committed, acknowledged`;
  const counting = `a daemon in this process counts live meanwhile, a frame each ${easyIntervalMs} ms (${beside.latencies.length} fields, p99 ${quantile(beside.latencies, 0.99).toFixed(0)} ms)`;
  const howBeside = `${how}; ${counting}`;
  const howLabels = `${fields} labels from ${clients} clients for a picture that is there`;
  return [
    { name: "intakePerSecond", value: beside.result.perSecond, unit: "/s", atLeast: 200, how: howBeside },
    { name: "intakeP99Ms", value: quantile(beside.result.latencies, 0.99), unit: "ms", atMost: 50, how: howBeside },
    { name: "intakeAlonePerSecond", value: alone.perSecond, unit: "/s", how },
    { name: "intakeAloneP99Ms", value: quantile(alone.latencies, 0.99), unit: "ms", how },
    {
      name: "intakeProcessorMs",
      value: alone.processorMsEach,
      unit: "ms",
      how: `processor time of a field, all threads: ${how}`,
    },
    {
      name: "examinedPerSecond",
      value: examinedPerSecond,
      unit: "/s",
      how: `then, with nothing coming in: ${fields} pictures decoded and their look-alikes found`,
    },
    { name: "labelsPerSecond", value: labels.perSecond, unit: "/s", how: howLabels },
    { name: "labelsP99Ms", value: quantile(labels.latencies, 0.99), unit: "ms", how: howLabels },
  ];
};

const queryFigures = async (
  root: string,
  labels: number,
  rounds: number,
): Promise<{ figures: Figure[]; text: string[] }> => {
  const paths = laboratoryPaths(join(root, "queries"));
  const filled = await fillLabels(paths, labels);
  await using database = await openLabelDatabase(paths);
  await using desk = openLabelDesk(paths, database);
  await desk.grouped();
  const times = await askAll(desk, rounds);
  const slowest = [...times]
    .map(([name, values]) => [name, quantile(values, 0.99)] as const)
    .sort((a, b) => b[1] - a[1]);
  const how = `each query ${rounds} times over ${labels} labelled fields of ${filled.pictures} pictures (a database of ${(filled.bytes / 2 ** 20).toFixed(0)} MiB, filled through the store's own procedures); p99 of the slowest, ${slowest[0]![0]}`;
  return {
    figures: [{ name: "queryP99Ms", value: slowest[0]![1], unit: "ms", atMost: 50, how }],
    text: slowest.map(
      ([name, value]) =>
        `${name.padEnd(20)} median ${median(times.get(name)!).toFixed(2)} ms, p99 ${value.toFixed(2)} ms`,
    ),
  };
};

const inFolder = async (measure: (root: string) => Promise<BenchResult>): Promise<BenchResult> => {
  const root = await mkdtemp(join(tmpdir(), "cytostream-bench-labels-"));
  try {
    return await measure(root);
  } finally {
    await rm(root, { recursive: true, force: true });
  }
};

/** Intake of labelled fields through the desk. */
export const labelsBench = ({ quick, models }: BenchContext): Promise<BenchResult> =>
  inFolder(async (root) => ({ figures: await intakeFigures(root, quick ? 400 : 3000, models) }));

/** Queries over a million labelled fields. */
export const labelQueriesBench = ({ quick }: BenchContext): Promise<BenchResult> =>
  inFolder((root) => queryFigures(root, quick ? 20_000 : 1_000_000, quick ? 20 : 100));
