import { spawnSync } from "node:child_process";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createRandom } from "../../src/core/index.js";
import type { Picture } from "../../src/pictures/index.js";
import { meanPsnr, meanSsim, psnr, ssim } from "../../src/training/metrics/index.js";
import { python, requirePython } from "../requirements.js";

type Paint = (x: number, y: number, channel: number) => number;

const paint = (width: number, height: number, valueAt: Paint): Picture => ({
  width,
  height,
  pixels: Uint8Array.from({ length: 3 * width * height }, (_, index) => {
    const pixel = Math.floor(index / 3);
    return Math.min(Math.max(Math.round(valueAt(pixel % width, Math.floor(pixel / width), index % 3)), 0), 255);
  }),
});
const plain = (value: number, side = 16) => paint(side, side, () => value);
const valueAt = ({ width, pixels }: Picture, x: number, y: number, channel: number) =>
  pixels[3 * (y * width + x) + channel]!;

/** Round bodies on a light ground, and the same under noise: what SSIM is asked about. */
const smear = (width: number, height: number): Picture =>
  paint(width, height, (x, y, channel) => {
    const inCell = Math.hypot((x % 24) - 12, (y % 20) - 9) < 7;
    return inCell ? [200, 130, 140][channel]! + x / 4 : [235, 230, 220][channel]! - y / 8;
  });
const noisy = (picture: Picture, deviation: number, seed = 3): Picture => {
  const random = createRandom(seed);
  return paint(
    picture.width,
    picture.height,
    (x, y, channel) => valueAt(picture, x, y, channel) + deviation * random.normal(),
  );
};

const pairs = fc
  .record({ width: fc.integer({ min: 11, max: 30 }), height: fc.integer({ min: 11, max: 30 }), seed: fc.nat(1e6) })
  .map(({ width, height, seed }): [Picture, Picture] => {
    const random = createRandom(seed);
    const a = paint(width, height, () => random.int(256));
    return [a, seed % 2 === 0 ? noisy(a, 20, seed) : paint(width, height, () => random.int(256))];
  });

/** Both pictures seen in a mirror, turned about the diagonal, and with their channels in another order. */
const views: readonly ((picture: Picture) => Picture)[] = [
  (p) => paint(p.width, p.height, (x, y, channel) => valueAt(p, p.width - 1 - x, y, channel)),
  (p) => paint(p.height, p.width, (x, y, channel) => valueAt(p, y, x, channel)),
  (p) => paint(p.width, p.height, (x, y, channel) => valueAt(p, x, y, 2 - channel)),
];

const measures = { psnr, ssim };

describe.each(Object.entries(measures))("%s of two pictures", (_, measure) => {
  it("is symmetric, and the same from either side and in any order of channels", () => {
    fc.assert(
      fc.property(pairs, ([a, b]) => {
        const value = measure(a, b);
        expect(measure(b, a)).toBeCloseTo(value, 12);
        for (const view of views) expect(measure(view(a), view(b))).toBeCloseTo(value, 10);
      }),
      { numRuns: 40 },
    );
  });

  it("falls as noise grows", () => {
    const field = smear(64, 48);
    const values = [2, 6, 18, 54].map((deviation) => measure(field, noisy(field, deviation)));
    expect(values).toEqual(values.toSorted((a, b) => b - a));
  });

  it("refuses pictures of different sizes, and bytes that are not those of the size", () => {
    const picture = plain(9);
    expect(() => measure(picture, plain(9, 17))).toThrow(expect.objectContaining({ code: "INTERNAL" }));
    const torn = { ...picture, pixels: picture.pixels.slice(1) };
    expect(() => measure(picture, torn)).toThrow(expect.objectContaining({ code: "INTERNAL" }));
  });
});

describe("PSNR", () => {
  it("is 10 log10(255^2 / MSE)", () => {
    expect(psnr(plain(100), plain(101))).toBeCloseTo(48.1308, 4);
    expect(psnr(plain(0), plain(255))).toBeCloseTo(0, 12);
    const oneChannel = paint(16, 16, (_x, _y, channel) => (channel === 1 ? 106 : 100));
    expect(psnr(plain(100), oneChannel)).toBeCloseTo(10 * Math.log10(255 ** 2 / 12), 10);
  });

  it("is infinite for equal pictures", () => {
    const field = smear(20, 12);
    expect(psnr(field, { ...field, pixels: field.pixels.slice() })).toBe(Number.POSITIVE_INFINITY);
  });

  it("is averaged in dB", () => {
    const apart = (difference: number) => [plain(100), plain(100 + difference)] as const;
    expect(meanPsnr([apart(1), apart(10)])).toBeCloseTo(48.1308 - 10, 4);
    expect(meanPsnr([apart(1), apart(0)])).toBe(Number.POSITIVE_INFINITY);
    expect(meanPsnr([])).toBeNull();
  });
});

describe("SSIM", () => {
  it("is the brightness term alone where there is no contrast", () => {
    const c1 = 2.55 ** 2;
    expect(ssim(plain(50), plain(200))).toBeCloseTo((2 * 50 * 200 + c1) / (50 ** 2 + 200 ** 2 + c1), 9);
    const oneChannel = paint(16, 16, (_x, _y, channel) => (channel === 2 ? 200 : 50));
    expect(ssim(plain(50), oneChannel)).toBeCloseTo((2 + ssim(plain(50), plain(200))) / 3, 9);
  });

  it("is the formula over one window where the picture is as large as that", () => {
    const random = createRandom(8);
    const a = paint(11, 11, () => random.int(256));
    const b = noisy(a, 60);
    let expected = 0;
    for (let channel = 0; channel < 3; channel++) {
      const sums = { w: 0, x: 0, y: 0, xx: 0, yy: 0, xy: 0 };
      for (let row = 0; row < 11; row++)
        for (let column = 0; column < 11; column++) {
          const w = Math.exp(-((row - 5) ** 2 + (column - 5) ** 2) / 4.5);
          const [x, y] = [valueAt(a, column, row, channel), valueAt(b, column, row, channel)];
          sums.w += w;
          sums.x += w * x;
          sums.y += w * y;
          sums.xx += w * x * x;
          sums.yy += w * y * y;
          sums.xy += w * x * y;
        }
      const [ux, uy] = [sums.x / sums.w, sums.y / sums.w];
      const covariance = sums.xy / sums.w - ux * uy;
      const variances = sums.xx / sums.w - ux * ux + sums.yy / sums.w - uy * uy;
      const brightness = (2 * ux * uy + 6.5025) / (ux * ux + uy * uy + 6.5025);
      expected += (brightness * (2 * covariance + 58.5225)) / (variances + 58.5225) / 3;
    }
    expect(ssim(a, b)).toBeCloseTo(expected, 10);
  });

  it("is 1 for equal pictures, at most 1 for others, and negative for a negative", () => {
    fc.assert(
      fc.property(pairs, ([a, b]) => {
        expect(ssim(a, a)).toBeCloseTo(1, 12);
        expect(ssim(a, b)).toBeLessThan(1);
        expect(ssim(a, b)).toBeGreaterThanOrEqual(-1);
      }),
      { numRuns: 40 },
    );
    const random = createRandom(4);
    const grey = paint(24, 24, () => random.int(256));
    expect(ssim(grey, { ...grey, pixels: grey.pixels.map((value) => 255 - value) })).toBeLessThan(-0.5);
  });

  it("is averaged over pictures", () => {
    const field = smear(32, 32);
    const other = noisy(field, 15);
    expect(
      meanSsim([
        [field, other],
        [field, field],
      ]),
    ).toBeCloseTo((ssim(field, other) + 1) / 2, 12);
    expect(meanSsim([])).toBeNull();
  });

  it("needs a picture as large as its window", () => {
    expect(() => ssim(plain(1, 10), plain(1, 10))).toThrow(expect.objectContaining({ code: "INTERNAL" }));
  });
});

describe.skipIf(!requirePython("numpy", "skimage"))("scikit-image as the oracle (needs Python's scikit-image)", () => {
  it("agrees on PSNR and SSIM", () => {
    const script = `
import json, sys
import numpy as np
from skimage.metrics import peak_signal_noise_ratio, structural_similarity
out = []
for width, height, a, b in json.load(sys.stdin):
    a, b = (np.array(p, np.uint8).reshape(height, width, 3) for p in (a, b))
    s = structural_similarity(a, b, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=255, channel_axis=2)
    out.append([float(peak_signal_noise_ratio(a, b, data_range=255)), float(s)])
print(json.dumps(out))`;
    const random = createRandom(17);
    const field = smear(70, 53);
    const dark = paint(40, 31, (x) => x / 8);
    const cases: readonly (readonly [Picture, Picture])[] = [
      [field, noisy(field, 3)],
      [field, noisy(field, 40)],
      [field, paint(70, 53, (x, y, channel) => valueAt(field, Math.max(x - 2, 0), y, channel))],
      [dark, noisy(dark, 1)],
      [paint(33, 11, () => random.int(256)), paint(33, 11, () => random.int(256))],
      [plain(255, 20), plain(3, 20)],
    ];
    const input = JSON.stringify(cases.map(([a, b]) => [a.width, a.height, [...a.pixels], [...b.pixels]]));
    const run = spawnSync(python, ["-c", script], { input, encoding: "utf8" });
    expect(run.stderr).toBe("");
    (JSON.parse(run.stdout) as [number, number][]).forEach(([decibels, similarity], index) => {
      expect(psnr(...cases[index]!)).toBeCloseTo(decibels, 8);
      expect(Math.abs(ssim(...cases[index]!) - similarity)).toBeLessThan(1e-8);
    });
  });
});
