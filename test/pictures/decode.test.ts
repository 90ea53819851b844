import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { deflateSync } from "node:zlib";
import fc from "fast-check";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CytoError } from "../../src/core/index.js";
import { decodePicture, decodePreview, encodeJpeg, encodePng, type Picture } from "../../src/pictures/index.js";
import { writeBmp } from "./bmpFiles.js";

/** A smooth picture whose four corners are of different colours, so that a turn or mirror shows. */
const width = 48;
const height = 32;
const pixels = Uint8Array.from({ length: width * height * 3 }, (_, index) => {
  const at = Math.floor(index / 3);
  const x = (at % width) / width;
  const y = Math.floor(at / width) / height;
  return Math.round([255 * x, 255 * y, 255 * (1 - x)][index % 3]!);
});
const picture: Picture = { width, height, pixels };
const source = () => sharp(pixels, { raw: { width, height, channels: 3 } });

const worstDifference = (found: Picture, expected: Picture = picture): number => {
  expect([found.width, found.height]).toEqual([expected.width, expected.height]);
  return found.pixels.reduce((worst, value, index) => Math.max(worst, Math.abs(value - expected.pixels[index]!)), 0);
};

const codeOf = async (input: Uint8Array | string, maxPixels?: number): Promise<string> => {
  try {
    await decodePicture(input, maxPixels === undefined ? {} : { maxPixels });
    return "decoded";
  } catch (error) {
    if (error instanceof CytoError) return error.code;
    throw error;
  }
};

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "cytostream-pictures-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe("decodePicture", () => {
  it("gives lossless formats back exactly, in a buffer that can be transferred", async () => {
    const values = Array.from({ length: width * height }, (_, at) => {
      return (pixels[3 * at]! << 16) | (pixels[3 * at + 1]! << 8) | pixels[3 * at + 2]!;
    });
    const files = {
      png: await source().png().toBuffer(),
      tiff: await source().tiff({ compression: "lzw" }).toBuffer(),
      bmp: writeBmp({ width, height, bitsPerPixel: 24, values }),
    };
    for (const [format, bytes] of Object.entries(files)) {
      const found = await decodePicture(bytes);
      expect(found.format).toBe(format);
      expect(worstDifference(found)).toBe(0);
      expect(found.pixels.buffer.byteLength).toBe(width * height * 3);
      structuredClone(found.pixels.buffer, { transfer: [found.pixels.buffer] });
      expect(found.pixels.length).toBe(0);
    }
  });

  it("recognises a file by its content, not by its name", async () => {
    const path = join(folder, "a jpeg in truth.bmp");
    await source().jpeg({ quality: 100, chromaSubsampling: "4:4:4" }).toFile(path);
    const found = await decodePicture(path);
    expect(found.format).toBe("jpeg");
    expect(worstDifference(found)).toBeLessThan(6);
    const bmp = join(folder, "a bitmap.jpg");
    await writeFile(bmp, writeBmp({ width: 1, height: 1, bitsPerPixel: 24, values: [0x010203] }));
    expect([...(await decodePicture(bmp)).pixels]).toEqual([1, 2, 3]);
  });

  it("brings 16 bits, grey, CMYK and palette to 8-bit sRGB", async () => {
    const deep = await source().toColourspace("rgb16").png().toBuffer();
    expect((await sharp(deep).metadata()).depth).toBe("ushort");
    expect(worstDifference(await decodePicture(deep))).toBe(0);

    const greys = new Uint16Array([0, 257, 0x8080, 0xffff]);
    const grey16 = await sharp(greys, { raw: { width: 4, height: 1, channels: 1 } })
      .toColourspace("grey16")
      .png()
      .toBuffer();
    expect((await sharp(grey16).metadata()).space).toBe("grey16");
    expect([...(await decodePicture(grey16)).pixels]).toEqual([0, 0, 0, 1, 1, 1, 128, 128, 128, 255, 255, 255]);

    const grey = await source().greyscale().toColourspace("b-w").jpeg().toBuffer();
    const found = await decodePicture(grey);
    expect(found.pixels.every((value, index) => value === found.pixels[index - (index % 3)])).toBe(true);

    const cmyk = await source().toColourspace("cmyk").jpeg({ quality: 100, chromaSubsampling: "4:4:4" }).toBuffer();
    expect((await sharp(cmyk).metadata()).space).toBe("cmyk");
    const mild = await decodePicture(cmyk);
    const middle = 3 * (16 * width + 24);
    for (const channel of [0, 1, 2]) {
      // Print colours cannot show pure ones; the middle of the picture is within both gamuts.
      expect(Math.abs(mild.pixels[middle + channel]! - pixels[middle + channel]!)).toBeLessThan(16);
    }
    const palette = await decodePicture(await source().png({ palette: true }).toBuffer());
    expect(worstDifference(palette)).toBeLessThan(64);
  });

  it("applies each of the eight EXIF orientations", async () => {
    const upright = await decodePicture(await source().png().toBuffer());
    for (let orientation = 1; orientation <= 8; orientation++) {
      const turned = await sharp(await source().png().toBuffer())
        .withMetadata({ orientation })
        .tiff({ compression: "none" })
        .toBuffer();
      const found = await decodePicture(turned);
      expect([found.width, found.height]).toEqual(orientation < 5 ? [width, height] : [height, width]);
      const at = (x: number, y: number): number[] => [
        ...found.pixels.subarray(3 * (y * found.width + x), 3 * (y * found.width + x) + 3),
      ];
      const right = found.width - 1;
      const bottom = found.height - 1;
      // Where the stored picture's first pixel is to be seen (TIFF 6.0, Orientation).
      const corner = [at(0, 0), at(right, 0), at(right, bottom), at(0, bottom)];
      const seen = { 1: 0, 2: 1, 3: 2, 4: 3, 5: 0, 6: 1, 7: 2, 8: 3 }[orientation] ?? 0;
      expect(corner[seen]).toEqual([...upright.pixels.subarray(0, 3)]);
    }
  });

  it("lays alpha over white", async () => {
    const rgba = Uint8Array.from([10, 20, 30, 255, 10, 20, 30, 0]);
    const png = await sharp(rgba, { raw: { width: 2, height: 1, channels: 4 } })
      .png()
      .toBuffer();
    expect([...(await decodePicture(png)).pixels]).toEqual([10, 20, 30, 255, 255, 255]);
  });

  it("refuses what is empty, missing, a folder, of another format or of floating point", async () => {
    const empty = join(folder, "empty.png");
    await writeFile(empty, "");
    for (const input of [new Uint8Array(0), empty, folder, new TextEncoder().encode("<svg></svg>")]) {
      expect(await codeOf(input)).toBe("IMAGE_UNREADABLE");
    }
    expect(await codeOf(await source().gif().toBuffer())).toBe("IMAGE_UNREADABLE");
    expect(await codeOf(floatTiff())).toBe("IMAGE_UNREADABLE");
  });

  it("refuses a picture that is cut off, in every format", async () => {
    const files = [
      await source().jpeg().toBuffer(),
      await source().png({ compressionLevel: 0 }).toBuffer(),
      await source().tiff({ compression: "none" }).toBuffer(),
      await source().tiff({ compression: "lzw" }).toBuffer(),
    ];
    for (const whole of files) {
      for (const share of [0.02, 0.3, 0.6, 0.9]) {
        expect(await codeOf(whole.subarray(0, Math.floor(whole.length * share)))).toBe("IMAGE_UNREADABLE");
      }
    }
  });

  it("refuses a gigapixel picture before decoding it, from bytes and from a file", async () => {
    const bomb = gigapixelPng(40_000, 40_000);
    expect(await codeOf(bomb)).toBe("IMAGE_TOO_LARGE");
    const path = join(folder, "bomb.png");
    await writeFile(path, bomb);
    expect(await codeOf(path)).toBe("IMAGE_TOO_LARGE");
    expect(await codeOf(await source().png().toBuffer(), width * height - 1)).toBe("IMAGE_TOO_LARGE");
    expect(await codeOf(await source().png().toBuffer(), width * height)).toBe("decoded");
    const big = writeBmp({ width: 4, height: 4, bitsPerPixel: 24, values: new Array<number>(16).fill(0) });
    new DataView(big.buffer).setInt32(18, 1_000_000, true);
    new DataView(big.buffer).setInt32(22, 1_000_000, true);
    expect(await codeOf(big)).toBe("IMAGE_TOO_LARGE");
  });

  it("answers damaged pictures with pixels that fit or with a code", async () => {
    const files = [
      await source().jpeg().toBuffer(),
      await source().png().toBuffer(),
      await source().tiff({ compression: "lzw" }).toBuffer(),
    ];
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...files),
        fc.array(fc.tuple(fc.double({ min: 0, max: 0.999, noNaN: true }), fc.nat(255)), { minLength: 1, maxLength: 8 }),
        async (whole, damage) => {
          const bytes = Uint8Array.from(whole);
          for (const [share, value] of damage) bytes[Math.floor(share * bytes.length)] = value;
          try {
            const found = await decodePicture(bytes, { maxPixels: 1_000_000 });
            expect(found.pixels.length).toBe(found.width * found.height * 3);
          } catch (error) {
            expect(error).toBeInstanceOf(CytoError);
            expect(["IMAGE_UNREADABLE", "IMAGE_TOO_LARGE"]).toContain((error as CytoError).code);
          }
        },
      ),
      { numRuns: 300 },
    );
  });

  it("names the file in the error", async () => {
    const path = join(folder, "absent.jpg");
    await expect(decodePicture(path)).rejects.toMatchObject({ context: { path } });
  });
});

describe("encodeJpeg and encodePng", () => {
  it("write what decodePicture reads", async () => {
    expect(worstDifference(await decodePicture(await encodePng(picture)))).toBe(0);
    expect(worstDifference(await decodePicture(await encodeJpeg(picture, { quality: 95 })))).toBeLessThan(40);
  });

  it("shrink to the side asked for and never enlarge", async () => {
    const small = await decodePicture(await encodeJpeg(picture, { maxSide: 24 }));
    expect([small.width, small.height]).toEqual([24, 16]);
    const same = await decodePicture(await encodePng(picture, { maxSide: 500 }));
    expect([same.width, same.height]).toEqual([width, height]);
  });

  it("refuse pixels that do not fit the size", async () => {
    await expect(encodeJpeg({ ...picture, width: width + 1 })).rejects.toMatchObject({ code: "FRAME_INVALID" });
  });
});

/** A baseline TIFF (6.0) of 2 x 2 samples of IEEE floating point. */
function floatTiff(): Uint8Array {
  const tags: [number, number, number][] = [
    [256, 3, 2],
    [257, 3, 2],
    [258, 3, 32],
    [259, 3, 1],
    [262, 3, 1],
    [273, 4, 0],
    [277, 3, 1],
    [278, 3, 2],
    [279, 4, 16],
    [339, 3, 3],
  ];
  const dataOffset = 8 + 2 + tags.length * 12 + 4;
  const bytes = new Uint8Array(dataOffset + 16);
  const view = new DataView(bytes.buffer);
  bytes.set([0x49, 0x49, 42, 0, 8, 0, 0, 0, tags.length, 0]);
  tags.forEach(([tag, type, value], index) => {
    const at = 10 + index * 12;
    view.setUint16(at, tag, true);
    view.setUint16(at + 2, type, true);
    view.setUint32(at + 4, 1, true);
    view.setUint32(at + 8, tag === 273 ? dataOffset : value, true);
  });
  [0, 0.25, 0.5, 1].forEach((value, index) => {
    view.setFloat32(dataOffset + 4 * index, value, true);
  });
  return bytes;
}

/** A PNG whose header promises `width` x `height` grey pixels and whose data are zeros. */
function gigapixelPng(pngWidth: number, pngHeight: number): Uint8Array {
  const header = new Uint8Array(13);
  const view = new DataView(header.buffer);
  view.setUint32(0, pngWidth);
  view.setUint32(4, pngHeight);
  header[8] = 8;
  const data = deflateSync(new Uint8Array(1_000_000));
  const parts = [chunk("IHDR", header), chunk("IDAT", data), chunk("IEND", new Uint8Array(0))];
  return Buffer.concat([Uint8Array.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]), ...parts]);
}

function chunk(type: string, data: Uint8Array): Uint8Array {
  const bytes = Buffer.alloc(12 + data.length);
  bytes.writeUInt32BE(data.length, 0);
  bytes.write(type, 4, "latin1");
  bytes.set(data, 8);
  bytes.writeUInt32BE(crc32(bytes.subarray(4, 8 + data.length)), 8 + data.length);
  return bytes;
}

function crc32(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (0xedb88320 & -(crc & 1));
  }
  return (crc ^ 0xffffffff) >>> 0;
}

describe("decodePreview", () => {
  const [wide, high] = [640, 480];
  const field = sharp(pixels, { raw: { width, height, channels: 3 } }).resize(wide, high, { fit: "fill" });

  it("makes no more of a JPEG than is asked for, upright, and tells its whole size", async () => {
    const plain = await field.clone().jpeg({ quality: 95 }).toBuffer();
    const found = await decodePreview(plain, { leastPixels: 15_000 });
    expect([found.width, found.height, found.fullWidth, found.fullHeight]).toEqual([160, 120, wide, high]);
    const expected = await field.clone().resize(160, 120, { fit: "fill" }).raw().toBuffer();
    expect(worstDifference(found, { width: 160, height: 120, pixels: new Uint8Array(expected) })).toBeLessThan(12);
    const turned = await sharp(plain).withMetadata({ orientation: 6 }).toBuffer();
    const upright = await decodePreview(turned, { leastPixels: 15_000 });
    expect([upright.width, upright.height, upright.fullWidth, upright.fullHeight]).toEqual([120, 160, high, wide]);
    expect((await decodePreview(plain, { leastPixels: 1e9 })).width).toBe(wide);
  });

  it("reads other formats whole, and refuses what `decodePicture` refuses", async () => {
    const png = await decodePreview(await source().png().toBuffer(), { leastPixels: 10 });
    expect([png.width, png.fullWidth]).toEqual([width, width]);
    const jpeg = await field.clone().jpeg().toBuffer();
    const code = async (bytes: Uint8Array, maxPixels?: number): Promise<string> =>
      decodePreview(bytes, { leastPixels: 10, ...(maxPixels === undefined ? {} : { maxPixels }) }).then(
        () => "decoded",
        (error: unknown) => CytoError.from(error).code,
      );
    for (const share of [0.02, 0.3, 0.7, 0.95])
      expect(await code(jpeg.subarray(0, Math.floor(share * jpeg.length)))).toBe("IMAGE_UNREADABLE");
    expect(await code(new Uint8Array(0))).toBe("IMAGE_UNREADABLE");
    expect(await code(jpeg, 1000)).toBe("IMAGE_TOO_LARGE");
  });
});
