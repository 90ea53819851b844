import { readdir, truncate, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { mapBounded, mapFrom } from "../../src/training/datasets/files.js";
import { PictureCache } from "../../src/training/datasets/index.js";
import { temporaryFolders } from "../registry/modelFixture.js";

const temporaryFolder = temporaryFolders();
const picture = { width: 2, height: 1, pixels: Uint8Array.of(1, 2, 3, 4, 5, 6) };

describe("pictures that are kept", () => {
  it("are made once, until the file or what is made of it changes", async () => {
    const root = await temporaryFolder();
    const file = join(root, "field.png");
    await writeFile(file, "a picture");
    let made = 0;
    const make = async () => {
      made++;
      return picture;
    };
    const folder = join(root, "cache");
    const get = (how: number) => new PictureCache(folder).get(file, ["field", how], make);
    expect(await get(1)).toEqual(picture);
    expect(await get(1)).toEqual(picture);
    expect(made).toBe(1);
    await get(2);
    expect(made).toBe(2);
    await utimes(file, 1, 1);
    await get(1);
    expect(made).toBe(3);
    // What was cut short is made anew.
    for (const sub of await readdir(folder))
      for (const name of await readdir(join(folder, sub))) await truncate(join(folder, sub, name), 10);
    expect(await get(1)).toEqual(picture);
    expect(made).toBe(4);
  });

  it("need no folder that can be written", async () => {
    const root = await temporaryFolder();
    await writeFile(join(root, "cache"), "a file");
    const cache = new PictureCache(join(root, "cache"));
    expect(await cache.get(join(root, "none"), [], async () => picture)).toEqual(picture);
  });

  it("are in the order of the fields wherever the list is begun", async () => {
    const items = [0, 1, 2, 3, 4];
    const double = (some: readonly number[]) => mapBounded(some, 2, async (item) => 2 * item);
    for (const start of items) expect(await mapFrom(start, items, double)).toEqual([0, 2, 4, 6, 8]);
  });
});
