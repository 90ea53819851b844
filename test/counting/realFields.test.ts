import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { type CellClass, createRandom } from "../../src/core/index.js";
import { type CountedField, type Counter, createCounter, luminanceThumbnail } from "../../src/counting/index.js";
import { dataSetPath } from "../dataSets.js";
import { lookAt, type ModelSlide } from "./slideModel.js";

const folder = dataSetPath("txl-pbc");
const yoloClasses: readonly CellClass[] = ["leukocyte", "erythrocyte", "platelet"];

interface Smear {
  readonly slide: ModelSlide;
  readonly pixels: Buffer;
  readonly width: number;
  readonly height: number;
}

/** A labelled field as a slide of its own, with pixels for um. */
const readSmear = async (images: string, labels: string, name: string): Promise<Smear> => {
  const { data, info } = await sharp(join(images, name))
    .removeAlpha()
    .toColourspace("srgb")
    .raw()
    .toBuffer({ resolveWithObject: true });
  const lines = readFileSync(join(labels, name.replace(/\.[a-z]+$/i, ".txt")), "utf8")
    .trim()
    .split("\n");
  const cells = lines.map((line) => {
    const [kind, x, y, width, height] = line.trim().split(/\s+/).map(Number) as [
      number,
      number,
      number,
      number,
      number,
    ];
    const box = {
      left: (x - width / 2) * info.width,
      top: (y - height / 2) * info.height,
      right: (x + width / 2) * info.width,
      bottom: (y + height / 2) * info.height,
    };
    return { cellClass: yoloClasses[kind]!, box };
  });
  return { slide: { cells }, pixels: data, width: info.width, height: info.height };
};

const window = [360, 280] as const;
const umPerPixel = 0.2;

/** What a camera without a stage gives of a part of a smear: its cells, and its picture with noise of its own. */
const fieldAt = (smear: Smear, left: number, top: number, random: ReturnType<typeof createRandom>): CountedField => {
  const [widthPx, heightPx] = window;
  const centre = { x: left + widthPx / 2, y: top + heightPx / 2 };
  const seen = lookAt(smear.slide, centre, { sequence: 0, umPerPixel: 1, widthPx, heightPx });
  const pixels = new Uint8Array(widthPx * heightPx * 3);
  const gain = 1 + 0.03 * random.normal();
  for (let y = 0; y < heightPx; y++) {
    for (let x = 0; x < widthPx * 3; x++) {
      const value = smear.pixels[((top + y) * smear.width + left) * 3 + x]! * gain + 3 * random.normal();
      pixels[y * widthPx * 3 + x] = Math.max(0, Math.min(255, value));
    }
  }
  const thumbnail = luminanceThumbnail({ width: widthPx, height: heightPx, pixels })!;
  return { ...seen, umPerPixel, thumbnail, simulated: false };
};

const totalOf = (counter: Counter): number => {
  const { erythrocyte, leukocyte, platelet } = counter.snapshot().classes;
  return erythrocyte.count + leukocyte.count + platelet.count;
};

describe.skipIf(folder === undefined)("real fields in overlapping parts (needs the data set txl-pbc)", () => {
  it("counts as many cells as in the whole, without a stage", async () => {
    const images = join(folder!, "images", "val");
    const names = readdirSync(images).sort();
    const random = createRandom(12);
    let whole = 0;
    let parts = 0;
    let areas = 0;
    let smears = 0;
    for (const name of names) {
      const smear = await readSmear(images, join(folder!, "labels", "val"), name);
      if (smear.width !== 640 || smear.height !== 480 || smear.slide.cells.length < 12) continue;
      const one = createCounter();
      const shape = { sequence: 0, umPerPixel: 1, widthPx: smear.width, heightPx: smear.height };
      one.add({ ...lookAt(smear.slide, { x: 320, y: 240 }, shape), umPerPixel });
      const many = createCounter();
      for (const [left, top] of [
        [0, 0],
        [140, 6],
        [280, 0],
        [274, 100],
        [280, 200],
        [140, 194],
        [0, 200],
      ] as const) {
        many.add(fieldAt(smear, left, top, random));
      }
      whole += totalOf(one);
      parts += totalOf(many);
      areas += many.snapshot().areas;
      smears += 1;
      if (smears === 12) break;
    }
    expect(smears).toBeGreaterThan(3);
    expect(areas / smears).toBeLessThan(1.2);
    expect(Math.abs(parts / whole - 1)).toBeLessThan(0.03);
  });
});
