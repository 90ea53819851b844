import { execFile } from "node:child_process";
import { readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { launchOf } from "../../src/core/index.js";
import { decodePicture, encodePng } from "../../src/pictures/index.js";
import { writeToyModels } from "../detection/toyModel.js";
import { redGrid, type ToyCell, toyFrame } from "../detection/toySmear.js";
import { temporaryFolders } from "../registry/modelFixture.js";

const temporaryFolder = temporaryFolders();
const umPerPixel = 0.12;
const size = { width: 640, height: 480 };

interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

const cytostream = (...words: string[]): Promise<Outcome> =>
  new Promise((resolve) => {
    const { url, execArgv } = launchOf(new URL("../../src/cli/cytostream.js", import.meta.url));
    execFile(process.execPath, [...execArgv, url.pathname, ...words], (error, stdout, stderr) => {
      resolve({ code: typeof error?.code === "number" ? error.code : error ? -1 : 0, stdout, stderr });
    });
  });

let folder: string;
let models: string[];
const cells: ToyCell[] = [
  ...redGrid(size.width, size.height, umPerPixel).filter(({ y }) => y < 330),
  { kind: "leukocyte", x: 200, y: 410 },
];

beforeEach(async () => {
  folder = await temporaryFolder();
  const toys = await writeToyModels(join(folder, "models"));
  models = ["--model", join(toys.detector.filePath, ".."), "--classifier", join(toys.classifier.filePath, "..")];
  const { pixels } = toyFrame(cells, { ...size, umPerPixel });
  await writeFile(join(folder, "smear.png"), await encodePng({ ...size, pixels }));
});

describe("cytostream detect", () => {
  it("prints one object a picture, counts what cannot be read, and exits with 65", async () => {
    await writeFile(join(folder, "broken.png"), "no picture");
    const paths = [join(folder, "*.png"), join(folder, "missing.jpg")];
    const { code, stdout, stderr } = await cytostream("detect", ...paths, ...models, "--json", "--provider", "cpu");
    expect(code).toBe(65);
    expect(stderr).toContain("2 of 3 pictures");
    const lines = stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(lines.map((line) => (line.error as { code?: string } | undefined)?.code)).toEqual([
      "IMAGE_UNREADABLE",
      undefined,
      "IMAGE_UNREADABLE",
    ]);
    expect(lines[1]).toMatchObject({
      picture: join(folder, "smear.png"),
      ...size,
      provider: "cpu",
      scale: { origin: "estimated" },
      counts: { erythrocyte: cells.length - 1, neutrophil: 1 },
      models: { detector: { name: "unet" }, classifier: { name: "cells" } },
    });
    expect(lines[1]?.cells).toHaveLength(cells.length);
  });

  it("uses the shipped detector and classifier where none are named", async () => {
    const { code, stdout } = await cytostream("detect", join(folder, "smear.png"), "--json", "--provider", "cpu");
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ models: { detector: { name: "unet" }, classifier: { name: "cells" } } });
  });

  it("draws the overlay with its legend and the density map at the picture's size", async () => {
    const out = join(folder, "found", "here");
    const words = ["--overlay", "--density", "--out", out, "--um-per-pixel", String(umPerPixel), "--provider", "cpu"];
    const { code, stdout } = await cytostream("detect", join(folder, "smear.png"), ...models, ...words);
    expect(code).toBe(0);
    expect(stdout).toContain(`RBC ${cells.length - 1}  NE 1`);
    expect((await readdir(out)).sort()).toEqual(["smear.density.png", "smear.overlay.png"]);
    const overlay = await decodePicture(join(out, "smear.overlay.png"));
    expect([overlay.width, overlay.height > size.height]).toEqual([size.width, true]);
    const density = await decodePicture(join(out, "smear.density.png"));
    expect([density.width, density.height]).toEqual([size.width, size.height]);
    const centre = (410 * size.width + 200) * 3;
    const leukocyteBlue = [0x00, 0x72, 0xb2];
    leukocyteBlue.forEach((level, c) => {
      expect(Math.abs(density.pixels[centre + c]! - level)).toBeLessThan(30);
    });
  });

  it("ends with a code where the model or the provider is not there", async () => {
    const picture = join(folder, "smear.png");
    expect((await cytostream("detect", picture, "--model", "nowhere@1.0.0")).code).toBe(66);
    expect((await cytostream("detect", picture, ...models, "--um-per-pixel", "0")).code).toBe(64);
    const { code, stderr } = await cytostream("detect", picture, ...models, "--provider", "coreml");
    if (process.platform !== "darwin") {
      expect(code).toBe(69);
      expect(stderr).toContain("PROVIDER_UNAVAILABLE");
    }
  });
});

describe("cytostream models", () => {
  it("lists and verifies", async () => {
    const dir = ["--dir", join(folder, "models")];
    const listed = await cytostream("models", "list", ...dir);
    expect(listed.stdout).toMatch(/cells 1\.0\.0.*default\n.*unet 1\.0\.0.*default/);
    expect((await cytostream("models", "verify", ...dir)).code).toBe(0);
  });

  it("exits with 1 where a file was changed", async () => {
    const dir = ["--dir", join(folder, "models")];
    await writeFile(join(folder, "models", "unet", "1.0.0", "model.onnx"), "changed");
    const verified = await cytostream("models", "verify", ...dir, "--json");
    expect(verified.code).toBe(1);
    expect(JSON.parse(verified.stdout)).toMatchObject({
      ok: false,
      models: [
        { name: "cells", ok: true },
        { name: "unet", ok: false, error: { code: "MODEL_INVALID" } },
      ],
    });
  });
});
