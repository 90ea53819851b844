import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { BehaviorSubject } from "rxjs";
import { systemClock } from "../src/core/index.js";
import { createDetector, type Detector } from "../src/detection/index.js";
import {
  createScanDesk,
  type FrameSource,
  type OpticsCalibration,
  type ScanDeskOptions,
  type ScanRecord,
  type StageControl,
  type StageStatus,
} from "../src/scan/index.js";
import type { ReelPicture } from "./drivers/cameras/memory/reel.js";
import { type BenchContext, type BenchResult, columns, type Figure, NotHere } from "./figures.js";
import { benchModels } from "./models.js";
import { paintedPictures } from "./pictures.js";
import { median } from "./statistics.js";

/** A stage and a camera that take their time, and show painted fields one after the other. */
const scriptedDevices = (pictures: readonly ReelPicture[], moveMs: number, exposureMs: number) => {
  const status = new BehaviorSubject<StageStatus>({ state: "ready", referenced: true, positionUm: { x: 0, y: 0 } });
  const stage: StageControl = {
    ...{ name: "scripted", simulated: true, hasFocus: false, status$: status },
    get status() {
      return status.value;
    },
    moveTo: async (target, signal) => {
      await wait(moveMs, undefined, signal ? { signal } : {});
      const positionUm = { x: 0, y: 0, ...status.value.positionUm, ...target };
      status.next({ state: "ready", referenced: true, positionUm });
      return positionUm;
    },
    home: async () => ({ x: 0, y: 0 }),
    declare: async () => {},
    stop: async () => {},
    release: () => {},
    [Symbol.asyncDispose]: async () => {},
  };
  let sequence = 0;
  const frames: FrameSource = {
    take: async (signal) => {
      await wait(exposureMs, undefined, signal ? { signal } : {});
      const { width, height, pixels } = pictures[sequence % pictures.length]!;
      const facts = { sequence: sequence++, capturedAtMs: Date.now(), camera: "scripted", source: "reel" };
      return { ...facts, width, height, pixels: pixels.slice(), simulated: true };
    },
  };
  return { stage, frames };
};

const calibrationOf = ({ width, height, umPerPixel }: ReelPicture): OpticsCalibration => ({
  objective: "bench",
  umPerPixel,
  toSlide: [1, 0, 0, 1],
  ...{ rotationDegrees: 0, mirrored: false, residualPx: 0, atMs: 0 },
  fieldWidthPx: width,
  fieldHeightPx: height,
});

const perMinute = (fields: number, ms: number): number => (60_000 * fields) / ms;

/** The detector alone: always one field in it and one that waits. */
const detectorAlone = async (detector: Detector, pictures: readonly ReelPicture[], fields: number): Promise<number> => {
  const search = (index: number) => {
    const { pixels, ...picture } = pictures[index % pictures.length]!;
    const facts = { sequence: index, capturedAtMs: 0, camera: "bench", source: "reel" };
    return detector.detect({ ...facts, ...picture, pixels: pixels.slice() });
  };
  const startedMs = performance.now();
  let ahead = search(0);
  for (let index = 1; index <= fields; index++) {
    const next = index < fields ? search(index) : ahead;
    await ahead;
    ahead = next;
  }
  return perMinute(fields, performance.now() - startedMs);
};

const stageAlone = async ({ stage, frames }: ReturnType<typeof scriptedDevices>, fields: number): Promise<number> => {
  const startedMs = performance.now();
  for (let index = 0; index < fields; index++) {
    await stage.moveTo({ x: index, y: 0 });
    await frames.take();
  }
  return perMinute(fields, performance.now() - startedMs);
};

const scanAll = async (options: ScanDeskOptions, first: ReelPicture, fields: number): Promise<number> => {
  await using desk = createScanDesk(options);
  const stepUm = first.width * first.umPerPixel * 0.9;
  const centresUm = Array.from({ length: fields }, (_, index) => ({ x: index * stepUm, y: 0 }));
  const startedMs = performance.now();
  const ended = new Promise<ScanRecord>((resolve) => {
    desk.onChange((record) => {
      if (record !== undefined && record.state !== "running") resolve(record);
    });
  });
  await desk.start({ slide: "bench", plan: { kind: "list", centresUm }, stop: {}, focus: "none", by: "bench" });
  const record = await ended;
  if (record.state !== "complete") throw new Error(record.failure?.message ?? record.state);
  return perMinute(fields, performance.now() - startedMs);
};

/** Time of the stage for a field over that of the detector: faster, as fast, slower. */
const balances = [0.5, 1, 2];

/** A pipelined scan against the slower of stage and detector alone, with the shipped detector and a stage that takes its time. */
export const scanBench = async ({ quick, models }: BenchContext): Promise<BenchResult> => {
  const fields = quick ? 12 : 60;
  const rounds = quick ? 1 : 3;
  const pictures = await paintedPictures(8);
  const first = pictures[0];
  if (first === undefined) throw new NotHere("the virtual slide gives no fields");
  const directory = join(tmpdir(), `cytostream-bench-scan-${process.pid}`);
  const rows: string[][] = [];
  const ratios: number[] = [];
  const raw: object[] = [];
  await using detector = await createDetector({ models: await benchModels(models) });
  try {
    await detectorAlone(detector, pictures, 4);
    for (let round = 0; round < rounds; round++) {
      for (const balance of balances) {
        const detection = await detectorAlone(detector, pictures, fields);
        const stageMs = (balance * 60_000) / detection;
        const devices = scriptedDevices(pictures, stageMs * 0.7, stageMs * 0.3);
        const stage = await stageAlone(devices, Math.min(fields, 20));
        const scan = await scanAll(
          {
            ...devices,
            paths: { scans: directory },
            camera: { name: "scripted", simulated: true },
            ...{ objective: "bench", limitsUm: {}, clock: systemClock },
            calibration: () => calibrationOf(first),
            procedures: {
              calibrateOptics: () => Promise.reject(new NotHere("not in this bench")),
              calibrateLight: () => Promise.reject(new NotHere("not in this bench")),
              focus: () => Promise.reject(new NotHere("not in this bench")),
            },
            detect: (frame, signal) => detector.detect(frame, { signal }),
            searching: detector.workers,
          },
          first,
          fields,
        );
        // The detector once more: another load on the machine would make the scan look slow, or fast.
        const after = await detectorAlone(detector, pictures, fields);
        const slower = Math.min(stage, (detection + after) / 2);
        ratios.push(scan / slower);
        raw.push({ balance, stage, detection, after, scan });
        rows.push([
          `stage ${balance}`,
          ...[stage, detection, after, scan].map((rate) => rate.toFixed(1)),
          (scan / slower).toFixed(3),
        ]);
      }
    }
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
  const how = `median over ${rounds} rounds of stages that take 0.5, 1 and 2 times as long as the detector, ${fields} fields of ${first.width} x ${first.height} px each, pictures and journal on the disk`;
  const figures: Figure[] = [
    { name: "scan.overSlower", value: median(ratios), atLeast: 0.9, how },
    { name: "scan.overSlower.least", value: Math.min(...ratios), how: "the least of these" },
  ];
  const head = ["fields/min", "stage alone", "detector alone", "and after", "scan", "over the slower"];
  return { figures, text: columns([head, ...rows]), raw };
};
