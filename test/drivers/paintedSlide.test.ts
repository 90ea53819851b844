import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { FieldRenderer } from "../../drivers/cameras/virtual/fieldRenderer.js";
import type { PixelRect } from "../../drivers/cameras/virtual/lightPainter.js";
import { opticsOptionsSchema, slideOptionsSchema } from "../../drivers/cameras/virtual/manifest.js";
import { PainterLoan } from "../../drivers/cameras/virtual/painterLoan.js";
import { createSlide } from "../../drivers/cameras/virtual/slide.js";
import { redCellUm, SlideMasks } from "../../drivers/cameras/virtual/slideMask.js";
import { SlidePainter, slideStain } from "../../drivers/cameras/virtual/slidePainter.js";
import { type LeukocyteClass, leukocyteClasses } from "../../src/core/index.js";
import type { Picture } from "../../src/pictures/index.js";
import { collectOutlines } from "../../src/training/masks/index.js";
import { openPainter } from "../../src/training/painter/index.js";
import { stain } from "../training/maskFixture.js";
import { writeUntrainedPainter } from "../training/painter/untrainedPainter.js";

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "painted-slide-"));
  await writeUntrainedPainter(directory);
});
afterAll(() => rm(directory, { recursive: true }));

const geometry = { fieldWidthPx: 200, fieldHeightPx: 150, umPerPixel: 0.16 };
const firstUm = { x: 2000, y: 1500 };

const openSlide = async (options: { seed?: number; noiseLevels?: number; vignetting?: number } = {}) => {
  const { seed = 3, ...optics } = options;
  const slideOptions = slideOptionsSchema.parse({ seed });
  const slide = createSlide(slideOptions);
  const fieldWidthUm = geometry.fieldWidthPx * geometry.umPerPixel;
  const fieldHeightUm = geometry.fieldHeightPx * geometry.umPerPixel;
  const painter = await SlidePainter.open(slide, { directory, firstUm, fieldWidthUm, fieldHeightUm, ...geometry });
  const fields = new FieldRenderer(slideOptions, opticsOptionsSchema.parse({ ...geometry, ...optics }), {
    slide,
    painter,
  });
  return {
    slide,
    painter,
    async look(x: number, y: number, exposure = 0): Promise<Buffer> {
      const position = { x, y, z: slide.focusZUm(x, y) };
      await fields.prepare(position);
      return Buffer.from(fields.render(position, exposure).pixels);
    },
    [Symbol.asyncDispose]: () => painter[Symbol.asyncDispose](),
  };
};

describe("masks of the slide", () => {
  const mix = Object.fromEntries(leukocyteClasses.map((name) => [name, 1])) as Record<LeukocyteClass, number>;
  const slide = createSlide({ seed: 11, leukocytesPerMm2: 700, leukocyteMix: mix });
  const redCellPx = 40;
  const px = redCellPx / redCellUm;
  const masks = new SlideMasks(slide, { outlines: collectOutlines([], { seed: 1 }), stain, redCellPx });
  const places = fc.record({ leftPx: fc.integer({ min: 0, max: 30_000 }), topPx: fc.integer({ min: 0, max: 30_000 }) });

  it("are labelled as the truth says: every cell, its class, its box", () => {
    const seen = new Set<string>();
    fc.assert(
      fc.property(places, ({ leftPx, topPx }) => {
        const rect: PixelRect = { leftPx, topPx, width: 400, height: 300 };
        const mask = masks.maskOf(rect);
        const truth = slide
          .cellsIn({ left: leftPx / px, top: topPx / px, width: 400 / px, height: 300 / px })
          .map(({ cellClass, centreUm: { x, y }, outline: { reachUm } }) => ({
            cellClass,
            box: {
              left: Math.max((x - reachUm.left) * px - leftPx, 0),
              top: Math.max((y - reachUm.top) * px - topPx, 0),
              right: Math.min((x + reachUm.right) * px - leftPx, 400),
              bottom: Math.min((y + reachUm.bottom) * px - topPx, 300),
            },
          }));
        const inside = (box: (typeof truth)[number]["box"]): boolean =>
          box.left > 0 && box.top > 0 && box.right < 400 && box.bottom < 300;
        const whole = truth.filter(({ box }) => inside(box));
        const free = [...mask.labels];
        for (const { cellClass, box } of whole) {
          seen.add(cellClass);
          const at = free.findIndex(
            (label) =>
              label.cellClass === cellClass &&
              // Pixels that a tip covers by less than half are not of the mask.
              (["left", "top", "right", "bottom"] as const).every((side) => Math.abs(label.box[side] - box[side]) < 2),
          );
          expect(at, `${cellClass} at ${box.left}, ${box.top}`).toBeGreaterThanOrEqual(0);
          free.splice(at, 1);
        }
        expect(free.length).toBeLessThanOrEqual(truth.length - whole.length);
        for (const { box: cut } of free)
          expect(cut.left <= 2 || cut.top <= 2 || cut.right >= 398 || cut.bottom >= 298).toBe(true);
      }),
      { numRuns: 12 },
    );
    expect(leukocyteClasses.filter((cellClass) => seen.has(cellClass)).length).toBeGreaterThan(3);
  });

  it("agree where they overlap: outlines and edges", () => {
    fc.assert(
      fc.property(places, fc.integer({ min: -150, max: 150 }), fc.integer({ min: -150, max: 150 }), (at, dx, dy) => {
        const size = { width: 200, height: 200 };
        const here = masks.maskOf({ ...at, ...size });
        const there = masks.maskOf({ leftPx: at.leftPx + dx, topPx: at.topPx + dy, ...size });
        let differing = 0;
        for (let y = Math.max(0, dy); y < Math.min(200, 200 + dy); y++) {
          for (let x = Math.max(0, dx); x < Math.min(200, 200 + dx); x++) {
            if (here.gradient[y * 200 + x] !== there.gradient[(y - dy) * 200 + x - dx]) differing++;
          }
        }
        expect(differing).toBe(0);
      }),
      { numRuns: 8 },
    );
  });

  it("are of one of the painter's stains, the same for the same slide, and none that is odd", () => {
    const odd = { red: 10, green: 200, blue: 10 };
    const stains = [
      stain,
      { background: odd, redCells: odd, nuclei: odd },
      stain,
      { ...stain, nuclei: stain.redCells },
    ];
    for (let seed = 0; seed < 30; seed++) {
      const chosen = slideStain(stains, seed);
      expect(stains).toContain(chosen);
      expect(slideStain(stains, seed)).toBe(chosen);
    }
    expect(slideStain(stains, 1).background).not.toEqual(odd);
  });
});

describe("a painted field", () => {
  it("is the same, byte for byte, twice and in any order of visits, and another for another seed", async () => {
    const places = [
      [2016, 1512],
      [2045, 1512],
      [2045, 1534],
      [2010, 1540],
    ] as const;
    await using first = await openSlide();
    const expected: Buffer[] = [];
    for (const [x, y] of places) expected.push(await first.look(x, y, 4));
    for (const order of [
      [3, 1, 0, 2],
      [2, 0, 1, 3],
    ]) {
      await using other = await openSlide();
      for (const index of order) {
        const [x, y] = places[index]!;
        expect((await other.look(x, y, 4)).equals(expected[index]!)).toBe(true);
      }
    }
    expect((await first.look(2016, 1512, 4)).equals(expected[0]!)).toBe(true);
    expect((await first.look(2016, 1512, 5)).equals(expected[0]!)).toBe(false);
    await using another = await openSlide({ seed: 4 });
    expect((await another.look(2016, 1512, 4)).equals(expected[0]!)).toBe(false);
  });

  it("agrees with overlapping fields wherever they lie, before noise and vignetting", async () => {
    await using slide = await openSlide({ noiseLevels: 0, vignetting: 0 });
    const { fieldWidthPx: width, fieldHeightPx: height, umPerPixel } = geometry;
    const base = await slide.look(2100, 1600);
    for (const [dx, dy] of [
      [63, 17],
      [-120, 95],
      [5, -101],
    ] as const) {
      const other = await slide.look(2100 + dx * umPerPixel, 1600 + dy * umPerPixel);
      let differing = 0;
      for (let row = Math.max(0, dy); row < Math.min(height, height + dy); row++) {
        for (let k = 3 * Math.max(0, dx); k < 3 * Math.min(width, width + dx); k++) {
          if (base[3 * row * width + k] !== other[3 * ((row - dy) * width - dx) + k]) differing++;
        }
      }
      expect(differing).toBe(0);
    }
  });

  it("has no seams: a tile is what it would be in a painting of the whole neighbourhood", async () => {
    const slide = createSlide({ seed: 3 });
    await using painter = await openPainter(directory, { threads: 1 });
    const { outlines } = painter.sources;
    const masks = new SlideMasks(slide, { outlines, stain, redCellPx: 1.25 * painter.redCellPx });
    const paint = async (left: number, top: number, width: number, height: number): Promise<Picture> =>
      painter.paint(
        masks.maskOf({ leftPx: 1.25 * left, topPx: 1.25 * top, width: 1.25 * width, height: 1.25 * height }),
      );
    const { contextPx } = painter;
    const whole = await paint(8000, 6000, 448, 256);
    const tile = { width: 128, height: 96 };
    for (const [left, top] of [
      [64, 64],
      [192, 64],
      [192, 112],
    ] as const) {
      const part = await paint(
        8000 + left - contextPx,
        6000 + top - contextPx,
        tile.width + 2 * contextPx,
        tile.height + 2 * contextPx,
      );
      let farthest = 0;
      for (let y = 0; y < tile.height; y++) {
        for (let k = 0; k < 3 * tile.width; k++) {
          const here = part.pixels[3 * ((y + contextPx) * part.width + contextPx) + k]!;
          const there = whole.pixels[3 * ((y + top) * whole.width + left) + k]!;
          farthest = Math.max(farthest, Math.abs(here - there));
        }
      }
      // Roundings of the last digit of a float may fall to either side of a half.
      expect(farthest).toBeLessThanOrEqual(1);
    }
  });

  it("leaves the rest when it is no longer wanted, and cannot be shown unprepared", async () => {
    await using slide = await openSlide();
    const rect = { leftPx: 12_500, topPx: 9_375, width: 800, height: 600 };
    let asked = 0;
    await slide.painter.prepare(rect, () => ++asked <= 2);
    expect(slide.painter.kept.tiles).toBe(2);
    expect(() => slide.painter.paint(rect)).toThrow(RangeError);
    expect(slide.painter.slowestMs).toBeGreaterThan(0);
  });
});

describe("the painter on loan", () => {
  it("is closed when it rests, opened again for more, and must be the same then", async () => {
    let opened = 0;
    let name = directory;
    const open = () => {
      opened++;
      return openPainter(name, { threads: 1 });
    };
    await using loan = new PainterLoan(open, 1);
    expect(await loan.use(async ({ method }) => method)).toBe("mcgan");
    await expect.poll(() => loan.isOpen).toBe(false);
    expect(await loan.use(async ({ redCellPx }) => redCellPx)).toBe(32);
    expect(opened).toBe(2);
    await expect.poll(() => loan.isOpen).toBe(false);
    name = await mkdtemp(join(tmpdir(), "painted-slide-other-"));
    try {
      await writeUntrainedPainter(name, "pix2pix");
      await expect(loan.use(async () => 1)).resolves.toBe(1);
      await rm(join(name, "model.onnx"));
      await expect.poll(() => loan.isOpen).toBe(false);
      await expect(loan.use(async () => 1)).rejects.toMatchObject({ code: "MODEL_INVALID" });
    } finally {
      await rm(name, { recursive: true });
    }
  });
});
