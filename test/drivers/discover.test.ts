import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type DriverManifest, listDrivers, loadCamera } from "../../drivers/index.js";
import { codeOf, temporaryFolder } from "./media.js";

let directory = "";
let remove = async (): Promise<void> => {};

const manifest = (name: string): string =>
  `export const manifest = { name: ${JSON.stringify(name)}, title: "T", description: "D", simulated: false,
  sourceSyntax: "S", options: { safeParse: (data) => ({ success: true, data }) } };\n`;

const good = `import { manifest } from "./manifest.js"; export const driver = { manifest, open: async () => undefined };\n`;

const folders: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  good: { "manifest.js": manifest("good"), "driver.js": good },
  thrower: { "manifest.js": `throw new Error("no library");` },
  syntax: { "manifest.js": "export const = ;" },
  liar: { "manifest.js": manifest("other"), "driver.js": good },
  bare: { "manifest.js": "export const manifest = {};" },
  silent: { "manifest.js": "export const x = 1;" },
  noDriver: { "manifest.js": manifest("noDriver") },
  heavy: { "manifest.js": manifest("heavy"), "driver.js": `import "a-native-library-that-is-not-there";` },
  notOne: { "manifest.js": manifest("notOne"), "driver.js": "export const driver = {};" },
  notes: { "README.md": "no driver" },
};

beforeAll(async () => {
  ({ path: directory, remove } = await temporaryFolder());
  await writeFile(join(directory, "package.json"), `{"type":"module"}`);
  for (const [name, files] of Object.entries(folders)) {
    await mkdir(join(directory, "cameras", name), { recursive: true });
    for (const [file, text] of Object.entries(files)) await writeFile(join(directory, "cameras", name, file), text);
  }
});
afterAll(() => remove());

describe("discovery of the drivers that are here", () => {
  it("finds cameras by their folders, and every one of them loads", async () => {
    const { drivers, failures } = await listDrivers("cameras");
    expect(failures).toEqual([]);
    const names = drivers.map(({ name }) => name);
    expect(names).toEqual(expect.arrayContaining(["ffmpeg", "folder", "virtual"]));
    for (const name of names) {
      const { open, manifest: own } = await loadCamera(name);
      expect([typeof open, own.name]).toEqual(["function", name]);
    }
  });

  it("knows each one's options, with defaults for all and no room for unknown ones", async () => {
    const { drivers } = await listDrivers("cameras");
    for (const { options } of drivers as readonly DriverManifest[]) {
      expect(options.safeParse({}).success).toBe(true);
      expect(options.safeParse({ noSuchOption: 1 }).success).toBe(false);
    }
  });

  it("names the nearest camera where there is none of a name", async () => {
    await expect(loadCamera("foldr")).rejects.toMatchObject({
      code: "CAMERA_NOT_FOUND",
      message: expect.stringContaining("folder"),
      context: { nearest: "folder" },
    });
    for (const name of ["", "../cameras/folder", "folder/manifest", "__proto__", "\0"]) {
      expect(await codeOf(loadCamera(name))).toBe("CAMERA_NOT_FOUND");
    }
  });
});

describe("discovery in a folder with broken drivers", () => {
  it("lists what can be loaded, and what cannot with the reason", async () => {
    const { drivers, failures } = await listDrivers("cameras", { directory });
    expect(drivers.map(({ name }) => name)).toEqual(["good", "heavy", "noDriver", "notOne"]);
    expect(failures.map(({ name }) => name)).toEqual(["bare", "liar", "silent", "syntax", "thrower"]);
    expect(failures.every(({ error }) => error.code === "DRIVER_INVALID")).toBe(true);
    expect(failures.find(({ name }) => name === "thrower")?.error.message).toContain("no library");
    expect(await listDrivers("stages", { directory })).toEqual({ drivers: [], failures: [] });
  });

  it.each([
    ["heavy", "DRIVER_INVALID"],
    ["noDriver", "DRIVER_INVALID"],
    ["notOne", "DRIVER_INVALID"],
    ["thrower", "DRIVER_INVALID"],
    ["notes", "CAMERA_NOT_FOUND"],
    ["good", "none"],
  ])("loading %s gives %s", async (name, code) => {
    expect(await codeOf(loadCamera(name, { directory }))).toBe(code);
  });
});
