import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type CellClass, createRandom, leukocyteClasses } from "../../../src/core/index.js";
import { encodeJpeg } from "../../../src/pictures/index.js";
import { FieldRenderer } from "./fieldRenderer.js";
import { opticsOptionsSchema, slideOptionsSchema, type VirtualCameraOptions } from "./manifest.js";
import type { TruthCell } from "./slide.js";

export interface VirtualDatasetOptions {
  /** Number of fields. */
  readonly fields: number;
  readonly seed: number;
  /** Name of the split under images/ and labels/; `val` unless given. */
  readonly split?: string;
  /** Standard deviation of the focus, um; 0.2 unless given. */
  readonly focusErrorUm?: number;
  /** Quality of the JPEG files; 92 unless given. */
  readonly jpegQuality?: number;
  /** What is on the slide and how it is seen, where it is not to be the default. */
  readonly options?: Partial<Omit<VirtualCameraOptions, "seed">>;
}

/** Cells of which the border leaves less than this share are not labelled: nobody could say what they are. */
const leastVisibleShare = 0.15;

const area = (box: TruthCell["box"]): number => (box.right - box.left) * (box.bottom - box.top);

/** The classes of the data set, in the order of their numbers in its label files. */
const labelledClasses: readonly CellClass[] = ["erythrocyte", "platelet", ...leukocyteClasses];

const labelLine = (cell: TruthCell, width: number, height: number): string => {
  const { left, top, right, bottom } = cell.box;
  const numbers = [
    (left + right) / 2 / width,
    (top + bottom) / 2 / height,
    (right - left) / width,
    (bottom - top) / height,
  ];
  return [labelledClasses.indexOf(cell.cellClass), ...numbers.map((number) => number.toFixed(6))].join(" ");
};

/** What `data.yaml` says. */
const dataYaml = (split: string): string =>
  [
    "path: .",
    `train: images/${split}`,
    `val: images/${split}`,
    `nc: ${labelledClasses.length}`,
    `names: [${labelledClasses.join(", ")}]`,
    "",
  ].join("\n");

/**
 * Writes fields of a virtual slide, taken at random places, as a data set in YOLO's layout: `data.yaml`,
 * `images/<split>/NNNN.jpg`, `labels/<split>/NNNN.txt`. Equal options write equal files.
 */
export const writeVirtualDataset = async (directory: string, options: VirtualDatasetOptions): Promise<void> => {
  const split = options.split ?? "val";
  const all = { ...options.options, seed: options.seed };
  const optics = opticsOptionsSchema.strip().parse(all);
  const renderer = new FieldRenderer(slideOptionsSchema.strip().parse(all), optics);
  const images = join(directory, "images", split);
  const labels = join(directory, "labels", split);
  await mkdir(images, { recursive: true });
  await mkdir(labels, { recursive: true });
  await writeFile(join(directory, "data.yaml"), dataYaml(split));
  const random = createRandom(options.seed);
  const { slideWidthUm, slideHeightUm } = renderer.slide.options;
  const inside = (length: number, fieldPx: number): number => {
    const fieldUm = fieldPx * optics.umPerPixel;
    return fieldUm / 2 + Math.max(0, length - fieldUm) * random.next();
  };
  for (let k = 0; k < options.fields; k++) {
    const x = inside(slideWidthUm, optics.fieldWidthPx);
    const y = inside(slideHeightUm, optics.fieldHeightPx);
    const z = renderer.slide.focusZUm(x, y) + (options.focusErrorUm ?? 0.2) * random.normal();
    const field = renderer.render({ x, y, z }, k);
    const name = String(k).padStart(4, "0");
    const truth = renderer.slide
      .truthInField({ x, y }, optics)
      .filter((cell) => area(cell.box) >= leastVisibleShare * area(cell.wholeBox));
    const lines = truth.map((cell) => `${labelLine(cell, field.width, field.height)}\n`);
    const jpeg = await encodeJpeg(field, { quality: options.jpegQuality ?? 92 });
    await writeFile(join(images, `${name}.jpg`), jpeg);
    await writeFile(join(labels, `${name}.txt`), lines.join(""));
  }
};
