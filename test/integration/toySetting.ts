import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createRandom } from "../../src/core/index.js";
import type { DetectorModels } from "../../src/detection/index.js";
import { encodePng } from "../../src/pictures/index.js";
import { writeToyModels } from "../detection/toyModel.js";
import { type ToyCell, toyFrame } from "../detection/toySmear.js";

export const toyUmPerPixel = 0.234375;
export const toyField = { width: 480, height: 384 } as const;
/** Red cells of one toy picture, none at its border and none near another. */
export const toyCells = 16;

const marginPx = 24;
const spacingPx = 56;

/** Places of the cells of a toy field: each number has its own, so that none is taken for another one again. */
export const toyPlaces = (index: number): ToyCell[] => {
  const random = createRandom(1000 + index);
  const within = (length: number): number => marginPx + (length - 2 * marginPx) * random.next();
  const places: ToyCell[] = [];
  while (places.length < toyCells) {
    const [x, y] = [within(toyField.width), within(toyField.height)];
    if (places.every((other) => Math.hypot(other.x - x, other.y - y) >= spacingPx))
      places.push({ kind: "erythrocyte", x, y });
  }
  return places;
};

export const toyPicture = (index: number): Uint8Array<ArrayBuffer> =>
  toyFrame(toyPlaces(index), { ...toyField, umPerPixel: toyUmPerPixel }).pixels;

/** A folder with models that need no training and smears that they count without a fault. */
export interface ToySetting {
  readonly folder: string;
  readonly models: Required<DetectorModels>;
  /** Configuration that makes a daemon use the models. */
  readonly settings: readonly string[];
  /** Writes so many smears into a folder of their own, and returns its path. */
  smears(name: string, count: number): Promise<string>;
  readonly remove: () => Promise<void>;
}

export const openToySetting = async (): Promise<ToySetting> => {
  const folder = await mkdtemp(join(tmpdir(), "cytostream-toy-"));
  const models = await writeToyModels(join(folder, "models"));
  return {
    folder,
    models,
    settings: [
      `detection.models.detector=${join(folder, "models", "unet", "1.0.0")}`,
      `detection.models.classifier=${join(folder, "models", "cells", "1.0.0")}`,
      "detection.provider=cpu",
      "detection.threads=1",
      `optics.umPerPixel=${toyUmPerPixel}`,
    ],
    smears: async (name, count) => {
      const smears = join(folder, name);
      await mkdir(smears);
      for (let index = 0; index < count; index++) {
        const png = await encodePng({ ...toyField, pixels: toyPicture(index) });
        await writeFile(join(smears, `${String(index).padStart(3, "0")}.png`), png);
      }
      return smears;
    },
    remove: () => rm(folder, { recursive: true, force: true }),
  };
};
