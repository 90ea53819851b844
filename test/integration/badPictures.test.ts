import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { crc32, deflateSync } from "node:zlib";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import type { CellsMessage } from "../../src/publication/index.js";
import { startDaemonProcess } from "./program.js";
import { countsByClass, countsWhere, statusWhere, subscribe } from "./streamClient.js";
import { openToySetting, type ToySetting, toyCells, toyField, toyPicture } from "./toySetting.js";

// Daemons are started from source where nothing is built, and compiled on the way: slow on a busy machine.
vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 });

let toy: ToySetting;
let source = "";

const still = (index: number) =>
  sharp(toyPicture(index), { raw: { width: toyField.width, height: toyField.height, channels: 3 } });

const chunk = (type: string, data: Uint8Array): Buffer => {
  const bytes = Buffer.alloc(12 + data.length);
  bytes.writeUInt32BE(data.length, 0);
  bytes.write(type, 4, "latin1");
  bytes.set(data, 8);
  bytes.writeUInt32BE(crc32(bytes.subarray(4, 8 + data.length)), 8 + data.length);
  return bytes;
};

/** A PNG of a few kB whose header promises 1.6 thousand million pixels. */
const gigapixelPng = (): Uint8Array => {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(40_000, 0);
  header.writeUInt32BE(40_000, 4);
  header[8] = 8;
  const signature = Uint8Array.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  const parts = [
    chunk("IHDR", header),
    chunk("IDAT", deflateSync(new Uint8Array(1e6))),
    chunk("IEND", header.subarray(13)),
  ];
  return Buffer.concat([signature, ...parts]);
};

/** By name, a picture that can be read, and how many red cells of the toy's colours it has. */
const readable: readonly (readonly [name: string, bytes: () => Promise<Uint8Array>, cells: number])[] = [
  ["00-good.png", () => still(0).png().toBuffer(), toyCells],
  ["10-sixteen-bits.png", () => still(1).toColourspace("rgb16").png().toBuffer(), toyCells],
  ["11-sixteen-bits.tif", () => still(2).toColourspace("rgb16").tiff({ compression: "lzw" }).toBuffer(), toyCells],
  ["12-grey.jpg", () => still(3).greyscale().toColourspace("b-w").jpeg().toBuffer(), 0],
  ["13-cmyk.jpg", () => still(4).toColourspace("cmyk").jpeg({ quality: 95 }).toBuffer(), toyCells],
  ["14-turned.jpg", () => still(5).withMetadata({ orientation: 6 }).jpeg({ quality: 95 }).toBuffer(), toyCells],
  ["15-a-jpeg-in-truth.png", () => still(6).jpeg({ quality: 95 }).toBuffer(), toyCells],
  ["16-with-alpha.png", () => still(7).ensureAlpha().png().toBuffer(), toyCells],
  ["90-good.png", () => still(8).png().toBuffer(), toyCells],
];

/** By name, what cannot be read, and the code for it. */
const unreadable: readonly (readonly [name: string, bytes: () => Promise<Uint8Array>, code: string])[] = [
  ["01-truncated.jpg", async () => (await still(1).jpeg().toBuffer()).subarray(0, 4000), "IMAGE_UNREADABLE"],
  ["02-truncated.png", async () => (await still(1).png().toBuffer()).subarray(0, 900), "IMAGE_UNREADABLE"],
  ["03-empty.jpg", async () => new Uint8Array(0), "IMAGE_UNREADABLE"],
  ["04-no-picture.jpg", async () => new TextEncoder().encode("a note, not a picture\n"), "IMAGE_UNREADABLE"],
  ["05-gigapixel.png", async () => gigapixelPng(), "IMAGE_TOO_LARGE"],
];

beforeAll(async () => {
  toy = await openToySetting();
  source = await toy.smears("mixed", 0);
  for (const [name, bytes] of [...readable, ...unreadable]) await writeFile(join(source, name), await bytes());
});
afterAll(() => toy.remove());

describe("a folder with good and bad pictures", () => {
  it("counts the good ones, counts and names the bad ones, and goes on to the end", async () => {
    await using daemon = await startDaemonProcess([
      ...toy.settings,
      ...["camera.name=folder", `camera.source=${source}`, "log.limitIntervalMs=0"],
    ]);
    const [watch, client] = await Promise.all([subscribe(daemon, "status"), subscribe(daemon, "counts")]);
    const ended = await statusWhere(watch, ({ camera }) => camera.state === "ended");
    expect(ended.drops).toEqual({ IMAGE_UNREADABLE: 4, IMAGE_TOO_LARGE: 1 });
    const counts = await countsWhere(client, ({ fields }) => fields.counted + fields.unplaced === readable.length);
    expect(counts.fields.repeated).toBe(0);
    const expected = readable.reduce((sum, [, , cells]) => sum + cells, 0);
    expect(countsByClass(counts)).toEqual({ erythrocyte: expected });
    expect(await daemon.metric("cytostream_frames_produced_total")).toBe(readable.length + unreadable.length);
    expect(await daemon.metric("cytostream_frames_processed_total")).toBe(readable.length);
    for (const [name, , code] of unreadable) {
      const line = await daemon.until("frame.rejected", ({ error }) => JSON.stringify(error).includes(name));
      expect(line.error).toMatchObject({ code });
    }
  });

  it("shows a picture that its EXIF turns upright", async () => {
    await using daemon = await startDaemonProcess([
      ...toy.settings,
      ...["camera.name=folder", `camera.source=${join(source, "14-turned.jpg")}`],
    ]);
    const cells: CellsMessage = await (await subscribe(daemon, "cells")).next("cells");
    expect(cells.field).toMatchObject({ width: toyField.height, height: toyField.width });
  });

  it("fails with a code where none of them can be read", async () => {
    await using daemon = await startDaemonProcess([
      ...toy.settings,
      ...["camera.name=folder", `camera.source=${source}/0[1-5]*`],
    ]);
    expect(await daemon.exited).toEqual([65, null]);
    expect(daemon.text).toMatch(/^IMAGE_UNREADABLE: None of the 5 pictures .*\n {2}\S/m);
  });
});
