import { copyFile, mkdir, symlink, unlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { driver } from "../../drivers/cameras/folder/driver.js";
import { expandBraces, parseGlob } from "../../drivers/cameras/folder/glob.js";
import { compareNaturally } from "../../drivers/cameras/folder/listPictures.js";
import { cameraChecks } from "../../drivers/conformance/index.js";
import type { CytoError } from "../../src/core/index.js";
import { writeBmp } from "../pictures/bmpFiles.js";
import { codeOf, temporaryFolder } from "./media.js";

let root = "";
let removeRoot = async (): Promise<void> => {};

/** A picture whose red tells which it is. */
const painted = (red: number) =>
  sharp({ create: { width: 8, height: 6, channels: 3, background: { r: red, g: 100, b: 50 } } });

const folder = (...names: string[]): string => join(root, ...names);

beforeAll(async () => {
  ({ path: root, remove: removeRoot } = await temporaryFolder());
  for (const name of ["good", "good/deeper", "mixed", "empty", "broken", "odd"]) await mkdir(folder(name));
  await painted(1).png().toFile(folder("good", "field1.png"));
  await painted(2).jpeg().toFile(folder("good", "field2.jpg"));
  await painted(10).tiff().toFile(folder("good", "field10.tif"));
  const values = new Array<number>(48).fill(0x146432);
  await writeFile(folder("good", "field20.bmp"), writeBmp({ width: 8, height: 6, bitsPerPixel: 24, values }));
  await painted(30)
    .png()
    .toFile(folder("good", "deeper", "field30.png"));
  await writeFile(folder("good", "notes.txt"), "not a picture");
  await painted(99).png().toFile(folder("good", ".hidden.png"));
  await copyFile(folder("good", "field1.png"), folder("mixed", "a.png"));
  await writeFile(folder("mixed", "b.png"), "");
  await writeFile(folder("mixed", "c.jpg"), "this is text");
  await writeFile(folder("mixed", "d.jpg"), (await painted(3).jpeg().toBuffer()).subarray(0, 200));
  await copyFile(folder("good", "field2.jpg"), folder("mixed", "e.png"));
  await symlink(folder("nowhere"), folder("mixed", "f.png"));
  await writeFile(folder("broken", "a.png"), "no");
  await painted(7).png().toFile(folder("odd", "a;b $(c) 'd'.png"));
  await painted(8).png().toFile(folder("odd", "[x].png"));
});
afterAll(() => removeRoot());

interface Run {
  readonly reds: number[];
  readonly sources: string[];
  readonly faults: CytoError[];
}

async function play(source: string | undefined, options: object = {}, most = 1000): Promise<Run> {
  const run: Run = { reds: [], sources: [], faults: [] };
  const camera = await driver.open({
    source,
    options: driver.manifest.options.parse(options),
    signal: new AbortController().signal,
    onFault: (fault) => run.faults.push(fault),
  });
  try {
    for await (const frame of camera.frames()) {
      run.reds.push(frame.pixels[0]!);
      run.sources.push(frame.source);
      if (run.reds.length >= most) break;
    }
  } finally {
    await camera[Symbol.asyncDispose]();
  }
  return run;
}

describe("folder camera", () => {
  it("plays the pictures of a folder in natural order, all formats, and ends", async () => {
    const { reds, sources, faults } = await play(folder("good"));
    expect(reds.map((red, index) => Math.abs(red - [1, 2, 10, 20][index]!) <= 2)).toEqual([true, true, true, true]);
    expect(sources.map((path) => path.slice(root.length + 6))).toEqual([
      "field1.png",
      "field2.jpg",
      "field10.tif",
      "field20.bmp",
    ]);
    expect(faults).toEqual([]);
  });

  it("looks into folders when asked to, takes globs, and takes one picture", async () => {
    expect((await play(folder("good"), { recursive: true })).sources).toHaveLength(5);
    expect((await play(`${root}/**/*.png`)).sources).toHaveLength(6);
    expect((await play(`${root}/good/field?.{png,jpg}`)).sources).toHaveLength(2);
    expect((await play(`${root}/*/field[12]*.{tif,bmp}`)).sources).toHaveLength(2);
    expect((await play(folder("good", "field10.tif"))).sources).toHaveLength(1);
    expect((await play(folder("odd"))).reds).toEqual([8, 7]);
    expect((await play(folder("odd", "[x].png"))).reds).toEqual([8]);
  });

  it("names and counts pictures that cannot be read, and goes on", async () => {
    const { sources, faults } = await play(folder("mixed"));
    expect(sources.map((path) => path.at(-5))).toEqual(["a", "e"]);
    expect(faults.map(({ code }) => code)).toEqual(new Array(4).fill("IMAGE_UNREADABLE"));
    expect(faults.map(({ context }) => String(context.path).at(-5))).toEqual(["b", "c", "d", "f"]);
  });

  it("counts pictures over the limit as such", async () => {
    const { faults } = await play(folder("good"), { maxMegapixels: 0.00004 }).catch((error: CytoError) => ({
      faults: [error],
    }));
    expect(faults[0]?.code).toBe("IMAGE_UNREADABLE");
  });

  it("begins again when asked to, with what is in the folder then", async () => {
    const place = folder("growing");
    await mkdir(place);
    await painted(1).png().toFile(join(place, "1.png"));
    await painted(2).png().toFile(join(place, "2.png"));
    const camera = await driver.open({
      source: place,
      options: driver.manifest.options.parse({ repeat: true, decodeAhead: 1 }),
      signal: new AbortController().signal,
    });
    const reds: number[] = [];
    for await (const frame of camera.frames()) {
      reds.push(frame.pixels[0]!);
      if (reds.length === 1) await painted(3).png().toFile(join(place, "3.png"));
      if (reds.length === 2) await unlink(join(place, "1.png"));
      if (reds.length === 6) break;
    }
    expect(reds).toEqual([1, 2, 2, 3, 2, 3]);
    await camera[Symbol.asyncDispose]();
  });

  it("tells its pace", async () => {
    const open = (options: object) =>
      driver.open({
        source: folder("good"),
        options: driver.manifest.options.parse(options),
        signal: new AbortController().signal,
      });
    const [free, paced] = [await open({}), await open({ framesPerSecond: 50 })];
    expect([free.pace, free.frameIntervalMs]).toEqual(["onDemand", undefined]);
    expect([paced.pace, paced.frameIntervalMs]).toEqual(["live", 20]);
    const times: number[] = [];
    for await (const _ of paced.frames()) times.push(performance.now());
    expect(times).toHaveLength(4);
    // Waits can be longer than asked for, never shorter but for the timer's resolution.
    expect(times[3]! - times[0]!).toBeGreaterThan(50);
  });

  it.each([
    ["nowhere", "CAMERA_SOURCE_NOT_FOUND"],
    ["empty", "CAMERA_SOURCE_NOT_FOUND"],
    ["good/*.xyz", "CAMERA_SOURCE_NOT_FOUND"],
    ["nowhere/*.png", "CAMERA_SOURCE_NOT_FOUND"],
    ["good/notes.txt/x", "CAMERA_SOURCE_NOT_FOUND"],
    ["broken", "IMAGE_UNREADABLE"],
    ["good/notes.txt", "IMAGE_UNREADABLE"],
  ])("answers %s with %s", async (name, code) => {
    expect(await codeOf(play(folder(name)))).toBe(code);
    expect(await codeOf(play(folder(name), { repeat: true }))).toBe(code);
  });

  it("needs a source", async () => {
    expect(await codeOf(play(undefined))).toBe("CAMERA_SOURCE_NOT_FOUND");
  });
});

describe("folder camera, conformance", () => {
  const checks = (options: object, ends: boolean) => () =>
    cameraChecks({
      driver,
      options: { ...options },
      source: folder("good"),
      frames: 4,
      ends,
      badSources: [
        { source: folder("nowhere"), codes: ["CAMERA_SOURCE_NOT_FOUND"] },
        { source: undefined, codes: ["CAMERA_SOURCE_NOT_FOUND"] },
        { source: folder("broken"), codes: ["IMAGE_UNREADABLE"] },
      ],
      deadlineMs: 30_000,
    });
  // The folder is there only when the tests run; the names of the checks do not depend on it.
  const variants = [
    { title: "as consumed", make: checks({}, true) },
    { title: "paced and repeated", make: checks({ framesPerSecond: 100, repeat: true }, false) },
  ];
  for (const { title, make } of variants) {
    for (const [index, { name }] of make().entries()) {
      it(`${title}: ${name.replace(/ \S*cytostream-drivers\S*/, "")}`, () => make()[index]!.run());
    }
  }
});

describe("globs", () => {
  it.each([
    ["a/*.png", "a/b.png", true],
    ["a/*.png", "a/.b.png", false],
    ["a/*.png", "a/b/c.png", false],
    ["a/**/*.png", "a/c.png", true],
    ["a/**/*.png", "a/b/c/d.png", true],
    ["a/**/*.png", "a/.b/c.png", false],
    ["a/[!b]?.png", "a/cd.png", true],
    ["a/[!b]?.png", "a/bd.png", false],
    ["a/x{1,2{3,4}}.png", "a/x24.png", true],
    ["a/x{1,2{3,4}}.png", "a/x2.png", false],
    ["a/b+(c).png", "a/b+(c).png", true],
    ["a/b-c?.png", "a/b-cd.png", true],
    ["a/[c-a].png", "a/b.png", false],
    ["a/[a-c]-[\\].png", "a/b-\\.png", true],
    ["a/[b.png", "a/[b.png", true],
    ["a/{b.png", "a/{b.png", true],
    ["/a/*", "/a/b", true],
    ["*.png", "b.png", true],
  ])("%s on %s: %s", (glob, path, expected) => {
    expect(parseGlob(glob).matches(path)).toBe(expected);
  });

  it("match the path that they are made from, when it has no wildcard", () => {
    const name = fc.stringMatching(/^[a-zA-Z0-9 .+^$()|\\~@#%&=;'-]{1,8}$/);
    fc.assert(
      fc.property(fc.array(name, { minLength: 1, maxLength: 4 }), (names) => {
        const path = names.join("/");
        expect(parseGlob(path).matches(path)).toBe(true);
        expect(parseGlob(path).matches(`${path}x`)).toBe(false);
      }),
    );
  });

  it("can be made from any text", () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(..."ab*?[]{},!^/.-\\ü😀") }), (text) => {
        const glob = parseGlob(text);
        expect(typeof glob.matches("a/b")).toBe("boolean");
        expect(expandBraces(text).length).toBeGreaterThan(0);
      }),
      { numRuns: 2_000 },
    );
  });
});

describe("natural order", () => {
  it("counts as people do", () => {
    const names = ["f10", "f9", "F1", "f2", "a/2", "a/10", "a", "f1"];
    expect([...names].sort(compareNaturally)).toEqual(["a", "a/2", "a/10", "F1", "f1", "f2", "f9", "f10"]);
  });

  it("is a total order", () => {
    const name = fc.string({ unit: fc.constantFrom(..."aAb019/."), maxLength: 6 });
    fc.assert(
      fc.property(name, name, name, (a, b, c) => {
        expect(Math.sign(compareNaturally(a, b))).toBe(-Math.sign(compareNaturally(b, a)) + 0);
        expect(compareNaturally(a, b) === 0).toBe(a === b);
        if (compareNaturally(a, b) <= 0 && compareNaturally(b, c) <= 0)
          expect(compareNaturally(a, c)).toBeLessThanOrEqual(0);
      }),
    );
  });
});
