import { access, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import {
  type CellClass,
  CytoError,
  cellClasses,
  createRandom,
  densityClassOf,
  type LabelledCell,
  type Random,
  taxonomy,
} from "../../core/index.js";
import { encodePng, type Picture } from "../../pictures/index.js";
import { redCellDiameterUm } from "../datasets/index.js";
import { drawnPlaneCount, type FieldMask, MaskPainter, pictureOfPlanes } from "../masks/index.js";
import type { Painter } from "./openPainter.js";
import { type MaskView, wholeView } from "./paintPicture.js";

/** Where the masks of a generated data set come from. */
export interface FieldSource {
  /** A mask and the view of it that is painted, the same for the same random numbers. */
  next(random: Random): { readonly mask: FieldMask; readonly view: MaskView };
}

/** Masks drawn from the statistics, outlines and stains in the painter's own folder. */
export const drawnSource = (painter: Painter, sizePx: number, classes?: readonly CellClass[]): FieldSource => ({
  next: (random) => {
    const seed = random.int(2 ** 32);
    const mask = painter.drawMask({ seed, width: sizePx, height: sizePx, classes });
    return { mask, view: wholeView(mask, painter.redCellPx) };
  },
});

export interface RealSourceOptions {
  readonly redCellPx: number;
  /** Side of the pictures, px; without it whole fields. */
  readonly sizePx?: number | undefined;
  /** Only fields with a cell of one of these, which is in the picture. */
  readonly classes?: readonly CellClass[] | undefined;
}

const contains = ({ cells }: Pick<FieldMask, "cells">, classes: readonly CellClass[]): boolean =>
  cells.some(({ cellClass }) => classes.includes(cellClass) || classes.includes(densityClassOf(cellClass)));

/**
 * Masks of real fields, turned, each as often as another.
 * @throws CytoError DATASET_INVALID where no field has a class that is asked for, or none is large enough
 */
export const realSource = (masks: readonly FieldMask[], options: RealSourceOptions): FieldSource => {
  const { redCellPx, sizePx, classes = [] } = options;
  const named = classes.length === 0 ? masks : masks.filter((mask) => contains(mask, classes));
  if (named.length === 0)
    throw new CytoError("DATASET_INVALID", `No field of the data set has a cell of class ${classes.join(", ")}`);
  const sides = named.map((mask) => {
    const { width, height } = wholeView(mask, redCellPx);
    return Math.min(width, height);
  });
  const fitting = named.filter((_, index) => sizePx === undefined || sides[index]! >= sizePx);
  if (fitting.length === 0)
    throw new CytoError(
      "DATASET_INVALID",
      `No field is ${sizePx} px wide and high at ${redCellPx} px a red cell; the largest is ${Math.max(...sides)} px`,
      { remedy: "Give a smaller --size, or none for whole fields." },
    );
  let order: number[] = [];
  return {
    next: (random) => {
      if (order.length === 0) order = shuffled(fitting.length, random);
      const mask = fitting[order.pop()!]!;
      const whole = wholeView(mask, redCellPx, random.int(8));
      return { mask, view: sizePx === undefined ? whole : partOf(mask, whole, { sizePx, classes, random }) };
    },
  };
};

const shuffled = (length: number, random: Random): number[] => {
  const order = Array.from({ length }, (_, index) => index);
  for (let last = length - 1; last > 0; last--) {
    const other = random.int(last + 1);
    [order[last], order[other]] = [order[other]!, order[last]!];
  }
  return order;
};

/** Places are tried so often until a cell that is asked for lies in the picture. */
const placesTried = 40;

const partOf = (
  mask: FieldMask,
  whole: MaskView,
  { sizePx, classes, random }: { sizePx: number; classes: readonly CellClass[]; random: Random },
): MaskView => {
  const place = (): MaskView => {
    const left = -Math.floor(random.next() * (whole.width - sizePx + 1));
    const top = -Math.floor(random.next() * (whole.height - sizePx + 1));
    return { width: sizePx, height: sizePx, placement: { ...whole.placement, left, top } };
  };
  let view = place();
  for (let tried = 1; tried < placesTried && classes.length > 0; tried++) {
    if (contains({ cells: middlesIn(mask, view) }, classes)) break;
    view = place();
  }
  return view;
};

/** Cells of a mask whose middles lie in a view. */
const middlesIn = (mask: FieldMask, { width, height, placement }: MaskView): FieldMask["cells"] =>
  mask.cells.filter(({ left, top, outline }) => {
    const { orientation, zoom } = placement;
    const x = left + outline.width / 2;
    const y = top + outline.height / 2;
    const u = (orientation & 1) === 0 ? x : mask.width - x;
    const v = (orientation & 2) === 0 ? y : mask.height - y;
    const [across, down] = (orientation & 4) === 0 ? [u, v] : [v, u];
    const [px, py] = [placement.left + zoom * across, placement.top + zoom * down];
    return px > 0 && py > 0 && px < width && py < height;
  });

export interface GenerateOptions {
  readonly painter: Painter;
  readonly source: FieldSource;
  readonly count: number;
  readonly out: string;
  readonly seed: number;
  /** What is said of it in `painted.json`. */
  readonly about: Readonly<Record<string, unknown>>;
  readonly onField?: ((done: number, total: number) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface GeneratedDataset {
  readonly fields: number;
  readonly cells: Readonly<Record<string, number>>;
}

const split = "train";

const yoloLine = ({ cellClass, box }: LabelledCell, { width, height }: MaskView): string => {
  const numbers = [
    (box.left + box.right) / 2 / width,
    (box.top + box.bottom) / 2 / height,
    (box.right - box.left) / width,
    (box.bottom - box.top) / height,
  ];
  return `${cellClasses.indexOf(cellClass)} ${numbers.map((value) => value.toFixed(6)).join(" ")}`;
};

const maskPicture = (mask: FieldMask, view: MaskView): Picture => {
  const planes = new Float32Array(drawnPlaneCount * view.width * view.height);
  new MaskPainter(view, drawnPlaneCount).paint(planes, 0, mask, { placement: view.placement });
  return pictureOfPlanes(planes, 0, view);
};

const write = async (path: string, data: Uint8Array | string): Promise<void> => {
  await writeFile(path, data).catch((error: unknown) => {
    throw new CytoError("OUTPUT_FAILED", `${path} cannot be written`, { cause: error });
  });
};

/**
 * Paints a data set in YOLO layout: images/train, labels/train, masks/train (for people), data.yaml with the classes that
 * occur, cytostream.yaml with the scale, painted.json with what it was painted by. Same painter, source, seed: same files.
 * @throws CytoError OUTPUT_FAILED where OUT holds a data set already or cannot be written
 */
export const generateFields = async (options: GenerateOptions): Promise<GeneratedDataset> => {
  const { painter, source, count, out, seed, about } = options;
  const taken = await access(join(out, "data.yaml")).then(
    () => true,
    () => false,
  );
  if (taken)
    throw new CytoError("OUTPUT_FAILED", `${out} holds a data set already`, {
      remedy: "Give an empty folder for --out.",
    });
  const folders = {
    images: join(out, "images", split),
    labels: join(out, "labels", split),
    masks: join(out, "masks", split),
  };
  for (const folder of Object.values(folders))
    await mkdir(folder, { recursive: true }).catch((error: unknown) => {
      throw new CytoError("OUTPUT_FAILED", `${folder} cannot be made`, { cause: error });
    });
  const cells: Record<string, number> = {};
  const random = createRandom(seed);
  let done = 0;
  for (; done < count && !options.signal?.aborted; done++) {
    const { mask, view } = source.next(random);
    const picture = await painter.paint(mask, { view, seed: random.int(2 ** 32) });
    const labels = painter.labelsOf(mask, view);
    for (const { cellClass } of labels) cells[cellClass] = (cells[cellClass] ?? 0) + 1;
    const name = `painted-${String(done + 1).padStart(6, "0")}`;
    await write(join(folders.images, `${name}.png`), await encodePng(picture));
    await write(join(folders.labels, `${name}.txt`), labels.map((label) => `${yoloLine(label, view)}\n`).join(""));
    await write(join(folders.masks, `${name}.png`), await encodePng(maskPicture(mask, view)));
    options.onField?.(done + 1, count);
  }
  const names = cellClasses.flatMap((cellClass, index) =>
    cells[cellClass] === undefined ? [] : [`  ${index}: ${taxonomy[cellClass].abbreviation}`],
  );
  await write(join(out, "cytostream.yaml"), `umPerPixel: ${redCellDiameterUm / painter.redCellPx}\n`);
  const told = { simulated: true, painter: painter.ref, method: painter.method, seed, fields: done, cells, ...about };
  await write(join(out, "painted.json"), `${JSON.stringify(told, null, 2)}\n`);
  // Last, for it is what makes the folder a data set.
  await write(
    join(out, "data.yaml"),
    `${split}: images/${split}\nnames:${names.length > 0 ? `\n${names.join("\n")}` : " []"}\n`,
  );
  return { fields: done, cells };
};
