import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach } from "vitest";
import { densityClasses, leukocyteClasses } from "../../src/core/index.js";
import type { ManifestDraft } from "../../src/registry/index.js";

const training = { command: "cytostream train", seed: 1, data: ["made for a test"], steps: 0, seconds: 0 };

export const detectorDraft = (version = "1.0.0", name = "unet"): ManifestDraft & { kind: "detector" } => ({
  name,
  version,
  kind: "detector",
  classes: [...densityClasses],
  umPerPixel: 0.234375,
  stride: 2,
  inputs: [{ name: "field", type: "uint8", shape: [1, "height", "width", 4] }],
  outputs: [
    { name: "density", type: "float32", shape: [1, 3, "mapHeight", "mapWidth"] },
    { name: "extent", type: "float32", shape: [1, 12, "mapHeight", "mapWidth"] },
  ],
  detector: {
    thresholds: { erythrocyte: 0.4, leukocyte: 0.4, platelet: 0.4 },
    nmsWithinClass: 0.65,
    nmsAcrossClasses: 0.9,
    referenceRedCellPx: 32,
  },
  training,
  figures: {},
});

export const classifierDraft = (version = "1.0.0", name = "cells"): ManifestDraft & { kind: "classifier" } => ({
  name,
  version,
  kind: "classifier",
  classes: [...leukocyteClasses],
  umPerPixel: 20.8 / 96,
  inputs: [{ name: "crops", type: "uint8", shape: ["count", 96, 96, 3] }],
  outputs: [{ name: "logits", type: "float32", shape: ["count", 7] }],
  classifier: { cropUm: 20.8, cropPx: 96, temperature: 1, unsureBelow: 0.5 },
  training,
  figures: {},
});

/** A folder for one test file, whose subfolders go after each test. */
export const temporaryFolders = (): (() => Promise<string>) => {
  const folders: string[] = [];
  afterEach(async () => {
    await Promise.all(folders.splice(0).map((folder) => rm(folder, { recursive: true, force: true })));
  });
  return async () => {
    const folder = await mkdtemp(join(tmpdir(), "cytostream-"));
    folders.push(folder);
    return folder;
  };
};
