import { existsSync, readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import type { WebSocket } from "ws";
import { ChildDaemon } from "./childDaemon.js";
import { type BenchContext, type BenchResult, columns, NotHere } from "./figures.js";
import { benchModels } from "./models.js";
import { slopeOf } from "./statistics.js";

const mebibyte = 1024;
/** The default camera's rate: an hour of it is what memory must be flat over. */
const framesPerHour = 5 * 3600;
const warmUpFrames = 40;
const frames = 240;
const sampleMs = 1000;
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

const sampleUntil = async (pid: number, fields: () => number, wanted: number): Promise<Sample[]> => {
  const samples: Sample[] = [];
  let stuck = 0;
  while (fields() < wanted) {
    await delay(sampleMs);
    const sample = { fields: fields(), residentMiB: residentMiB(pid) };
    stuck = sample.fields === samples.at(-1)?.fields ? stuck + 1 : 0;
    if (stuck > mostStuck) throw new NotHere(`the daemon has counted nothing for ${mostStuck} s`);
    samples.push(sample);
  }
  return samples;
};

export const memoryBench = async (context: BenchContext): Promise<BenchResult> => {
  await benchModels(context.models);
  if (!existsSync("/proc/self/status")) throw new NotHere("there is no /proc to read the resident size from");
  const settings = [
    "camera.options.fieldWidthPx=1920",
    "camera.options.fieldHeightPx=1200",
    "camera.options.framesPerSecond=0",
    "camera.staleAfterMs=3000",
  ];
  await using daemon = await ChildDaemon.start({ settings });
  const socket = await daemon.connect();
  const fields = countFields(socket);
  const warm = await sampleUntil(daemon.pid, fields, warmUpFrames);
  const samples = await sampleUntil(daemon.pid, fields, warmUpFrames + frames);
  socket.terminate();
  const later = samples.slice(samples.length >> 1);
  const perHour = framesPerHour * slopeOf(later.map((sample) => [sample.fields, sample.residentMiB]));
  const most = Math.max(...samples.map((sample) => sample.residentMiB));
  const last = samples.at(-1)!;
  const how = `VmRSS of the built daemon as a process, virtual slide at 1920x1200 as fast as it is counted, one ws client, over ${frames} frames after ${warmUpFrames} of warm-up`;
  return {
    figures: [
      { name: "residentMiB", value: most, unit: "MiB", atMost: 450, how: `greatest ${how}` },
      {
        name: "residentMiB.growth",
        value: perHour,
        unit: "MiB",
        how: `least-squares slope of the second half of those samples, for an hour of 5 frames/s (${framesPerHour} frames)`,
      },
    ],
    text: columns([
      ["", "fields", "MiB"],
      ["after warm-up", String(warm.at(-1)?.fields ?? 0), (warm.at(-1)?.residentMiB ?? 0).toFixed(0)],
      ["at the end", String(last.fields), last.residentMiB.toFixed(0)],
    ]),
    raw: { samples },
  };
};
