import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { CameraStatus, FrameCounts, FrameQuality } from "../../src/acquisition/index.js";
import { cellClasses, createManualClock } from "../../src/core/index.js";
import { createCounter } from "../../src/counting/index.js";
import { cellTotals, fieldMessages, Progress, RateMeter, RecentMedian } from "../../src/daemon/index.js";
import { createHealthRegistry, createMetrics } from "../../src/observability/index.js";
import { serverMessageSchema } from "../../src/publication/index.js";

describe("RateMeter", () => {
  it("tells a steady rate after any time, and nothing after silence", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 200 }), fc.integer({ min: 500, max: 60_000 }), (hz, durationMs) => {
        const meter = new RateMeter();
        for (let ms = 0; ms < durationMs; ms += 1000 / hz) meter.count(ms);
        // The ends of the span may hold one event more or less, and less than half a second counts as half.
        expect(Math.abs(meter.perSecond(durationMs) - hz)).toBeLessThanOrEqual(
          2 / Math.min(durationMs / 1000, 4.5) + 0.01 * hz,
        );
        expect(meter.perSecond(durationMs + 6000)).toBe(0);
      }),
    );
  });

  it("is zero before the first event", () => {
    expect(new RateMeter().perSecond(1000)).toBe(0);
  });
});

describe("RecentMedian", () => {
  it("is the upper median of the values kept", () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer(), { minLength: 1, maxLength: 50 }),
        fc.integer({ min: 1, max: 8 }),
        (values, kept) => {
          const median = new RecentMedian(kept);
          for (const value of values) median.add(value);
          const last = values.slice(-kept).sort((a, b) => a - b);
          expect(median.median).toBe(last[last.length >> 1]);
        },
      ),
    );
    expect(new RecentMedian().median).toBeUndefined();
  });
});

const modelRef = { name: "unet", version: "1.0.0", sha256: "0".repeat(64) };

const countedFrame = (sequence: number) => {
  const box = { left: 40, top: 40, right: 80, bottom: 80 };
  const cell = {
    cellClass: "neutrophil" as const,
    densityClass: "leukocyte" as const,
    centre: { x: 60, y: 60 },
    box,
    confidence: 0.9,
    mass: 3,
  };
  const frame = {
    sequence,
    capturedAtMs: 1000,
    width: 200,
    height: 160,
    pixels: new Uint8Array(200 * 160 * 3),
    camera: "virtual",
    source: "7",
    simulated: true,
    stagePositionUm: { x: 500, y: 600 },
  };
  const detection = {
    cells: [cell],
    scale: { umPerPixel: 0.25, origin: "frame" as const },
    models: { detector: modelRef },
    provider: "cpu",
    timings: { preprocessMs: 1, inferenceMs: 10, clusteringMs: 0.1, classificationMs: 1 },
  };
  const counter = createCounter();
  const outcome = counter.add({
    sequence,
    widthPx: frame.width,
    heightPx: frame.height,
    umPerPixel: 0.25,
    stagePositionUm: frame.stagePositionUm,
    cells: detection.cells,
    simulated: true,
  });
  return { frame, detection, outcome, placedCells: outcome.placedCells, counts: counter.snapshot() };
};

const quality: FrameQuality = {
  focus: 0.5,
  light: 1,
  stain: 0.7,
  edgeShare: 0.1,
  lightMeasure: { backgroundLevel: 200, brightClippedShare: 0, darkClippedShare: 0 },
  stainMeasure: { background: { red: 230, green: 220, blue: 230 } },
};

const published = (input: object): unknown => ({ sequence: 1, publishedAtMs: 5, ...input });

describe("what is published", () => {
  it("is totals by class in which no cell is twice", () => {
    const { counts } = countedFrame(1);
    expect(Object.fromEntries(cellTotals(counts))).toMatchObject({ neutrophil: 1, leukocyte: 0, erythrocyte: 0 });
    expect([...cellTotals(counts).keys()].sort()).toEqual([...cellClasses].sort());
  });

  it("is cells with their places on the slide, and the frame with its pixels", () => {
    const { cells, frame } = fieldMessages(countedFrame(1));
    expect(cells).not.toHaveProperty("frame.pixels");
    expect(cells.placement).toEqual({ umPerPixel: 0.25, positionUm: { x: 500, y: 600 } });
    // The cell's centre is 40 px left of and 20 px above the field's.
    expect(cells.cells[0]?.positionUm).toEqual({ x: 490, y: 595 });
    expect(frame.frame.pixels.length).toBe(200 * 160 * 3);
  });

  it("is a status that fits the protocol, and agrees with metrics and health", async () => {
    const clock = createManualClock(1000);
    using metrics = createMetrics();
    const health = createHealthRegistry(clock, ["camera"]);
    let camera: CameraStatus = { state: "opening", stale: false, attempt: 0, sinceMs: 0 };
    let counts: FrameCounts = { produced: 0, processed: 0, inFlight: 0, drops: {} };
    const progress = new Progress({
      ...{ clock, metrics, health },
      camera: "virtual",
      source: "7",
      simulated: true,
      cameraStatus: () => camera,
      frameCounts: () => counts,
      detector: () => ({ models: { detector: modelRef }, provider: "cpu" }),
    });
    const status = () => {
      progress.update();
      return serverMessageSchema.parse(published(progress.status()));
    };
    expect(status()).toMatchObject({ stale: false, camera: { state: "opening" }, scale: null, quality: null });
    expect(health.snapshot().ready).toBe(false);
    camera = { ...camera, state: "streaming" };
    counts = { produced: 5, processed: 1, inFlight: 1, drops: { superseded: 2, FRAME_INVALID: 1 } };
    clock.advance(40);
    progress.counted(countedFrame(1), quality);
    progress.failed("DETECTION_FAILED");
    expect(status()).toMatchObject({
      stale: false,
      uptimeMs: 40,
      drops: { superseded: 2, FRAME_INVALID: 1, DETECTION_FAILED: 1 },
      rates: { latencyMs: 40 },
      scale: { umPerPixel: 0.25, origin: "frame" },
      camera: { state: "streaming", lastFrameAtMs: 1000 },
      quality: { focus: 0.5, light: 1, stain: 0.7 },
    });
    expect(health.snapshot().ready).toBe(true);
    counts = { ...counts, drops: { superseded: 3, FRAME_INVALID: 1 } };
    status();
    const text = await metrics.exposition();
    for (const line of [
      "cytostream_frames_produced_total 5",
      "cytostream_frames_processed_total 1",
      'cytostream_frames_dropped_total{cause="superseded"} 3',
      'cytostream_frames_dropped_total{cause="DETECTION_FAILED"} 1',
    ]) {
      expect(text).toContain(line);
    }
    camera = { ...camera, state: "reconnecting", stale: true, cause: "CAMERA_OPEN_FAILED" };
    expect(status()).toMatchObject({ stale: true, camera: { cause: "CAMERA_OPEN_FAILED" } });
    expect(health.snapshot()).toMatchObject({ ready: true, reasons: ["camera is degraded: CAMERA_OPEN_FAILED"] });
    camera = { ...camera, state: "failed" };
    status();
    expect(health.snapshot().ready).toBe(false);
  });
});
