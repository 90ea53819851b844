import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { cellClasses, createManualClock } from "../../src/core/index.js";
import { createCounter } from "../../src/counting/index.js";
import { cellTotals, fieldMessages, Progress, RateMeter, RecentMedian } from "../../src/daemon/index.js";
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

  it("is a status that fits the protocol", () => {
    const clock = createManualClock(1000);
    const progress = new Progress({
      clock,
      camera: "virtual",
      source: "7",
      simulated: true,
      detector: () => ({ models: { detector: { name: "unet", version: "1.0.0" } }, provider: "cpu" }),
    });
    expect(serverMessageSchema.parse(published(progress.status()))).toMatchObject({
      stale: true,
      camera: { state: "opening" },
      scale: null,
    });
    progress.cameraIs("streaming");
    progress.delivered(1000, { focus: 0.5 });
    clock.advance(40);
    expect(progress.counted(countedFrame(1))).toBe(40);
    progress.dropped("superseded");
    progress.dropped("superseded");
    expect(serverMessageSchema.parse(published(progress.status()))).toMatchObject({
      stale: false,
      uptimeMs: 40,
      drops: { superseded: 2 },
      rates: { latencyMs: 40 },
      scale: { umPerPixel: 0.25, origin: "frame" },
      camera: { state: "streaming", lastFrameAtMs: 1000 },
    });
    progress.cameraIs("reconnecting", "CAMERA_OPEN_FAILED");
    expect(progress.status()).toMatchObject({ stale: true, camera: { cause: "CAMERA_OPEN_FAILED" } });
    progress.cameraIs("ended");
    expect(progress.status().stale).toBe(false);
    expect(progress.status().camera).not.toHaveProperty("cause");
  });
});
