import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { blur, blurReachPx } from "../../drivers/cameras/virtual/blur.js";
import { FieldPainter } from "../../drivers/cameras/virtual/fieldPainter.js";
import { FieldRenderer } from "../../drivers/cameras/virtual/fieldRenderer.js";
import { stepsPerLevel } from "../../drivers/cameras/virtual/lightPainter.js";
import { opticsOptionsSchema, slideOptionsSchema } from "../../drivers/cameras/virtual/manifest.js";
import { blurSigmaUm } from "../../drivers/cameras/virtual/optics.js";
import { createSlide, type RegionUm, type SlideCell } from "../../drivers/cameras/virtual/slide.js";
import { isLeukocyteClass, leukocyteClasses } from "../../src/core/index.js";

const geometry = { fieldWidthPx: 320, fieldHeightPx: 240, umPerPixel: 0.16 };

const renderer = (options: { noiseLevels?: number; vignetting?: number; seed?: number } = {}): FieldRenderer => {
  const { seed = 3, ...optics } = options;
  return new FieldRenderer(slideOptionsSchema.parse({ seed }), opticsOptionsSchema.parse({ ...geometry, ...optics }));
};

/** Distance of two cells' centres over the sum of their mean radii. */
const gapBetween =
  (cell: SlideCell) =>
  (other: SlideCell): number =>
    Math.hypot(other.centreUm.x - cell.centreUm.x, other.centreUm.y - cell.centreUm.y) /
    (other.outline.meanUm + cell.outline.meanUm);

const around = ({ centreUm }: SlideCell): RegionUm => ({
  left: centreUm.x - 20,
  top: centreUm.y - 20,
  width: 40,
  height: 40,
});

const inFocus = (from: FieldRenderer, x: number, y: number) => {
  return { x, y, z: from.slide.focusZUm(x, y) };
};

describe("the population of the virtual slide", () => {
  const region: RegionUm = { left: 1000, top: 1000, width: 1600, height: 1400 };
  const slide = createSlide({ seed: 11 });
  const cells = slide.truthOfRegion(region);
  const areaMm2 = (region.width * region.height) / 1e6;
  const count = (test: (cell: SlideCell) => boolean): number => cells.filter(test).length;

  it("has the densities asked for", () => {
    // Slow crowding over the slide: the mean over 2 square mm is within 15 %.
    const red = count((cell) => cell.cellClass === "erythrocyte") / areaMm2;
    expect(red).toBeGreaterThan(0.85 * slide.options.redCellsPerMm2);
    expect(red).toBeLessThan(1.15 * slide.options.redCellsPerMm2);
    // Four standard deviations of a Poisson count, and 3 % for cells that found no room.
    for (const [expected, found] of [
      [slide.options.leukocytesPerMm2 * areaMm2, count((cell) => isLeukocyteClass(cell.cellClass))],
      [slide.options.plateletsPerMm2 * areaMm2, count((cell) => cell.cellClass === "platelet")],
    ] as const) {
      expect(Math.abs(found - expected)).toBeLessThan(4 * Math.sqrt(expected) + 0.03 * expected);
    }
  });

  it("has the leukocytes of normal blood, with a few immature ones", () => {
    const dense = createSlide({ seed: 12, leukocytesPerMm2: 500, redCellsPerMm2: 0, plateletsPerMm2: 0 });
    const leukocytes = dense.truthOfRegion(region).filter((cell) => isLeukocyteClass(cell.cellClass));
    for (const cellClass of leukocyteClasses) {
      const expected = dense.options.leukocyteMix[cellClass] * leukocytes.length;
      const found = leukocytes.filter((cell) => cell.cellClass === cellClass).length;
      expect(Math.abs(found - expected), cellClass).toBeLessThan(4.5 * Math.sqrt(expected) + 1);
      expect(found, cellClass).toBeGreaterThan(0);
    }
  });

  it("has red cells of 7.5 um on average, some of them overlapping, and leukocytes clear of each other", () => {
    const red = cells.filter((cell) => cell.redCell);
    const mean = red.reduce((sum, cell) => sum + 2 * cell.outline.meanUm, 0) / red.length;
    expect(mean).toBeGreaterThan(7.2);
    expect(mean).toBeLessThan(7.8);
    const patch = slide
      .truthOfRegion({ left: 1500, top: 1500, width: 250, height: 250 })
      .filter((cell) => cell.redCell);
    const nearest = patch.map((cell) => Math.min(...patch.filter((other) => other !== cell).map(gapBetween(cell))));
    const overlapping = nearest.filter((ratio) => ratio < 0.9).length / patch.length;
    expect(overlapping).toBeGreaterThan(0.15);
    expect(overlapping).toBeLessThan(0.6);
    const leukocytes = cells.filter((cell) => isLeukocyteClass(cell.cellClass));
    for (const cell of leukocytes.slice(0, 25)) {
      for (const other of slide.truthOfRegion(around(cell))) {
        if (other.id !== cell.id) expect(gapBetween(cell)(other)).toBeGreaterThan(0.9);
      }
    }
  });

  it("does not depend on the order in which places are looked at", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(2000), fc.nat(1500)), { minLength: 1, maxLength: 3 }), (visits) => {
        const visited = createSlide({ seed: 5, slideWidthUm: 2400, slideHeightUm: 1900 });
        for (const [left, top] of visits) visited.cellsIn({ left, top, width: 150, height: 110 });
        const fresh = createSlide({ seed: 5, slideWidthUm: 2400, slideHeightUm: 1900 });
        const place = { left: 700, top: 600, width: 200, height: 200 };
        const ofPlace = ({ id, centreUm, seed, outline }: SlideCell) => ({ id, centreUm, seed, mean: outline.meanUm });
        expect(visited.cellsIn(place).map(ofPlace)).toEqual(fresh.cellsIn(place).map(ofPlace));
      }),
      { numRuns: 4 },
    );
  });

  it("partitions: the cells of two halves are the cells of the whole, each once", () => {
    fc.assert(
      fc.property(fc.integer({ min: 10, max: 390 }), (cut) => {
        const whole = slide.truthOfRegion({ left: 500, top: 500, width: 400, height: 300 });
        const left = slide.truthOfRegion({ left: 500, top: 500, width: cut, height: 300 });
        const right = slide.truthOfRegion({ left: 500 + cut, top: 500, width: 400 - cut, height: 300 });
        const ids = [...left, ...right].map((cell) => cell.id).sort((a, b) => a - b);
        expect(ids).toEqual(whole.map((cell) => cell.id).sort((a, b) => a - b));
        expect(new Set(ids).size).toBe(ids.length);
      }),
      { numRuns: 20 },
    );
  });

  it("is bare glass beyond its edges", () => {
    expect(slide.cellsIn({ left: -900, top: -900, width: 500, height: 500 })).toEqual([]);
    expect(slide.truthInField({ x: 1e6, y: -1e6 }, geometry)).toEqual([]);
  });
});

describe("a field of the virtual slide", () => {
  it("is the same, byte for byte, for equal seeds, places and exposures, and another for others", () => {
    const first = renderer();
    const place = inFocus(first, 2000, 1500);
    const pixels = Buffer.from(first.render(place, 4).pixels);
    first.render(inFocus(first, 6000, 3000));
    expect(pixels.equals(first.render(place, 4).pixels)).toBe(true);
    expect(pixels.equals(renderer().render(place, 4).pixels)).toBe(true);
    expect(pixels.equals(renderer().render(place, 5).pixels)).toBe(false);
    expect(pixels.equals(renderer({ seed: 4 }).render(place, 4).pixels)).toBe(false);
  });

  it("agrees with overlapping fields wherever they lie, before noise and vignetting", () => {
    const camera = renderer({ noiseLevels: 0, vignetting: 0 });
    const { fieldWidthPx: width, fieldHeightPx: height, umPerPixel } = geometry;
    const base = camera.render(inFocus(camera, 3000, 2000));
    fc.assert(
      fc.property(fc.integer({ min: -300, max: 300 }), fc.integer({ min: -220, max: 220 }), (dx, dy) => {
        const x = base.positionUm.x + dx * umPerPixel;
        const y = base.positionUm.y + dy * umPerPixel;
        const other = camera.render(inFocus(camera, x, y));
        let differing = 0;
        for (let row = Math.max(0, dy); row < Math.min(height, height + dy); row++) {
          for (let column = Math.max(0, dx); column < Math.min(width, width + dx); column++) {
            for (let c = 0; c < 3; c++) {
              const here = base.pixels[3 * (row * width + column) + c];
              const there = other.pixels[3 * ((row - dy) * width + column - dx) + c];
              if (here !== there) differing++;
            }
          }
        }
        expect(differing).toBe(0);
      }),
      { numRuns: 8 },
    );
  });

  it("is painted the same in one piece and in parts: no cell is cut at any border", () => {
    const slide = createSlide({ seed: 9, leukocytesPerMm2: 600 });
    const painter = new FieldPainter(slide, 0.16);
    const whole = painter.paint({ leftPx: 5000, topPx: 4000, width: 200, height: 120 }).slice();
    const half = new FieldPainter(slide, 0.16).paint({ leftPx: 5100, topPx: 4000, width: 100, height: 120 });
    let differing = 0;
    for (let row = 0; row < 120; row++) {
      for (let k = 0; k < 300; k++) if (half[300 * row + k] !== whole[600 * row + 300 + k]) differing++;
    }
    expect(differing).toBe(0);
  });

  it("shows its truth: the boxes hold what is darker than the glass, and little is dark outside them", () => {
    const camera = renderer({ noiseLevels: 0, vignetting: 0 });
    const { fieldWidthPx: width, fieldHeightPx: height } = geometry;
    for (const [x, y] of [
      [1500, 1000],
      [4100, 3300],
      [9000, 6000],
    ] as const) {
      const field = camera.render(inFocus(camera, x, y));
      const truth = camera.slide.truthInField({ x, y }, geometry);
      expect(truth.length).toBeGreaterThan(5);
      const green = (column: number, row: number): number => field.pixels[3 * (row * width + column) + 1] ?? 0;
      const inBox = new Uint8Array(width * height);
      for (const cell of truth) {
        const { left, top, right, bottom } = cell.box;
        expect(left).toBeGreaterThanOrEqual(0);
        expect(bottom).toBeLessThanOrEqual(height);
        let darkest = 255;
        for (let row = Math.max(0, Math.floor(top) - 1); row < Math.min(height, bottom + 1); row++) {
          for (let column = Math.max(0, Math.floor(left) - 1); column < Math.min(width, right + 1); column++) {
            darkest = Math.min(darkest, green(column, row));
            inBox[row * width + column] = 1;
          }
        }
        if (right - left > 4 && bottom - top > 4) expect(darkest, cell.cellClass).toBeLessThan(205);
      }
      const outside = [...inBox.keys()].filter((pixel) => inBox[pixel] === 0);
      const dark = outside.filter((pixel) => (field.pixels[3 * pixel + 1] ?? 0) < 205);
      expect(dark.length / outside.length).toBeLessThan(0.004);
    }
  });

  it("tells cells that the border cuts, with the whole box", () => {
    const slide = createSlide({ seed: 3 });
    const truth = slide.truthInField({ x: 3000, y: 2000 }, geometry);
    for (const cell of truth) {
      const { box, wholeBox } = cell;
      const same = JSON.stringify(box) === JSON.stringify(wholeBox);
      expect(cell.cutByBorder).toBe(!same);
    }
    expect(truth.some((cell) => cell.cutByBorder)).toBe(true);
    expect(truth.some((cell) => !cell.cutByBorder)).toBe(true);
  });

  it("is darker where red cells lie upon each other", () => {
    const slide = createSlide({ seed: 3 });
    const cells = slide
      .truthOfRegion({ left: 2000, top: 2000, width: 250, height: 250 })
      .filter((cell) => cell.redCell);
    const pair = cells
      .flatMap((a) => cells.map((b) => [a, b] as const))
      .find(([a, b]) => {
        const apart = Math.hypot(a.centreUm.x - b.centreUm.x, a.centreUm.y - b.centreUm.y);
        return a !== b && apart > 3.5 && apart < 5;
      });
    expect(pair).toBeDefined();
    const [a, b] = pair!;
    const umPerPixel = 0.16;
    const middle = { x: (a.centreUm.x + b.centreUm.x) / 2, y: (a.centreUm.y + b.centreUm.y) / 2 };
    const leftPx = Math.round(middle.x / umPerPixel) - 60;
    const topPx = Math.round(middle.y / umPerPixel) - 60;
    const light = new FieldPainter(slide, umPerPixel).paint({ leftPx, topPx, width: 120, height: 120 });
    const overlap = light[3 * (60 * 120 + 60) + 1]! / stepsPerLevel;
    const glass = 225;
    const single = Math.max(a.redCell!.density, b.redCell!.density);
    expect(overlap).toBeLessThan(glass * Math.exp(-single));
  });
});

describe("the optics of the virtual slide", () => {
  const sharpness = (pixels: Uint8Array): number => {
    let sum = 0;
    for (let k = 3; k < pixels.length; k++) sum += Math.abs((pixels[k] ?? 0) - (pixels[k - 3] ?? 0));
    return sum / pixels.length;
  };

  it("blurs the more the further from focus, above and below, and the focus follows the slide", () => {
    const camera = renderer({ noiseLevels: 0 });
    const { x, y, z } = inFocus(camera, 5000, 4000);
    for (const direction of [-1, 1]) {
      const measured = [0, 0.5, 1, 2, 4, 8, 16].map((away) => {
        const field = camera.render({ x, y, z: z + direction * away });
        expect(field.defocusUm).toBeCloseTo(direction * away, 1);
        return sharpness(field.pixels);
      });
      for (let k = 1; k < measured.length; k++) expect(measured[k]).toBeLessThan(measured[k - 1]!);
    }
    expect(camera.slide.focusZUm(500, 500)).not.toBeCloseTo(camera.slide.focusZUm(11000, 7000), 1);
  });

  it("has a blur that grows with the distance and is even in it", () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 30, noNaN: true }), fc.double({ min: 0, max: 30, noNaN: true }), (a, b) => {
        expect(blurSigmaUm(-a)).toBe(blurSigmaUm(a));
        if (a < b) expect(blurSigmaUm(a)).toBeLessThanOrEqual(blurSigmaUm(b));
      }),
    );
  });

  it("keeps even light even, whatever the blur", () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 12, noNaN: true }), fc.integer({ min: 0, max: 32640 }), (sigma, level) => {
        const reach = blurReachPx(sigma);
        const size = 2 * reach + 3;
        const samples = new Uint16Array(3 * size * size).fill(level);
        blur({ width: size, height: size }, { samples, spare: new Uint16Array(samples.length) }, sigma);
        for (let row = reach; row < size - reach; row++) {
          for (let i = 3 * (row * size + reach); i < 3 * (row * size + size - reach); i++) {
            expect(Math.abs(samples[i]! - level)).toBeLessThanOrEqual(1);
          }
        }
      }),
      { numRuns: 40 },
    );
  });

  it("spreads a point by the deviation asked for", () => {
    for (const sigma of [0.5, 0.95, 1.5, 2.1, 3, 6]) {
      const size = 101;
      const samples = new Uint16Array(3 * size * size);
      // A short line of light, bright enough that rounding does not matter.
      for (let row = 0; row < size; row++) samples[3 * (row * size + 50)] = 32000;
      blur({ width: size, height: size }, { samples, spare: new Uint16Array(samples.length) }, sigma);
      let mass = 0;
      let variance = 0;
      for (let column = 20; column <= 80; column++) {
        const value = samples[3 * (50 * size + column)] ?? 0;
        mass += value;
        variance += value * (column - 50) ** 2;
      }
      expect(Math.sqrt(variance / mass) / sigma, `sigma ${sigma}`).toBeGreaterThan(0.9);
      expect(Math.sqrt(variance / mass) / sigma, `sigma ${sigma}`).toBeLessThan(1.12);
    }
  });

  it("loses light towards the corners and adds the noise asked for", () => {
    const bare = { x: -5000, y: -5000 };
    const even = renderer({ noiseLevels: 0, vignetting: 0.2 });
    const field = even.render(inFocus(even, bare.x, bare.y));
    const { fieldWidthPx: width, fieldHeightPx: height } = geometry;
    const middle = field.pixels[3 * ((height / 2) * width + width / 2) + 1] ?? 0;
    expect((field.pixels[1] ?? 0) / middle).toBeCloseTo(0.8, 1);
    const noisy = renderer({ noiseLevels: 3, vignetting: 0 });
    const values = [...noisy.render(inFocus(noisy, bare.x, bare.y)).pixels].filter((_, k) => k % 3 === 1);
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    const deviation = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length);
    expect(deviation).toBeGreaterThan(2.6);
    expect(deviation).toBeLessThan(3.4);
  });
});
