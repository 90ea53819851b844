import { from, lastValueFrom, toArray } from "rxjs";
import { describe, expect, it } from "vitest";
import type { Frame } from "../../src/core/index.js";
import { count, createCounter, type DetectedField } from "../../src/counting/index.js";
import type { Detection } from "../../src/detection/index.js";
import { lookAt, throwCells } from "./slideModel.js";

const optics = { umPerPixel: 0.25, widthPx: 320, heightPx: 240 };
const slide = throwCells(5, { left: -60, top: -60, right: 400, bottom: 100 }, { perMm2: 8000, leastGapUm: 3 });
const ref = { name: "unet", version: "1.0.0", sha256: "c".repeat(64) };

const detectedField = (sequence: number, simulated: boolean): DetectedField & { tag: string } => {
  const centre = { x: sequence * 50, y: 0 };
  const { cells } = lookAt(slide, centre, { sequence, ...optics });
  const frame: Frame = {
    sequence,
    capturedAtMs: 0,
    width: optics.widthPx,
    height: optics.heightPx,
    pixels: new Uint8Array(0),
    camera: "virtual",
    source: "",
    simulated,
    stagePositionUm: centre,
  };
  const detection: Detection = {
    cells,
    scale: { umPerPixel: optics.umPerPixel, origin: "config" },
    models: { detector: ref },
    provider: "cpu",
    timings: { preprocessMs: 0, inferenceMs: 0, clusteringMs: 0, classificationMs: 0 },
  };
  return { frame, detection, tag: `field ${sequence}` };
};

describe("the counting station", () => {
  it("gives one result for one field, in order, with what came in", async () => {
    const fields = [0, 1, 2, 3].map((n) => detectedField(n, n === 2));
    const results = await lastValueFrom(from(fields).pipe(count(), toArray()));
    expect(results.map(({ tag }) => tag)).toEqual(["field 0", "field 1", "field 2", "field 3"]);
    expect(results.map(({ counts }) => counts.fields.counted)).toEqual([1, 2, 3, 4]);
    expect(results.map(({ counts }) => counts.simulated)).toEqual([false, false, true, true]);
    expect(results[3]!.counts.models).toEqual([ref]);
    expect(results[1]!.placedCells).toHaveLength(fields[1]!.detection.cells.length);
    expect(results[1]!.placedCells.some(({ sighting }) => sighting === "again")).toBe(true);
    expect(results[1]!.placedCells.some(({ sighting }) => sighting === "new")).toBe(true);
  });

  it("starts anew with each subscription, or goes on with the counter it was given", async () => {
    const fresh = from([detectedField(0, false)]).pipe(count());
    await lastValueFrom(fresh);
    expect((await lastValueFrom(fresh)).counts.fields.counted).toBe(1);
    const counter = createCounter();
    const going = from([detectedField(0, false)]).pipe(count({ counter }));
    await lastValueFrom(going);
    expect((await lastValueFrom(going)).counts.fields).toMatchObject({ counted: 1, repeated: 1 });
  });
});
