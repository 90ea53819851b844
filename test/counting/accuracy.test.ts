import { describe, expect, it } from "vitest";
import { createRandom, type Random } from "../../src/core/index.js";
import { type CountedField, type CountingOptions, createCounter } from "../../src/counting/index.js";
import { cornersInside, type DetectorNoise, lookAt, paintThumbnail, sizeOf, throwCells } from "./slideModel.js";

const optics = { umPerPixel: 0.23, widthPx: 640, heightPx: 480 };
const { width, height } = sizeOf(optics);

interface Scan {
  readonly columns: number;
  readonly rows: number;
  /** Step from field to field over the field's side. */
  readonly step: number;
  /** Each field lies within this of where the stage says. */
  readonly jitterUm: number;
  readonly noise: Omit<DetectorNoise, "random">;
  readonly how: "stage" | "pictures" | "cells";
  readonly perMm2?: number;
  readonly options?: Partial<CountingOptions>;
}

const good = { miss: 0, false: 0, edgeUm: 0, leastVisible: 0 };
const usual = { miss: 0.03, false: 0.01, edgeUm: 0.2, leastVisible: 0.3 };

/** A point of a disc, evenly. */
const jitter = (random: Random, within: number): { x: number; y: number } => {
  const angle = 2 * Math.PI * random.next();
  const radius = within * Math.sqrt(random.next());
  return { x: radius * Math.cos(angle), y: radius * Math.sin(angle) };
};

/** A serpentine scan of a slide with known truth; what it gave next to what it should have given. */
const scan = ({ columns, rows, step, jitterUm, noise, how, perMm2 = 9000, options = {} }: Scan) => {
  const random = createRandom(7);
  const around = 40;
  const slide = throwCells(
    3,
    {
      left: -around,
      top: -around,
      right: width * (1 + (columns - 1) * step) + around,
      bottom: height * (1 + (rows - 1) * step) + around,
    },
    { perMm2, leastGapUm: 5 },
  );
  const counter = createCounter(options);
  const frames = [];
  const union = new Set<number>();
  let views = 0;
  for (let n = 0; n < columns * rows; n++) {
    const row = Math.floor(n / columns);
    const column = row % 2 === 0 ? n % columns : columns - 1 - (n % columns);
    const told = { x: width / 2 + column * width * step, y: height / 2 + row * height * step };
    const off = jitter(random, jitterUm);
    const real = { x: told.x + off.x, y: told.y + off.y };
    const field: CountedField = lookAt(slide, real, { sequence: n, ...optics }, { random, ...noise });
    const tolerance = 2;
    for (const { box, mass } of field.cells) {
      views += 1;
      if (box.right < optics.widthPx - tolerance && box.bottom < optics.heightPx - tolerance) union.add(mass);
    }
    frames.push({
      left: real.x - width / 2,
      top: real.y - height / 2,
      right: real.x + width / 2 - tolerance * optics.umPerPixel,
      bottom: real.y + height / 2 - tolerance * optics.umPerPixel,
    });
    const extra =
      how === "stage"
        ? { stagePositionUm: told }
        : how === "pictures"
          ? { thumbnail: paintThumbnail(slide, real, optics, random) }
          : {};
    counter.add({ ...field, ...extra });
  }
  const counts = counter.snapshot();
  const { erythrocyte, leukocyte, platelet } = counts.classes;
  const total = erythrocyte.count + leukocyte.count + platelet.count;
  return { counts, total, truth: cornersInside(slide, frames).length, union: union.size, views };
};

const off = (found: number, wanted: number): number => Math.abs(found / wanted - 1);

describe("accuracy over a scan", () => {
  const grid = { columns: 20, rows: 10, step: 0.8 };

  it("is exact for 200 overlapping fields and a perfect detector, with the stage off by up to 3 um", () => {
    const { total, truth, counts } = scan({ ...grid, jitterUm: 3, noise: good, how: "stage" });
    expect(total).toBe(truth);
    expect(counts.fields.counted).toBe(200);
  });

  it.each([0, 4.5])("is within one percent for a usual detector, the stage off by up to %s um", (jitterUm) => {
    const { total, truth, union, views } = scan({ ...grid, jitterUm, noise: usual, how: "stage" });
    expect(off(total, union)).toBeLessThan(0.01);
    expect(off(total, truth)).toBeLessThan(0.02);
    expect(views).toBeGreaterThan(1.5 * truth);
  });

  it("is within one percent where red cells lie on each other", () => {
    const { total, union } = scan({ ...grid, jitterUm: 3, noise: usual, how: "stage", perMm2: 15_000 });
    expect(off(total, union)).toBeLessThan(0.01);
  });

  it("is within two percent where cells are few", () => {
    const { total, union } = scan({ ...grid, jitterUm: 3, noise: usual, how: "stage", perMm2: 600 });
    expect(off(total, union)).toBeLessThan(0.02);
  });

  it.each(["pictures", "cells"] as const)("is within one percent without a stage, by the %s alone", (how) => {
    const { total, union, counts } = scan({ columns: 12, rows: 6, step: 0.7, jitterUm: 3, noise: usual, how });
    expect(counts.areas).toBe(1);
    expect(off(total, union)).toBeLessThan(0.01);
  });

  it("does not pile up false cells while the stage creeps", () => {
    const { total, truth, union } = scan({
      columns: 250,
      rows: 1,
      step: 0.05,
      jitterUm: 0,
      noise: usual,
      how: "stage",
    });
    expect(off(total, truth)).toBeLessThan(0.02);
    expect(union / truth).toBeGreaterThan(1.1);
  });
});
