import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Cell, type Frame, isLeukocyteClass, systemClock } from "../src/core/index.js";
import { createDetector, type Detection } from "../src/detection/index.js";
import {
  calibrateOptics,
  createScanDesk,
  type FrameSource,
  type OpticsCalibration,
  type ScanRecord,
} from "../src/scan/index.js";
import type { BenchContext, BenchResult, Figure } from "./figures.js";
import { benchModels } from "./models.js";
import { openVirtualMicroscope, type VirtualMicroscope } from "./virtualMicroscope.js";

const field = { fieldWidthPx: 480, fieldHeightPx: 360, umPerPixel: 0.16 };
const overlap = 0.2;
const [across, down] = [20, 10];

interface Kind {
  readonly name: string;
  readonly stage: Readonly<Record<string, unknown>>;
  readonly playUm: number;
}

const kinds: readonly Kind[] = [
  { name: "straight", stage: {}, playUm: 0 },
  { name: "askew", stage: { rotationDegrees: 0.5, backlashUm: { x: 20, y: 20, z: 0 } }, playUm: 20 },
];

/** Frames of which is remembered where they were really taken. */
class WitnessedFrames implements FrameSource {
  readonly #places = new Map<number, { x: number; y: number }>();
  constructor(readonly microscope: VirtualMicroscope) {}

  async take(signal?: AbortSignal): Promise<Frame> {
    const frame = await this.microscope.frames.take(signal);
    const { x, y } = this.microscope.truth.placeUm();
    this.#places.set(frame.sequence, { x, y });
    return frame;
  }

  get places(): readonly { x: number; y: number }[] {
    return [...this.#places.values()];
  }

  placeOf({ sequence }: Frame): { x: number; y: number } {
    return this.#places.get(sequence)!;
  }
}

/** What a detector without a fault finds: each cell of the slide that is in the field. */
const perfectDetection = (
  { camera }: VirtualMicroscope,
  placeUm: { x: number; y: number },
  frame: Frame,
): Detection => {
  const cells = camera.slide.truthInField(placeUm, field).map(
    ({ cellClass, box }): Cell => ({
      cellClass,
      densityClass: isLeukocyteClass(cellClass) ? "leukocyte" : (cellClass as "erythrocyte" | "platelet"),
      centre: { x: (box.left + box.right) / 2, y: (box.top + box.bottom) / 2 },
      box,
      confidence: 1,
      mass: 1,
    }),
  );
  return {
    cells,
    scale: { umPerPixel: frame.umPerPixel ?? field.umPerPixel, origin: "frame" },
    models: { detector: { name: "truth", version: "1", sha256: "0".repeat(64) } },
    provider: "cpu",
    timings: { preprocessMs: 0, inferenceMs: 0, clusteringMs: 0, classificationMs: 0 },
    pixels: frame.pixels,
  };
};

const start = { x: 5000, y: 4000 };

/** The plan's region, in slide coordinates about where the stage stands. */
const planAbout = (calibration: OpticsCalibration) => {
  const [width, height] = [field.fieldWidthPx * calibration.umPerPixel, field.fieldHeightPx * calibration.umPerPixel];
  const [a, b, c, d] = calibration.toSlide;
  const middle = { x: a * start.x + b * start.y, y: c * start.x + d * start.y };
  const size = { width: width * (1 + (across - 1) * (1 - overlap)), height: height * (1 + (down - 1) * (1 - overlap)) };
  return {
    kind: "serpentine" as const,
    region: { left: middle.x - size.width / 2, top: middle.y - size.height / 2, ...size },
    overlap,
  };
};

const untilEnded = async (show: () => Promise<ScanRecord>): Promise<ScanRecord> => {
  for (;;) {
    const record = await show();
    if (record.state !== "running") return record;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
};

interface Outcome {
  readonly fields: number;
  /** Counted over true density of red cells, less 1, percent. */
  readonly offPercent: number;
}

/** One whole loop: calibrate, scan, count, and compare with what lies on the slide. */
const loop = async (
  kind: Kind,
  detect: (microscope: VirtualMicroscope, frames: WitnessedFrames) => (frame: Frame) => Promise<Detection>,
): Promise<Outcome> => {
  const scans = join(tmpdir(), `cytostream-loop-${process.pid}-${kind.name}`);
  const play = { x: kind.playUm, y: kind.playUm, z: 0 };
  await using microscope = await openVirtualMicroscope({
    name: `loop-${kind.name}`,
    camera: { seed: 5, ...field },
    stage: kind.stage,
    backlashUm: play,
  });
  const { stage, camera } = microscope;
  const frames = new WitnessedFrames(microscope);
  try {
    await stage.moveTo({ ...start, z: camera.slide.focusZUm(start.x, start.y) });
    const { calibration } = await calibrateOptics({ stage, frames, objective: "bench", clock: systemClock });
    const search = detect(microscope, frames);
    await using desk = createScanDesk({
      paths: { scans },
      ...{ stage, frames, objective: "bench", clock: systemClock, limitsUm: {} },
      camera: { name: "virtual", simulated: true },
      calibration: () => calibration,
      procedures: {
        calibrateOptics: async () => ({ ...calibration, steps: 0 }),
        calibrateLight: async () => ({ evenness: 1 }),
        focus: async () => ({ zUm: 0, sharpness: 0, frames: 0 }),
      },
      detect: (frame) => search(frame),
    });
    const begun = await desk.start({
      slide: "bench",
      plan: planAbout(calibration),
      stop: {},
      focus: "none",
      by: "bench",
    });
    const record = await untilEnded(() => desk.show(begun.id));
    if (record.state !== "complete" || !record.counts)
      throw new Error(`the scan is ${record.state}: ${record.failure?.message}`);
    const region = scannedRegion(record, frames);
    const truth = camera.slide.truthOfRegion(region).filter(({ cellClass }) => cellClass === "erythrocyte");
    const density = truth.length / ((region.width * region.height) / 1e6);
    const counted = record.counts.classes.erythrocyte.count / record.counts.areaMm2;
    return { fields: record.fieldsDone, offPercent: 100 * (counted / density - 1) };
  } finally {
    await rm(scans, { recursive: true, force: true });
  }
};

/** What the scan has looked at, where it really lies on the slide. */
const scannedRegion = ({ fieldsDone }: ScanRecord, frames: WitnessedFrames) => {
  const places = frames.places.slice(-fieldsDone);
  const [xs, ys] = [places.map(({ x }) => x), places.map(({ y }) => y)];
  const [width, height] = [field.fieldWidthPx * field.umPerPixel, field.fieldHeightPx * field.umPerPixel];
  const [left, top] = [Math.min(...xs) - width / 2, Math.min(...ys) - height / 2];
  return { left, top, width: Math.max(...xs) + width / 2 - left, height: Math.max(...ys) + height / 2 - top };
};

/** From the stage's motors to the counts of a slide, on the virtual microscope: `npm run bench -- closedLoop`. */
export const closedLoopBench = async ({ models }: BenchContext): Promise<BenchResult> => {
  const perfect = (microscope: VirtualMicroscope, frames: WitnessedFrames) => async (frame: Frame) =>
    perfectDetection(microscope, frames.placeOf(frame), frame);
  const [straight, askew] = [await loop(kinds[0]!, perfect), await loop(kinds[1]!, perfect)];
  await using detector = await createDetector({ models: await benchModels(models) });
  const searched = await loop(kinds[1]!, () => (frame) => detector.detect(frame, { returnPixels: true }));
  const how = (outcome: Outcome, what: string): string =>
    `${outcome.fields} fields of 480 x 360 px, a fifth of each in common with the next, red cells per mm2 against those that lie there; ${what}`;
  const figures: Figure[] = [
    {
      name: "countOffPercent",
      value: Math.abs(straight.offPercent),
      unit: "%",
      atMost: 1,
      how: how(straight, "cells of each field as they are"),
    },
    {
      name: "countOffPercent.askew",
      value: Math.abs(askew.offPercent),
      unit: "%",
      atMost: 2,
      how: how(askew, "the same, 20 um of play and 0.5 degrees of rotation"),
    },
    {
      name: "countOffPercent.detector",
      value: searched.offPercent,
      unit: "%",
      how: how(searched, "the same, cells found by the detector: its own error is in it"),
    },
  ];
  return { figures, raw: { straight, askew, searched } };
};
