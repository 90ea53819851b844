import { readdir, readFile } from "node:fs/promises";
import { basename, extname, join } from "node:path";
import { type Box, CytoError, parseCellClass } from "../../core/index.js";
import { pictureExtensions } from "../../pictures/index.js";
import type { FieldCell, FieldRecord } from "../fieldRecord.js";
import { labelLimits } from "../validation.js";

export const labelFormats = ["yolo", "voc", "coco", "geojson", "csv"] as const;
export type LabelFormat = (typeof labelFormats)[number];

/** What cannot be taken of an import, and where it stands: `file:line`, or `file: annotations[12]` where a file has no lines. */
export interface ImportFault {
  readonly place: string;
  readonly message: string;
}

export interface PictureSize {
  readonly widthPx: number;
  readonly heightPx: number;
}

/** The cells of a picture as a file has them, and what in it cannot be taken. */
export interface ReadCells {
  readonly cells: readonly FieldCell[];
  readonly faults: readonly ImportFault[];
}

/** A labelled picture as a file tells it. */
export interface ImportedField {
  /** Where it stands in what is imported. */
  readonly place: string;
  readonly picturePath: string;
  readonly umPerPixel?: number;
  readonly slide?: string;
  /** Cells in px, once the size of the picture is known. */
  cells(size: PictureSize): ReadCells;
}

/** Reads a data set one picture at a time. Faults of whole pictures come between them. */
export type LabelReader = (path: string) => AsyncIterable<ImportedField | ImportFault>;

export const isFault = (item: ImportedField | ImportFault): item is ImportFault => "message" in item;

/** Writes fields one at a time. */
export interface LabelWriter {
  /** @param pictureName file name of the picture: the field's name with the picture's ending */
  add(field: FieldRecord, pictureName: string): Promise<void>;
  finish(): Promise<void>;
  /** Folder of the pictures below the one that is written to. */
  readonly pictures: string;
}

export const invalidImport = (message: string): CytoError => new CytoError("LABEL_IMPORT_INVALID", message);

export const readText = async (path: string): Promise<string> => {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    throw new CytoError("LABEL_IMPORT_INVALID", `${path} cannot be read`, { cause: error });
  }
};

export const listFolder = async (path: string): Promise<string[] | undefined> => {
  try {
    return (await readdir(path)).sort();
  } catch {
    return undefined;
  }
};

export const stemOf = (name: string): string => basename(name, extname(name));

/** The pictures in a folder by their names without ending. */
export const picturesIn = async (folder: string): Promise<ReadonlyMap<string, string>> =>
  new Map(
    ((await listFolder(folder)) ?? [])
      .filter((name) => pictureExtensions.some((ending) => name.toLowerCase().endsWith(ending)))
      .map((name) => [stemOf(name), join(folder, name)]),
  );

/** A name in a file, as a path within its folder. */
export const insideFolder = (folder: string, name: string): string | undefined => {
  const parts = name.split(/[\\/]/);
  return name.startsWith("/") || parts.includes("..") || /^[A-Za-z]:/.test(name) ? undefined : join(folder, ...parts);
};

const clamp = (value: number, high: number): number => Math.min(Math.max(value, 0), high);

/** Of a box that reaches out of its picture at least this share has to be inside. */
const leastInside = 0.5;

/**
 * A cell of a file, brought into its picture: what reaches out a little is cut off.
 * @returns a sentence where it cannot be taken
 */
export const readCell = (className: string, box: Box, { widthPx, heightPx }: PictureSize): FieldCell | string => {
  const cellClass = parseCellClass(className);
  if (cellClass === undefined) return `there is no class ${JSON.stringify(className.slice(0, 60))}`;
  if (![box.left, box.top, box.right, box.bottom].every(Number.isFinite)) return "four finite numbers are due";
  const [width, height] = [box.right - box.left, box.bottom - box.top];
  if (width < 0 || height < 0) return "the box has a negative size";
  if (width < labelLimits.leastSidePx || height < labelLimits.leastSidePx) return "the box is empty";
  const inside = {
    left: clamp(box.left, widthPx),
    top: clamp(box.top, heightPx),
    right: clamp(box.right, widthPx),
    bottom: clamp(box.bottom, heightPx),
  };
  const share = ((inside.right - inside.left) * (inside.bottom - inside.top)) / (width * height);
  if (!(share >= leastInside)) return `the box lies outside the picture of ${widthPx} x ${heightPx}`;
  return { cellClass, box: inside };
};

/** Cells and faults of many rows. */
export const collectCells = (
  rows: Iterable<{ readonly place: string; readonly cell: FieldCell | string }>,
): ReadCells => {
  const cells: FieldCell[] = [];
  const faults: ImportFault[] = [];
  for (const { place, cell } of rows)
    if (typeof cell === "string") faults.push({ place, message: cell });
    else cells.push(cell);
  return { cells, faults };
};

/** A coordinate as it is written: a hundredth of a pixel is enough. */
export const rounded = (value: number): number => Math.round(value * 100) / 100;
