import type { z } from "zod";
import { taxonomy } from "../../core/index.js";
import type { clientMessageSchema } from "./clientMessages.js";
import type { FrameHeader, ServerMessage } from "./serverMessages.js";

/** One example of each message, for the AsyncAPI file; docs/protocol.md has more, checked by the same test. */

const field = {
  frame: 1286,
  capturedAtMs: 1767225600120,
  width: 1280,
  height: 960,
  camera: "virtual",
  source: "seed 1",
  umPerPixel: 0.1,
  positionUm: { x: 5120, y: 1440 },
};

const cells = [
  {
    class: "neutrophil" as const,
    centre: [611.5, 402.2] as [number, number],
    box: [551.3, 340.8, 671.9, 463.4] as [number, number, number, number],
    confidence: 0.981,
    positionUm: [5117.2, 1432.2] as [number, number],
  },
];

const models = { detector: { name: "unet", version: "1.0.0" }, classifier: { name: "cells", version: "1.0.0" } };

export const clientExamples: Readonly<Record<string, z.input<typeof clientMessageSchema>>> = {
  subscribe: {
    type: "subscribe",
    topics: ["status", "counts", "frames"],
    options: { frames: { maxWidth: 960, maxRateHz: 5, cells: true }, counts: { maxRateHz: 4 } },
  },
  unsubscribe: { type: "unsubscribe", topics: ["frames"] },
  resume: {
    type: "resume",
    session: "pYk0cGm2Qw1x",
    token: "mJ3d0Xn5zKq8Wc1sVb7uTy2LpRf4Hg6a",
    lastSequence: { counts: 412, status: 97 },
  },
  ping: { type: "ping", id: "7" },
  label: {
    type: "label",
    id: "bench-3/000217",
    field: "f-7c1e52",
    basedOn: 1,
    cells: [{ cellClass: "neutrophil", box: { left: 551, top: 341, right: 672, bottom: 463 } }],
    state: "confirmed",
    author: "MK",
  },
  keep: { type: "keep", id: "keep-12", frame: 1286, author: "MK" },
  job: { type: "job", id: "9", action: "start", by: "MK" },
  model: { type: "model", id: "10", action: "rollback", by: "MK", reason: "misses platelets on the new stain" },
  scan: {
    type: "scan",
    id: "11",
    action: "start",
    request: {
      slide: "24-1187",
      plan: { kind: "serpentine", region: { left: 2000, top: 3000, width: 4000, height: 2500 }, overlap: 0.1 },
      stop: { limits: { halfWidthPercent: 5 } },
      focus: "map",
      by: "MK",
    },
  },
  microscope: { type: "microscope", id: "12", stage: { action: "stop", by: "MK" } },
  calibrate: { type: "calibrate", id: "13", what: "optics", by: "MK" },
  focus: { type: "focus", id: "14", by: "MK" },
};

const job = {
  id: "20260101-220004",
  state: "running" as const,
  step: "detector" as const,
  done: 0.62,
  startedAtMs: 1767304804000,
  reason: "46 fields confirmed since the last training.",
  attempt: 1,
  fields: 346,
  losses: [{ step: 410, name: "detector", value: 0.412 }],
  samples: ["painted-01.png"],
};

const scan = {
  id: "20260101-140311-5c1e",
  slide: "24-1187",
  state: "running" as const,
  simulated: false,
  fieldsPlanned: 1247,
  fieldsDone: 212,
  startedAtMs: 1767276191000,
  progress: [{ rule: "limits" as const, value: 7.4, goal: 5, met: false }],
};

const microscope = {
  stage: { name: "grbl", state: "moving" as const, referenced: true, positionUm: { x: 3120.5, y: 3304, z: -12.5 } },
  objective: "40x",
  calibration: { umPerPixel: 0.1612, rotationDegrees: 0.48, atMs: 1767270000000 },
  busy: null,
};

const promotion = {
  atMs: 1767306590000,
  kind: "promotion" as const,
  network: "detector" as const,
  model: "unet@1.1.0",
  sha256: "9f2c6f0b1d8e4a7735c2b9e01fd4a86a3f1be7710c55d2e98a04c7b6f3e1d250",
  before: "unet@1.0.0",
  by: "gate",
  reason: "P +3.4 points (1.9 to 4.8); no class worse by more than 3.",
};

const { label, abbreviation, colour, parent } = taxonomy.neutrophil;

export const serverExamples: Readonly<Record<string, ServerMessage>> = {
  hello: {
    type: "hello",
    protocol: 1,
    server: "cytostream",
    version: "0.1.0",
    run: "0d3adb32-9c39-4a9c-8f2e-6ad9f3f0c7f1",
    session: "pYk0cGm2Qw1x",
    resumeToken: "mJ3d0Xn5zKq8Wc1sVb7uTy2LpRf4Hg6a",
    resumeWithinMs: 120_000,
    topics: ["status", "counts", "alerts", "scans", "models", "jobs", "labels", "cells", "frames"],
    capabilities: {
      frames: { encoding: "jpeg", widths: [320, 480, 640, 960, 1280], maxRateHz: 10, density: "png" },
      resume: true,
      keep: true,
    },
    limits: {
      messageBytes: 65_536,
      messagesPerSecond: 20,
      messagesBurst: 60,
      bufferedBytes: 262_144,
      cellsPerMessage: 1000,
      pingIntervalMs: 15_000,
      labelsUnanswered: 64,
      labelsPerSecond: 500,
      commandsUnanswered: 8,
    },
    taxonomy: [{ class: "neutrophil", parent, label, abbreviation, colour }],
  },
  subscriptions: { type: "subscriptions", topics: ["status", "counts", "frames"] },
  resumed: {
    type: "resumed",
    session: "pYk0cGm2Qw1x",
    topics: [
      { topic: "status", lastSequence: 97, newestSequence: 97, missed: 0, replayed: false },
      { topic: "counts", lastSequence: 412, newestSequence: 431, missed: 18, replayed: true },
    ],
  },
  pong: { type: "pong", id: "7", timeMs: 1767225600200, dropped: { frames: 12 } },
  error: {
    type: "error",
    code: "MESSAGE_TYPE_UNKNOWN",
    message:
      "The type is one of subscribe, unsubscribe, resume, ping, label, keep, job, model, scan, microscope, calibrate, focus.",
    correlationId: "5f0c1d7be2a4",
  },
  labelled: { type: "labelled", id: "bench-3/000217", field: "f-7c1e52", revision: 2, repeated: false },
  jobState: { type: "jobState", id: "9", job },
  promoted: {
    type: "promoted",
    id: "10",
    promotion: {
      ...promotion,
      kind: "rollback",
      model: "unet@1.0.0",
      before: "unet@1.1.0",
      by: "MK",
      reason: "misses platelets on the new stain",
    },
  },
  scanState: { type: "scanState", id: "11", scan },
  microscopeState: { type: "microscopeState", id: "12", microscope },
  calibrated: {
    type: "calibrated",
    id: "13",
    report: { umPerPixel: 0.1612, rotationDegrees: 0.48, mirrored: false, residualPx: 0.31, steps: 9 },
  },
  focused: { type: "focused", id: "14", report: { zUm: -12.5, sharpness: 0.94, frames: 17 } },
  scans: { type: "scans", sequence: 214, publishedAtMs: 1767276600200, scans: [scan], microscope },
  alerts: {
    type: "alerts",
    sequence: 3,
    publishedAtMs: 1767225600200,
    alarms: [
      {
        kind: "stain",
        raised: true,
        value: 0.31,
        reference: 0.74,
        sinceMs: 1767225480000,
        text: "The stain is unlike that of the validation fields.",
      },
    ],
  },
  labels: {
    type: "labels",
    sequence: 12,
    publishedAtMs: 1767225600200,
    stats: {
      fields: { proposed: 12, corrected: 3, confirmed: 346, unidentified: 2, rejected: 5 },
      cells: { erythrocyte: 8120, platelet: 512, neutrophil: 214 },
      authors: 3,
      groups: 361,
      bytes: 48_211_904,
    },
    changes: 1,
    changed: [{ field: "f-7c1e52", revision: 2, state: "confirmed", author: "MK", atMs: 1767225600190 }],
  },
  jobs: {
    type: "jobs",
    sequence: 31,
    publishedAtMs: 1767306000000,
    jobs: [job],
    decision: { atMs: 1767304804000, start: true, reasons: ["46 of 40 fields confirmed since the last training."] },
  },
  models: {
    type: "models",
    sequence: 2,
    publishedAtMs: 1767306590000,
    models: [
      {
        name: "unet",
        version: "1.1.0",
        kind: "detector",
        origin: "laboratory",
        sha256: promotion.sha256,
        active: true,
        lineage: {
          parent: "unet@1.0.0",
          parentSha256: "0c9d1e5b7a3f42688d5e1b0c9a7f3e2d4b6a8c0e1f2d3b4a5c6d7e8f90a1b2c3",
          dataSha256: "5e1b0c9a7f3e2d4b6a8c0e1f2d3b4a5c6d7e8f90a1b2c30c9d1e5b7a3f42688d",
          codeVersion: "0.1.0",
          seed: 1,
          job: "20260101-220004",
          trainedAtMs: 1767306400000,
        },
      },
    ],
    promotion,
  },
  status: {
    type: "status",
    sequence: 98,
    publishedAtMs: 1767225600200,
    simulated: true,
    stale: false,
    uptimeMs: 98_000,
    camera: { name: "virtual", source: "seed 1", state: "streaming", lastFrameAtMs: 1767225600120 },
    models,
    provider: "cpu",
    scale: { umPerPixel: 0.1, origin: "frame" },
    rates: { cameraHz: 25, detectionHz: 13.1, latencyMs: 81 },
    drops: { replacedByNewer: 1166 },
    quality: { focus: 0.93, light: 0.88, stain: 0.9 },
  },
  counts: {
    type: "counts",
    sequence: 432,
    publishedAtMs: 1767225600200,
    simulated: true,
    stale: false,
    fields: { counted: 120, repeated: 0, unplaced: 0, separate: 0 },
    areaMm2: 1.4746,
    scaleOrigin: "known",
    classes: [
      {
        class: "erythrocyte",
        count: 17_350,
        limits: { low: 17_092.8, high: 17_610.1 },
        perMm2: { value: 11_765.9, limits: { low: 11_591.5, high: 11_942.3 } },
      },
    ],
    unsure: { count: 2, percent: { value: 2.1, limits: { low: 0.6, high: 7.3 } } },
    differential: {
      five: {
        total: 92,
        rows: [{ class: "neutrophil", count: 58, percent: { value: 63, limits: { low: 52.8, high: 72.2 } } }],
      },
      seven: {
        total: 94,
        rows: [{ class: "neutrophil", count: 58, percent: { value: 61.7, limits: { low: 51.6, high: 70.9 } } }],
      },
    },
    ratios: {
      erythrocytesPerPlatelet: { value: 15.6, limits: { low: 14.7, high: 16.5 } },
      erythrocytesPerLeukocyte: { value: 180.7, limits: { low: 148, high: 220.7 } },
      plateletsPerLeukocyte: { value: 11.6, limits: { low: 9.4, high: 14.3 } },
      erythroblastsPer100Leukocytes: null,
    },
  },
  cells: {
    type: "cells",
    sequence: 1287,
    publishedAtMs: 1767225600201,
    simulated: true,
    field,
    models,
    provider: "cpu",
    total: 1,
    cells,
  },
};

export const frameExample: FrameHeader = {
  type: "frame",
  sequence: 1287,
  publishedAtMs: 1767225600202,
  simulated: true,
  field,
  picture: { encoding: "jpeg", bytes: 81_204 },
  density: {
    encoding: "png",
    bytes: 23_911,
    classes: ["erythrocyte", "leukocyte", "platelet"],
    width: 274,
    height: 206,
    framePixelsPerMapPixel: 4.6875,
  },
  total: 1,
  cells,
};
