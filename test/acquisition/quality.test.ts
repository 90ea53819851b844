import { readdir } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { type FrameQuality, QualityMeter } from "../../src/acquisition/index.js";
import { type Colour, decodePicture, type Picture } from "../../src/pictures/index.js";
import { dataSetPath } from "../dataSets.js";

const meter = new QualityMeter();

const paper: Colour = { red: 250, green: 226, blue: 200 };
const redCell: Colour = { red: 205, green: 165, blue: 168 };
const nucleus: Colour = { red: 110, green: 60, blue: 140 };

interface Disc {
  readonly x: number;
  readonly y: number;
  readonly radius: number;
  readonly colour: Colour;
}

/** Discs on paper, their edges `softness` px wide. */
function drawField(discs: readonly Disc[], { width = 320, height = 240, softness = 2 } = {}): Picture {
  const pixels = new Uint8Array(width * height * 3);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const at = 3 * (y * width + x);
      let [red, green, blue] = [paper.red, paper.green, paper.blue];
      for (const disc of discs) {
        const inside = (disc.radius - Math.hypot(x - disc.x, y - disc.y)) / softness + 0.5;
        const share = Math.min(1, Math.max(0, inside));
        red += share * (disc.colour.red - red);
        green += share * (disc.colour.green - green);
        blue += share * (disc.colour.blue - blue);
      }
      pixels.set([Math.round(red), Math.round(green), Math.round(blue)], at);
    }
  }
  return { width, height, pixels };
}

const grid = (radius: number): Disc[] =>
  Array.from({ length: 20 }, (_, index) => ({
    x: 40 + 60 * (index % 5),
    y: 35 + 55 * Math.floor(index / 5),
    radius: index === 7 ? radius + 6 : radius,
    colour: index === 7 ? nucleus : redCell,
  }));

const field = drawField(grid(20));

const dimmed = ({ width, height, pixels }: Picture, factor: number): Picture => ({
  width,
  height,
  pixels: pixels.map((value) => Math.min(255, Math.round(value * factor))),
});

async function blurred({ width, height, pixels }: Picture, sigma: number): Promise<Picture> {
  const image = sharp(pixels, { raw: { width, height, channels: 3 } }).blur(sigma);
  return { width, height, pixels: new Uint8Array(await image.raw().toBuffer()) };
}

/** Mixed with its own background colour, as a smear that took up less dye. */
const washedOut = ({ width, height, pixels }: Picture, background: Colour, share: number): Picture => {
  const channels = [background.red, background.green, background.blue];
  return { width, height, pixels: pixels.map((value, at) => Math.round(value + share * (channels[at % 3]! - value))) };
};

const distance = (a: Colour, b: Colour | undefined): number =>
  b === undefined ? 999 : Math.max(Math.abs(a.red - b.red), Math.abs(a.green - b.green), Math.abs(a.blue - b.blue));

function expectSound(quality: FrameQuality): void {
  for (const score of [quality.focus, quality.light, quality.stain, quality.edgeShare]) {
    expect(score).toBeGreaterThanOrEqual(0);
    expect(score).toBeLessThanOrEqual(1);
  }
}

describe("QualityMeter on drawn fields", () => {
  it("finds the colours of background, red cells and nuclei", () => {
    const { stainMeasure } = meter.measure(field);
    expect(distance(paper, stainMeasure.background)).toBeLessThanOrEqual(1);
    expect(distance(redCell, stainMeasure.redCells)).toBeLessThanOrEqual(3);
    expect(distance(nucleus, stainMeasure.nuclei)).toBeLessThanOrEqual(3);
  });

  it("names no cells on an empty field, and has no focus there", () => {
    const quality = meter.measure(drawField([]));
    expect(quality).toMatchObject({ focus: 0, stain: 0, edgeShare: 0 });
    expect(quality.stainMeasure.redCells).toBeUndefined();
    expect(quality.light).toBe(1);
  });

  it("scores half for edges about six pixels wide, and less the wider they are", () => {
    const scores = [2, 6, 10, 20].map((softness) => meter.measure(drawField(grid(20), { softness })).focus);
    expect(scores).toEqual([...scores].sort((a, b) => b - a));
    expect(scores[1]).toBeGreaterThan(0.4);
    expect(scores[1]).toBeLessThan(0.6);
  });

  it("lowers focus with blur, at any strength", async () => {
    await fc.assert(
      fc.asyncProperty(fc.double({ min: 1.5, max: 8, noNaN: true }), async (sigma) => {
        const once = meter.measure(await blurred(field, sigma)).focus;
        const more = meter.measure(await blurred(field, sigma * 1.5)).focus;
        expect(once).toBeLessThan(meter.measure(field).focus);
        expect(more).toBeLessThan(once);
      }),
      { numRuns: 20 },
    );
  });

  it("keeps focus and stain nearly as they are when the light changes, and lowers light when it falls", () => {
    const reference = meter.measure(field);
    fc.assert(
      fc.property(fc.double({ min: 0.35, max: 1, noNaN: true }), (factor) => {
        const quality = meter.measure(dimmed(field, factor));
        expect(Math.abs(quality.focus - reference.focus)).toBeLessThan(0.05);
        expect(Math.abs(quality.stain - reference.stain)).toBeLessThan(0.1);
        expect(quality.light).toBeLessThanOrEqual(reference.light);
        expect(meter.measure(dimmed(field, factor * 0.7)).light).toBeLessThanOrEqual(quality.light);
      }),
      { numRuns: 20 },
    );
    expect(meter.measure(dimmed(field, 0.2)).light).toBeLessThan(0.4);
    expect(meter.measure(dimmed(field, 0)).light).toBe(0);
    expect(meter.measure(dimmed(field, 3)).light).toBeLessThan(0.5);
  });

  it("lowers stain when the dye is washed out, to nothing in grey", () => {
    const scores = [0, 0.3, 0.5].map((share) => meter.measure(washedOut(field, paper, share)).stain);
    expect(scores).toEqual([...scores].sort((a, b) => b - a));
    const grey = { ...field, pixels: field.pixels.map((_, at) => field.pixels[at - (at % 3) + 1]!) };
    expect(meter.measure(grey).stain).toBeLessThan(0.01);
  });

  it("measures any pixels of any size without fault, and the same each time", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 40 }),
        fc.integer({ min: 1, max: 40 }),
        fc.infiniteStream(fc.nat(255)),
        (width, height, values) => {
          const pixels = Uint8Array.from({ length: width * height * 3 }, () => values.next().value ?? 0);
          const quality = meter.measure({ width, height, pixels });
          expectSound(quality);
          expect(meter.measure({ width, height, pixels })).toEqual(quality);
          expect(new QualityMeter().measure({ width, height, pixels })).toEqual(quality);
        },
      ),
    );
  });
});

const smears = dataSetPath("txl-pbc");

describe.skipIf(smears === undefined)("QualityMeter on real smears (skipped without the data set txl-pbc)", () => {
  it("lowers focus with blur and light with dimming, on every one of 40 fields", async () => {
    const folder = join(smears ?? "", "images", "val");
    const names = (await readdir(folder))
      .sort()
      .filter((_, index) => index % 6 === 0)
      .slice(0, 40);
    for (const name of names) {
      const picture = await decodePicture(join(folder, name));
      const sharpOne = meter.measure(picture);
      expectSound(sharpOne);
      expect(sharpOne.focus).toBeGreaterThan(0.2);
      expect(sharpOne.stain).toBeGreaterThan(0.1);
      const soft = meter.measure(await blurred(picture, 2)).focus;
      expect(soft).toBeLessThan(sharpOne.focus);
      expect(meter.measure(await blurred(picture, 4)).focus).toBeLessThan(soft);
      expect(meter.measure(dimmed(picture, 0.4)).light).toBeLessThan(sharpOne.light);
      const { stainMeasure } = sharpOne;
      expect(stainMeasure.redCells?.green ?? 0).toBeLessThan(stainMeasure.background.green);
    }
  });
});
