import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { comparerOf, LookAlikeIndex, looksOf } from "../../src/labels/lookAlikes.js";
import {
  likeness,
  normaliseThumbnail,
  orientationsOf,
  signatureOf,
  thumbnailOf,
  thumbnailSide,
  turnThumbnail,
} from "../../src/labels/thumbnail.js";
import { smear } from "./smear.js";

const pixels = thumbnailSide * thumbnailSide;
const thumbnails = fc
  .uint8Array({ minLength: pixels, maxLength: pixels })
  .map((bytes) => normaliseThumbnail(Int8Array.from(bytes)));
const orientations = fc.integer({ min: 0, max: 7 });

const distance = (a: Float32Array, b: Float32Array): number =>
  Math.sqrt(a.reduce((sum, value, index) => sum + (value - b[index]!) ** 2, 0));

describe("signatures", () => {
  it("are the same in all eight orientations", () => {
    fc.assert(
      fc.property(thumbnails, orientations, (thumbnail, orientation) => {
        const turned = signatureOf(turnThumbnail(thumbnail, orientation));
        expect(distance(turned, signatureOf(thumbnail))).toBeLessThan(1e-5);
      }),
    );
  });

  it("are never farther apart than the thumbnails, so that no look-alike is missed", () => {
    fc.assert(
      fc.property(thumbnails, thumbnails, fc.double({ min: 0, max: 1, noNaN: true }), (a, b, share) => {
        const near = a.map((value, index) => value + share * (b[index]! - value));
        expect(distance(signatureOf(a), signatureOf(near))).toBeLessThanOrEqual(distance(a, near) + 1e-5);
      }),
    );
  });

  it("find every picture again in an index, at any orientation", () => {
    const index = new LookAlikeIndex();
    const looks = Array.from({ length: 600 }, (_, seed) =>
      looksOf(thumbnailOf(smear(seed, { width: 80, height: 60 }))),
    );
    looks.forEach(({ signature }, id) => {
      index.add(id, signature);
    });
    expect(index.size).toBe(600);
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 599 }), orientations, (id, orientation) => {
        const thumbnail = turnThumbnail(looks[id]!.thumbnail, orientation);
        const asked = { thumbnail, signature: signatureOf(thumbnail) };
        const isAlike = comparerOf(asked);
        const found = index.candidates(asked.signature).filter((other) => isAlike(looks[other]!.thumbnail));
        expect(found).toEqual([id]);
      }),
    );
  });
});

describe("thumbnails", () => {
  it("of one picture at two sizes are alike, of two pictures not", () => {
    const [large, small] = [smear(3, { width: 960, height: 720 }), smear(3, { width: 320, height: 240 })];
    const [a, b] = [large, small].map((picture) => normaliseThumbnail(thumbnailOf(picture)));
    expect(likeness(orientationsOf(a!), b!)).toBeGreaterThan(0.99);
    expect(likeness(orientationsOf(a!), normaliseThumbnail(thumbnailOf(smear(4))))).toBeLessThan(0.9);
  });

  it("of a picture of one colour are like nothing", () => {
    const flat = thumbnailOf({ width: 30, height: 20, pixels: new Uint8Array(1800).fill(9) });
    expect(comparerOf(looksOf(flat))(looksOf(flat).thumbnail)).toBe(false);
  });
});
