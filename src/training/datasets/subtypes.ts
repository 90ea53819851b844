import { join } from "node:path";
import {
  type CellClass,
  densityClassOf,
  isLeukocyteClass,
  type LeukocyteClass,
  parseCellClass,
} from "../../core/index.js";
import type { RawLabel } from "./dataset.js";
import { invalid, readText } from "./files.js";

/**
 * Reads a table `image,subtype`: the leukocyte classes seen in a picture, by the picture's id. An empty subtype says
 * nothing; several, in further columns or lines, are kept all.
 * @throws CytoError DATASET_INVALID naming file and line
 */
export const parseSubtypes = (text: string, path: string): ReadonlyMap<string, readonly LeukocyteClass[]> => {
  const subtypes = new Map<string, LeukocyteClass[]>();
  const [header, ...lines] = text.replace(/^\uFEFF/, "").split(/\r?\n/);
  if (header?.trim() !== "image,subtype") throw invalid(`${path}:1: the header "image,subtype" is due`, { path });
  lines.forEach((line, index) => {
    if (line.trim() === "") return;
    const place = `${path}:${index + 2}`;
    const [id, ...names] = line.split(",").map((column) => column.trim());
    if (!id || names.length === 0) throw invalid(`${place}: an image and its subtypes are due, not "${line}"`);
    for (const name of names) {
      if (name === "") continue;
      const cellClass = parseCellClass(name);
      if (!cellClass || !isLeukocyteClass(cellClass)) throw invalid(`${place}: not a leukocyte class: ${name}`);
      subtypes.set(id, [...(subtypes.get(id) ?? []), cellClass]);
    }
  });
  return subtypes;
};

/** `subtypes.csv` of a data set's folder; empty where there is none. @throws CytoError DATASET_INVALID */
export const readSubtypes = async (directory: string): Promise<ReadonlyMap<string, readonly LeukocyteClass[]>> => {
  const path = join(directory, "subtypes.csv");
  const text = await readText(path);
  return text === undefined ? new Map() : parseSubtypes(text, path);
};

const isPlainLeukocyte = (cellClass: CellClass): boolean => cellClass === "leukocyte";

/** Names the leukocyte of a field that has exactly one, where exactly one subtype is told; else nothing changes. */
export const refineLeukocyte = (
  labels: readonly RawLabel[],
  subtypes: readonly LeukocyteClass[] | undefined,
): readonly RawLabel[] => {
  const [subtype, ...others] = subtypes ?? [];
  const leukocytes = labels.filter(({ cellClass }) => densityClassOf(cellClass) === "leukocyte");
  if (!subtype || others.length > 0 || leukocytes.length !== 1) return labels;
  return labels.map((label) => (isPlainLeukocyte(label.cellClass) ? { ...label, cellClass: subtype } : label));
};
