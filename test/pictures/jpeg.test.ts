import fc from "fast-check";
import sharp, { type JpegOptions } from "sharp";
import { describe, expect, it } from "vitest";
import { readJpegSize } from "../../src/pictures/index.js";
import { isWholeJpeg } from "../../src/pictures/jpeg.js";

const smear = (options: JpegOptions, orientation = 1): Promise<Buffer> => {
  const [width, height] = [61, 43];
  const pixels = Uint8Array.from({ length: width * height * 3 }, (_, at) => (at * 7919 + (at % 13) * 31) % 256);
  return sharp(pixels, { raw: { width, height, channels: 3 } })
    .withMetadata({ orientation })
    .jpeg(options)
    .toBuffer();
};

/** A thumbnail within a segment has an end of its own. */
const withThumbnail = async (jpeg: Buffer): Promise<Buffer> => {
  const thumbnail = await smear({ quality: 20 });
  const length = Buffer.alloc(2);
  length.writeUInt16BE(thumbnail.length + 2);
  return Buffer.concat([jpeg.subarray(0, 2), Buffer.from([0xff, 0xed]), length, thumbnail, jpeg.subarray(2)]);
};

describe("a JPEG's end", async () => {
  const pictures = [
    await smear({ quality: 90 }),
    await smear({ quality: 90, progressive: true }),
    await smear({ quality: 100, chromaSubsampling: "4:4:4" }),
    await withThumbnail(await smear({ quality: 60 })),
  ];
  const whole = fc.constantFrom(...pictures);

  it("is found wherever it is cut, and whatever comes after", () => {
    fc.assert(
      fc.property(whole, fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }), (jpeg, share) => {
        expect(isWholeJpeg(jpeg.subarray(0, Math.max(2, Math.floor(share * jpeg.length))))).toBe(false);
      }),
      { numRuns: 500 },
    );
    fc.assert(
      fc.property(whole, fc.uint8Array({ maxLength: 40 }), (jpeg, more) => {
        expect(isWholeJpeg(Buffer.concat([jpeg, more]))).toBe(true);
      }),
    );
  });

  it("is looked for in any bytes without harm", () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => typeof isWholeJpeg(bytes) === "boolean"));
    fc.assert(
      fc.property(whole, fc.nat(), fc.integer({ min: 0, max: 255 }), (jpeg, at, value) => {
        const spoilt = Uint8Array.from(jpeg);
        spoilt[2 + (at % (jpeg.length - 2))] = value;
        return typeof isWholeJpeg(spoilt) === "boolean";
      }),
    );
  });

  it("goes with its upright size, or a code", async () => {
    expect(await readJpegSize(pictures[0]!)).toEqual({ width: 61, height: 43 });
    expect(await readJpegSize(await smear({ quality: 50 }, 6))).toEqual({ width: 43, height: 61 });
    await expect(readJpegSize(pictures[0]!.subarray(0, -1))).rejects.toMatchObject({ code: "IMAGE_UNREADABLE" });
    await expect(readJpegSize(pictures[0]!, { maxPixels: 100 })).rejects.toMatchObject({ code: "IMAGE_TOO_LARGE" });
  });
});
