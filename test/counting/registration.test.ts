import { readdirSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { createRandom } from "../../src/core/index.js";
import { luminanceThumbnail, preparePicture, shiftCandidates } from "../../src/counting/index.js";
import { dataSetPath } from "../dataSets.js";
import { paintThumbnail, throwCells } from "./slideModel.js";

const optics = { umPerPixel: 0.23, widthPx: 640, heightPx: 480 };
const umPerThumbnailPx = (optics.widthPx * optics.umPerPixel) / 128;
const slide = throwCells(2, { left: -200, top: -200, right: 1200, bottom: 900 }, { perMm2: 8000, leastGapUm: 5 });
const options = { minOverlap: 0.08, wanted: 4 };

describe("registration of pictures", () => {
  it("finds displacements to a fraction of a pixel, whatever light and dirt do", () => {
    const random = createRandom(3);
    for (let n = 0; n < 40; n++) {
      const centre = { x: 300 + 300 * random.next(), y: 200 + 200 * random.next() };
      const shift = { x: (random.next() - 0.5) * 130, y: (random.next() - 0.5) * 60 };
      const first = preparePicture(paintThumbnail(slide, centre, optics, random));
      const moved = { x: centre.x + shift.x, y: centre.y + shift.y };
      const [best] = shiftCandidates(first, preparePicture(paintThumbnail(slide, moved, optics, random)), options);
      expect(best!.dx * umPerThumbnailPx - shift.x).toBeCloseTo(0, 0);
      expect(Math.abs(best!.dx - shift.x / umPerThumbnailPx)).toBeLessThan(0.6);
      expect(Math.abs(best!.dy - shift.y / umPerThumbnailPx)).toBeLessThan(0.6);
      expect(best!.similarity).toBeGreaterThan(0.6);
    }
  });

  it("knows the same picture again", () => {
    const picture = preparePicture(paintThumbnail(slide, { x: 300, y: 300 }, optics, createRandom(1)));
    const [best] = shiftCandidates(picture, picture, options);
    expect(Math.hypot(best!.dx, best!.dy)).toBeLessThan(1e-9);
    expect(best!.overlap).toBe(1);
    expect(best!.similarity).toBeCloseTo(1, 9);
  });

  it("offers nothing alike for pictures of different places, and nothing at all for different sizes", () => {
    const random = createRandom(4);
    const picture = preparePicture(paintThumbnail(slide, { x: 0, y: 0 }, optics, random));
    for (let n = 0; n < 20; n++) {
      const elsewhere = { x: 300 + 700 * random.next(), y: 250 + 400 * random.next() };
      const other = preparePicture(paintThumbnail(slide, elsewhere, optics, random));
      const [best] = shiftCandidates(picture, other, { ...options, minOverlap: 0.15 });
      expect(best?.similarity ?? 0).toBeLessThan(0.72);
    }
    const small = { width: 32, height: 32, luminance: new Float32Array(1024) };
    expect(shiftCandidates(picture, preparePicture(small), options)).toEqual([]);
  });

  it("makes thumbnails by averaging, and none without pixels", () => {
    const pixels = new Uint8Array(8 * 4 * 3).fill(200);
    for (let i = 0; i < 4 * 3; i++) pixels[i] = 100;
    const thumbnail = luminanceThumbnail({ width: 8, height: 4, pixels }, 4)!;
    expect([thumbnail.width, thumbnail.height]).toEqual([4, 2]);
    expect(thumbnail.luminance[0]).toBeCloseTo(150, 4);
    expect(thumbnail.luminance[7]).toBeCloseTo(200, 4);
    expect(luminanceThumbnail({ width: 8, height: 4, pixels: new Uint8Array(0) })).toBeUndefined();
  });
});

const folder = dataSetPath("txl-pbc");

describe.skipIf(folder === undefined)("registration of real fields (needs the data set txl-pbc)", () => {
  it("finds two windows of one smear, and tells different smears apart", async () => {
    const images = join(folder!, "images", "val");
    const pictures: { data: Buffer; width: number; height: number }[] = [];
    for (const name of readdirSync(images).sort()) {
      const { data, info } = await sharp(join(images, name))
        .removeAlpha()
        .toColourspace("srgb")
        .raw()
        .toBuffer({ resolveWithObject: true });
      if (info.width >= 600 && info.height >= 400 && info.channels === 3)
        pictures.push({ data, width: info.width, height: info.height });
      if (pictures.length === 24) break;
    }
    const random = createRandom(9);
    const [width, height] = [300, 240];
    const window = ({ data, width: full }: (typeof pictures)[number], x: number, y: number) => {
      const pixels = new Uint8Array(width * height * 3);
      const gain = 1 + 0.05 * random.normal();
      for (let j = 0; j < height; j++) {
        for (let i = 0; i < width * 3; i++) {
          const value = data[((y + j) * full + x) * 3 + i]! * gain + 4 * random.normal();
          pixels[j * width * 3 + i] = Math.max(0, Math.min(255, value));
        }
      }
      return preparePicture(luminanceThumbnail({ width, height, pixels })!);
    };
    let right = 0;
    let mistaken = 0;
    pictures.forEach((picture, index) => {
      const [best] = shiftCandidates(window(picture, 20, 60), window(picture, 170, 75), options);
      const scale = 128 / width;
      if (best !== undefined && Math.hypot(best.dx / scale - 150, best.dy / scale - 15) < 2) right += 1;
      const other = pictures[(index + 1) % pictures.length]!;
      const [wrong] = shiftCandidates(window(picture, 20, 60), window(other, 170, 75), {
        ...options,
        minOverlap: 0.15,
      });
      if ((wrong?.similarity ?? 0) >= 0.72) mistaken += 1;
    });
    expect(pictures.length).toBeGreaterThan(5);
    expect(right / pictures.length).toBeGreaterThanOrEqual(0.95);
    expect(mistaken).toBe(0);
  });
});
