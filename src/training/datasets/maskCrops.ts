import { basename, join, resolve } from "node:path";
import type { Box, LeukocyteClass } from "../../core/index.js";
import { decodePicture } from "../../pictures/index.js";
import type { LabelledField } from "./dataset.js";
import { invalid, listNames, listPictures, mapBounded, pictureSize, readText } from "./files.js";
import { median } from "./scale.js";
import { parseSubtypes } from "./subtypes.js";

/** A picture of one leukocyte of known class with a mask; its one cell has the mask's box. */
export interface MaskCrop extends LabelledField {
  /** White nucleus, grey cytoplasm, black rest. */
  readonly maskPath: string;
}

/** Brighter mask pixels belong to the cell. */
const cellAbove = 40;
/**
 * Median sqrt(width x height) of neutrophils' boxes on smears of known scale (611 cells of the collection of Acevedo et
 * al., Data in Brief 30:105474, 2020). The pictures tell no scale and label no red cell, so their neutrophils must serve.
 */
const neutrophilDiameterUm = 14.5;

interface MeasuredCrop {
  readonly id: string;
  readonly cellClass: LeukocyteClass;
  readonly picturePath: string;
  readonly maskPath: string;
  readonly widthPx: number;
  readonly heightPx: number;
  readonly box: Box;
}

const boxOfMask = ({
  width,
  height,
  pixels,
}: {
  width: number;
  height: number;
  pixels: Uint8Array;
}): Box | undefined => {
  let [left, top, right, bottom] = [width, height, 0, 0];
  for (let y = 0, at = 0; y < height; y++) {
    for (let x = 0; x < width; x++, at += 3) {
      if (pixels[at]! <= cellAbove) continue;
      left = Math.min(left, x);
      right = Math.max(right, x + 1);
      top = Math.min(top, y);
      bottom = y + 1;
    }
  }
  return right > left ? { left, top, right, bottom } : undefined;
};

const measure = async (id: string, cellClass: LeukocyteClass, paths: ReadonlyMap<string, string>, place: string) => {
  const [picturePath, maskPath] = [paths.get(id), paths.get(`${id}_mask`)];
  if (!picturePath || !maskPath) throw invalid(`${place}: no picture or no mask of ${id}`);
  const [{ widthPx, heightPx }, mask] = await Promise.all([pictureSize(picturePath), decodePicture(maskPath)]);
  if (widthPx !== mask.width || heightPx !== mask.height)
    throw invalid(`${maskPath} is not of its picture's size`, { path: maskPath });
  const box = boxOfMask(mask);
  if (!box) throw invalid(`${maskPath} marks no cell`, { path: maskPath });
  const crop: MeasuredCrop = {
    id,
    cellClass,
    picturePath,
    maskPath,
    widthPx,
    heightPx,
    box,
  };
  return crop;
};

const openFolder = async (directory: string, labels: string): Promise<readonly MaskCrop[]> => {
  const path = join(directory, "labels.csv");
  const subtypes = parseSubtypes(labels, path);
  const paths = await listPictures(directory);
  const crops = await mapBounded([...subtypes], 4, ([id, classes]) => {
    if (classes.length !== 1) throw invalid(`${path}: ${id} has ${classes.length} classes instead of one`, { path });
    return measure(id, classes[0]!, paths, path);
  });
  const diameters = (among: readonly MeasuredCrop[]): number[] =>
    among.map(({ box }) => Math.sqrt((box.right - box.left) * (box.bottom - box.top)));
  const neutrophils = crops.filter(({ cellClass }) => cellClass === "neutrophil");
  const diameter = median(diameters(neutrophils.length > 0 ? neutrophils : crops));
  const scale = diameter === undefined ? {} : { umPerPixel: neutrophilDiameterUm / diameter };
  const dataset = basename(directory);
  return crops.map(({ box, cellClass, ...crop }) => ({
    ...crop,
    ...scale,
    dataset,
    cells: [{ cellClass, box }],
    incomplete: ["erythrocyte", "platelet"],
  }));
};

/**
 * Opens pictures of one leukocyte each with masks: a folder with `labels.csv` (image, subtype), `NNN.jpg` and
 * `NNN_mask.png`, or a folder of such folders. um per pixel is told by the folder's neutrophils, 14.5 um across.
 * @throws CytoError DATASET_INVALID, IMAGE_UNREADABLE
 */
export const openMaskCrops = async (directory: string): Promise<readonly MaskCrop[]> => {
  const root = resolve(directory);
  const names = await listNames(root);
  if (!names) throw invalid(`${root} is not a folder`, { path: root });
  const folders = names.includes("labels.csv") ? [root] : names.map((name) => join(root, name));
  const crops: MaskCrop[] = [];
  for (const folder of folders) {
    const labels = (await listNames(folder)) ? await readText(join(folder, "labels.csv")) : undefined;
    if (labels !== undefined) crops.push(...(await openFolder(folder, labels)));
  }
  if (crops.length === 0) throw invalid(`${root} has no labels.csv with pictures of cells`, { path: root });
  return crops;
};
