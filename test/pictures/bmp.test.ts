import { spawnSync } from "node:child_process";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { CytoError } from "../../src/core/index.js";
import { decodeBmp } from "../../src/pictures/index.js";
import { type BmpSpec, writeBmp } from "./bmpFiles.js";

const size = { width: fc.integer({ min: 1, max: 19 }), height: fc.integer({ min: 1, max: 9 }) };
const headerBytes = fc.constantFrom(40, 52, 56, 108, 124);
const colour = fc.tuple(fc.nat(255), fc.nat(255), fc.nat(255));

const withValues = <T extends { width: number; height: number }>(base: fc.Arbitrary<T>, max: (spec: T) => number) =>
  base.chain((spec) =>
    fc
      .array(fc.nat(max(spec)), { minLength: spec.width * spec.height, maxLength: spec.width * spec.height })
      .map((values) => ({ ...spec, values })),
  );

const indexed: fc.Arbitrary<BmpSpec> = withValues(
  fc.constantFrom(1 as const, 4 as const, 8 as const).chain((bitsPerPixel) =>
    fc.record({
      ...size,
      bitsPerPixel: fc.constant(bitsPerPixel),
      topDown: fc.boolean(),
      headerBytes: fc.constantFrom(40, 108, 124),
      palette: fc.array(colour, { minLength: 1, maxLength: 2 ** bitsPerPixel }),
    }),
  ),
  ({ palette }) => palette.length - 1,
);

const trueColour: fc.Arbitrary<BmpSpec> = withValues(
  fc.record({ ...size, bitsPerPixel: fc.constant(24 as const), topDown: fc.boolean(), headerBytes }),
  () => 0xffffff,
);

const codeOf = (decode: () => unknown): string => {
  try {
    decode();
  } catch (error) {
    if (error instanceof CytoError) return error.code;
    throw error;
  }
  return "decoded";
};

describe("decodeBmp", () => {
  it("reads pictures with a palette of 1, 4 and 8 bits", () => {
    fc.assert(
      fc.property(indexed, (spec) => {
        const picture = decodeBmp(writeBmp(spec));
        expect([picture.width, picture.height]).toEqual([spec.width, spec.height]);
        expect([...picture.pixels]).toEqual(spec.values.flatMap((value) => spec.palette?.[value] ?? []));
      }),
    );
  });

  it("reads 24 bits, bottom-up and top-down, whatever the header's version", () => {
    fc.assert(
      fc.property(trueColour, (spec) => {
        const expected = spec.values.flatMap((value) => [value >>> 16, (value >>> 8) & 255, value & 255]);
        expect([...decodeBmp(writeBmp(spec)).pixels]).toEqual(expected);
      }),
    );
  });

  it("reads 16 bits as 5-5-5 without fields and by its fields with them", () => {
    const plain = writeBmp({ width: 3, height: 1, bitsPerPixel: 16, values: [0x7c00, 0x03e0, 0x001f] });
    expect([...decodeBmp(plain).pixels]).toEqual([255, 0, 0, 0, 255, 0, 0, 0, 255]);
    const masks = [0xf800, 0x07e0, 0x001f];
    const fields = { width: 2, height: 1, bitsPerPixel: 16, compression: 3, masks, values: [0xffff, 0x8410] } as const;
    expect([...decodeBmp(writeBmp(fields)).pixels]).toEqual([255, 255, 255, 132, 130, 132]);
  });

  it("reads 32 bits with fields in any order of the channels", () => {
    fc.assert(
      fc.property(
        withValues(
          fc.record({
            ...size,
            bitsPerPixel: fc.constant(32 as const),
            topDown: fc.boolean(),
            compression: fc.constant(3),
            headerBytes: fc.constantFrom(40, 52),
            masks: fc.shuffledSubarray([0xff, 0xff00, 0xff0000, 0xff000000], { minLength: 3, maxLength: 3 }),
          }),
          () => 0xffffffff,
        ),
        (spec) => {
          const expected = spec.values.flatMap((value) =>
            spec.masks.map((mask) => (value >>> (31 - Math.clz32(mask & -mask))) & 255),
          );
          expect([...decodeBmp(writeBmp(spec)).pixels]).toEqual(expected);
        },
      ),
    );
  });

  it("ignores the fourth byte of plain 32 bits, lays declared alpha over white, and takes unused alpha as opaque", () => {
    const plain = { width: 2, height: 1, bitsPerPixel: 32, values: [0x00102030, 0x80102030] } as const;
    expect([...decodeBmp(writeBmp(plain)).pixels]).toEqual([16, 32, 48, 16, 32, 48]);
    const fields = { compression: 3, headerBytes: 56, masks: [0xff0000, 0xff00, 0xff, 0xff000000] };
    const some = { ...plain, ...fields, values: [0x00102030, 0xff102030] };
    expect([...decodeBmp(writeBmp(some)).pixels]).toEqual([255, 255, 255, 16, 32, 48]);
    const none = { ...plain, ...fields, values: [0x00102030, 0x00405060] };
    expect([...decodeBmp(writeBmp(none)).pixels]).toEqual([16, 32, 48, 64, 80, 96]);
  });

  it("reads OS/2 bitmaps", () => {
    const spec = { width: 2, height: 2, bitsPerPixel: 1, core: true, values: [0, 1, 1, 0] } as const;
    const palette = [[1, 2, 3] as const, [4, 5, 6] as const];
    expect([...decodeBmp(writeBmp({ ...spec, palette })).pixels]).toEqual([1, 2, 3, 4, 5, 6, 4, 5, 6, 1, 2, 3]);
  });

  it("answers every truncation with a code", () => {
    fc.assert(
      fc.property(trueColour, fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }), (spec, share) => {
        const whole = writeBmp(spec);
        const part = whole.subarray(0, Math.floor(whole.length * share));
        expect(codeOf(() => decodeBmp(part))).toBe("IMAGE_UNREADABLE");
      }),
    );
  });

  it("answers any damage with a picture or a code, never with another exception or a huge allocation", () => {
    fc.assert(
      fc.property(
        fc.oneof(indexed, trueColour),
        fc.array(fc.tuple(fc.nat(80), fc.nat(255)), { minLength: 1, maxLength: 6 }),
        (spec, damage) => {
          const bytes = writeBmp(spec);
          for (const [at, value] of damage) if (at > 1 && at < bytes.length) bytes[at] = value;
          const outcome = codeOf(() => decodeBmp(bytes, { maxPixels: 1_000 }));
          expect(["decoded", "IMAGE_UNREADABLE", "IMAGE_TOO_LARGE"]).toContain(outcome);
        },
      ),
      { numRuns: 2_000 },
    );
  });

  it("refuses run-length encoding, fields with gaps, no area and too many pixels by code", () => {
    const base = { width: 4, height: 4, bitsPerPixel: 8, values: new Array<number>(16).fill(0) } as const;
    const palette = [[0, 0, 0] as const];
    expect(codeOf(() => decodeBmp(writeBmp({ ...base, palette, compression: 1 })))).toBe("IMAGE_UNREADABLE");
    expect(codeOf(() => decodeBmp(writeBmp({ ...base, palette }), { maxPixels: 15 }))).toBe("IMAGE_TOO_LARGE");
    expect(codeOf(() => decodeBmp(writeBmp({ ...base, width: 0, palette })))).toBe("IMAGE_UNREADABLE");
    const gaps = { ...base, bitsPerPixel: 32, compression: 3, masks: [0xf0f, 0xf0, 0xf000] } as const;
    expect(codeOf(() => decodeBmp(writeBmp(gaps)))).toBe("IMAGE_UNREADABLE");
  });
});

const hasFfmpeg = spawnSync("ffmpeg", ["-version"]).status === 0;

describe.skipIf(!hasFfmpeg)("decodeBmp beside ffmpeg (skipped where ffmpeg is not installed)", () => {
  it.each(["monob", "rgb8", "rgb444le", "rgb555le", "rgb565le", "bgr24", "bgra", "pal8", "gray"])(
    "reads what ffmpeg writes as %s, pixel for pixel",
    (format) => {
      const made = spawnSync(
        "ffmpeg",
        ["-v", "error", "-f", "lavfi", "-i", "testsrc=size=37x23", "-frames:v", "1", "-pix_fmt", format].concat([
          "-c:v",
          "bmp",
          "-f",
          "image2pipe",
          "-",
        ]),
      );
      const bmp = made.stdout;
      const back = spawnSync(
        "ffmpeg",
        ["-v", "error", "-f", "image2pipe", "-c:v", "bmp", "-i", "-", "-pix_fmt", "rgb24", "-f", "rawvideo", "-"],
        { input: bmp },
      );
      const picture = decodeBmp(bmp);
      expect([picture.width, picture.height]).toEqual([37, 23]);
      let worst = 0;
      for (const [index, value] of picture.pixels.entries()) {
        worst = Math.max(worst, Math.abs(value - (back.stdout[index] ?? -999)));
      }
      // ffmpeg widens channels of few bits by shifting, not by dividing: white stays short of 255.
      expect(worst).toBeLessThanOrEqual(format === "rgb444le" ? 15 : /rgb5/.test(format) ? 8 : 0);
    },
  );
});
