import { existsSync } from "node:fs";
import { join } from "node:path";
import { loadCamera } from "../drivers/index.js";
import { loadDriverOptions } from "../src/config/index.js";
import { CytoError, projectRoot } from "../src/core/index.js";
import { decodePicture } from "../src/pictures/index.js";
import { openDataset } from "../src/training/datasets/index.js";
import type { ReelPicture } from "./drivers/cameras/memory/reel.js";

export type DataSetName = "txl-pbc" | "oi-pbc" | "bccd" | "wbc-masks";

/** Where a data set is, or undefined where it is not: below CYTOSTREAM_DATA, or beside the project. */
export const dataSetPath = (name: DataSetName): string | undefined => {
  const path = join(process.env.CYTOSTREAM_DATA ?? join(projectRoot(), "..", "shared", "data"), name);
  return existsSync(path) ? path : undefined;
};

/** Evenly spread over a list. */
const spread = <Item>(items: readonly Item[], count: number): Item[] =>
  Array.from({ length: Math.min(count, items.length) }, (_, index) => {
    const at = Math.floor(((index + 0.5) * items.length) / Math.min(count, items.length));
    return items[at]!;
  });

/** Real fields of a data set's val split, decoded, each with the scale that its labels tell. */
export const realPictures = async (name: DataSetName, count: number): Promise<ReelPicture[] | undefined> => {
  const directory = dataSetPath(name);
  if (directory === undefined) return undefined;
  const fields = await (await openDataset(directory)).fields("val");
  const scaled = fields.flatMap((field) =>
    field.umPerPixel === undefined ? [] : [{ ...field, umPerPixel: field.umPerPixel }],
  );
  return Promise.all(
    spread(scaled, count).map(async ({ id, picturePath, umPerPixel }) => ({
      ...(await decodePicture(picturePath)),
      ...{ name: id, umPerPixel, simulated: false },
    })),
  );
};

/** Fields of the virtual slide, painted beforehand. */
export const paintedPictures = async (
  count: number,
  options: Readonly<Record<string, unknown>> = {},
): Promise<ReelPicture[]> => {
  const driver = await loadCamera("virtual");
  // Drawn, whatever is shipped: a reel is to be the same from one version to the next.
  const given = { painting: "drawn", ...options, framesPerSecond: 0 };
  const stop = new AbortController();
  const camera = await driver.open({
    source: undefined,
    options: loadDriverOptions(driver.manifest.options, given),
    signal: stop.signal,
  });
  const pictures: ReelPicture[] = [];
  try {
    for await (const { width, height, pixels, umPerPixel } of camera.frames()) {
      if (umPerPixel === undefined) throw new CytoError("INTERNAL", "the virtual slide does not tell its scale");
      pictures.push({ name: `slide ${pictures.length}`, width, height, pixels, umPerPixel, simulated: true });
      if (pictures.length >= count) break;
    }
  } finally {
    stop.abort();
    await camera[Symbol.asyncDispose]();
  }
  return pictures;
};
