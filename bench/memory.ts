import { existsSync, readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import type { WebSocket } from "ws";
import { ChildDaemon } from "./childDaemon.js";
import { type BenchContext, type BenchResult, columns, NotHere } from "./figures.js";
import { benchModels } from "./models.js";
import { slopeErrorOf, slopeOf } from "./statistics.js";

const mebibyte = 1024;
/** The default camera's rate: an hour of it is what memory must be flat over. */
const framesPerHour = 5 * 3600;
const sampleMs = 1000;
/** On a slow machine fewer frames have to do. */
const mostWatchMs = 8 * 60_000;
/** Samples without a new field after which it is given up. */
const mostStuck = 60;

/** Resident size of a process, MiB. */
const residentMiB = (pid: number): number => {
  const text = readFileSync(`/proc/${pid}/status`, "utf8");
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(text)?.[1] ?? Number.NaN) / mebibyte;
};

/** Counts fields by the sequence of their messages. */
const countFields = (socket: WebSocket): (() => number) => {
  let first: number | undefined;
  let last = 0;
  socket.on("message", (data: Buffer, isBinary) => {
    if (isBinary) return;
    const message = JSON.parse(data.toString()) as { type: string; sequence: number };
    if (message.type !== "counts") return;
    first ??= message.sequence;
    last = message.sequence;
  });
  socket.send(JSON.stringify({ type: "subscribe", topics: ["counts"], options: { counts: { maxRateHz: 2 } } }));
  return () => (first === undefined ? 0 : last - first + 1);
};

interface Sample {
  readonly fields: number;
  readonly residentMiB: number;
}

const sampleUntil = async (
  pid: number,
  fields: () => number,
  { frames, mostMs = Number.POSITIVE_INFINITY }: { frames: number; mostMs?: number },
): Promise<Sample[]> => {
  const samples: Sample[] = [];
  let stuck = 0;
  const endMs = performance.now() + mostMs;
  while (fields() < frames && (performance.now() < endMs || samples.length < 10)) {
    await delay(sampleMs);
    const sample = { fields: fields(), residentMiB: residentMiB(pid) };
    stuck = sample.fields === samples.at(-1)?.fields ? stuck + 1 : 0;
    if (stuck > mostStuck) throw new NotHere(`the daemon has counted nothing for ${mostStuck} s`);
    samples.push(sample);
  }
  return samples;
};

interface Watch {
  readonly settings: readonly string[];
  readonly warmUpFrames: number;
  readonly frames: number;
}

/** A daemon that counts the virtual slide as fast as it can, with one client. */
const watchMemory = async ({
  settings,
  warmUpFrames,
  frames,
}: Watch): Promise<{ warm: Sample[]; samples: Sample[] }> => {
  const camera = ["camera.options.framesPerSecond=0", "camera.staleAfterMs=3000"];
  await using daemon = await ChildDaemon.start({ settings: [...camera, ...settings] });
  const socket = await daemon.connect();
  const fields = countFields(socket);
  const warm = await sampleUntil(daemon.pid, fields, { frames: warmUpFrames, mostMs: mostWatchMs });
  const samples = await sampleUntil(daemon.pid, fields, { frames: warmUpFrames + frames, mostMs: mostWatchMs });
  socket.terminate();
  return { warm, samples };
};

const sized = (width: number, height: number): string[] => [
  `camera.options.fieldWidthPx=${width}`,
  `camera.options.fieldHeightPx=${height}`,
];

/** MiB an hour of the default camera's frames, by the second half of the samples, and half the width of its 95 % interval. */
const growthOf = (samples: readonly Sample[]): { perHour: number; error: number } => {
  const points = samples.slice(samples.length >> 1).map((sample) => [sample.fields, sample.residentMiB] as const);
  return { perHour: framesPerHour * slopeOf(points), error: framesPerHour * slopeErrorOf(points) };
};

const rowOf = (name: string, samples: readonly Sample[]): string[] => [
  name,
  ...[samples[0], samples.at(-1)].flatMap((sample) => [
    String(sample?.fields ?? 0),
    (sample?.residentMiB ?? Number.NaN).toFixed(0),
  ]),
];

const tableOf = (...rows: readonly string[][]): string[] => columns([["", "fields", "MiB", "fields", "MiB"], ...rows]);

const daemonHow =
  "VmRSS of the built daemon as a process of its own, started by its first line, virtual slide as fast as it is counted, one ws client";

const prepare = async (context: BenchContext): Promise<void> => {
  await benchModels(context.models);
  if (!existsSync("/proc/self/status")) throw new NotHere("there is no /proc to read the resident size from");
};

export const memoryBench = async (context: BenchContext): Promise<BenchResult> => {
  await prepare(context);
  const { warm, samples } = await watchMemory({ settings: sized(1920, 1200), warmUpFrames: 40, frames: 240 });
  const watched = samples.at(-1)!.fields - samples[0]!.fields;
  const figure = {
    ...{ name: "residentMiB", unit: "MiB", atMost: 450 },
    value: Math.max(...samples.map((sample) => sample.residentMiB)),
    how: `greatest ${daemonHow}, 1920x1200, over ${watched} frames after ${warm.at(-1)!.fields} of warm-up`,
  };
  return {
    figures: [figure],
    text: tableOf(rowOf("warming up", warm), rowOf("measured", samples)),
    raw: { warm, samples },
  };
};

/** An hour's worth of frames, small so that they pass in minutes. */
export const growthBench = async (context: BenchContext): Promise<BenchResult> => {
  await prepare(context);
  const { samples } = await watchMemory({ settings: sized(160, 120), warmUpFrames: 200, frames: framesPerHour });
  const growth = growthOf(samples);
  const watched = samples.at(-1)!.fields - samples[0]!.fields;
  const figure = {
    ...{ name: "residentMiB.growth", value: growth.perHour, unit: "MiB" },
    how: `${daemonHow}, 160x120: least-squares slope over the second half of ${watched} frames, for an hour of the default camera (${framesPerHour} frames); +- ${growth.error.toFixed(1)} (95 %, correlation of neighbours allowed for)`,
  };
  return { figures: [figure], text: tableOf(rowOf("measured", samples)), raw: { samples, growth } };
};
