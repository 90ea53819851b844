import { describe, expect, it } from "vitest";
import { type CytoError, createManualClock, createRandom } from "../../src/core/index.js";
import { createCounter } from "../../src/counting/index.js";
import { Proposals } from "../../src/daemon/proposals.js";
import { RecentFields } from "../../src/daemon/recentFields.js";
import { openLaboratory, temporaryRoot } from "../labels/smear.js";

const model = { name: "unet", version: "1.0.0", sha256: "0".repeat(64) };
const { width, height } = { width: 96, height: 80 };

/** A counted field with one cell, seen with some confidence; no two look alike. */
const fieldOf = (sequence: number, confidence: number, simulated = false) => {
  const random = createRandom(sequence + 1);
  const pixels = Uint8Array.from({ length: width * height * 3 }, () => random.int(256));
  const frame = {
    ...{ sequence, capturedAtMs: 1000 * sequence, width, height, pixels, simulated },
    ...{ camera: "folder", source: "slide 7", umPerPixel: 0.2, stagePositionUm: { x: 0, y: 0 } },
  };
  const cell = {
    ...{ cellClass: "erythrocyte" as const, densityClass: "erythrocyte" as const, centre: { x: 30, y: 30 } },
    ...{ box: { left: -4, top: 10, right: 50, bottom: 50 }, confidence, mass: 3 },
  };
  const detection = {
    cells: [cell],
    scale: { umPerPixel: 0.2, origin: "frame" as const },
    models: { detector: model },
    provider: "cpu" as const,
    timings: { preprocessMs: 1, inferenceMs: 1, clusteringMs: 1, classificationMs: 1 },
  };
  const counter = createCounter();
  const { stagePositionUm, umPerPixel } = frame;
  const placed = { sequence, widthPx: width, heightPx: height, umPerPixel, stagePositionUm, simulated };
  const outcome = counter.add({ ...placed, cells: detection.cells });
  return { frame, detection, outcome, placedCells: outcome.placedCells, counts: counter.snapshot() };
};

const perHour = 6;
const stretchMs = 3_600_000 / perHour;

describe("proposals of the live count", () => {
  it("are the most doubtful field of each stretch, never a simulated one, as the detector saw it", async () => {
    await using folder = await temporaryRoot();
    await using laboratory = await openLaboratory(folder.root);
    const { desk: labels } = laboratory;
    const clock = createManualClock();
    const errors: CytoError[] = [];
    const onError = (error: CytoError): void => void errors.push(error);
    const proposals = new Proposals({ labels, clock, perHour, mostWaiting: 2, onError });
    proposals.see(fieldOf(0, 0.5, true));
    for (const [sequence, confidence] of [0.9, 0.55, 0.99].entries()) proposals.see(fieldOf(sequence + 1, confidence));
    await proposals.settled();
    expect((await labels.stats()).fields.proposed).toBe(0);
    clock.advance(stretchMs);
    proposals.see(fieldOf(4, 0.95));
    await proposals.settled();
    const { fields } = await labels.list({ limit: 5 });
    expect(fields).toHaveLength(1);
    expect(fields[0]).toMatchObject({ state: "proposed", author: "cytostream", umPerPixel: 0.2 });
    expect(fields[0]?.cells).toMatchObject([{ confidence: 0.55, box: { left: 0, right: 50 } }]);
    expect(fields[0]?.origin).toMatchObject({ slide: "folder slide 7", device: "folder", model: "unet@1.0.0" });
    for (let sequence = 5; sequence < 10; sequence++) {
      clock.advance(stretchMs);
      proposals.see(fieldOf(sequence, 0.6));
    }
    await proposals.settled();
    expect((await labels.stats()).fields.proposed).toBe(2);
    expect(errors).toEqual([]);
  });

  it("are none where none are asked for", async () => {
    await using folder = await temporaryRoot();
    await using laboratory = await openLaboratory(folder.root);
    const clock = createManualClock();
    const options = { labels: laboratory.desk, clock, perHour: 0, mostWaiting: 5, onError: () => {} };
    const proposals = new Proposals(options);
    for (let sequence = 0; sequence < 3; sequence++) {
      proposals.see(fieldOf(sequence, 0.5));
      clock.advance(stretchMs);
    }
    await proposals.settled();
    expect((await laboratory.desk.stats()).fields.proposed).toBe(0);
  });
});

describe("recent fields", () => {
  it("are the newest few, by number or the newest of all", () => {
    const recent = new RecentFields(2);
    expect(recent.find()).toBeUndefined();
    for (let sequence = 0; sequence < 4; sequence++) recent.add(fieldOf(sequence, 0.9));
    expect(recent.find()?.frame.sequence).toBe(3);
    expect(recent.find(2)?.frame.sequence).toBe(2);
    expect(recent.find(1)).toBeUndefined();
  });
});
