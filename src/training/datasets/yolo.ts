import { basename, isAbsolute, join, resolve, sep } from "node:path";
import { parse } from "yaml";
import { z } from "zod";
import { type CellClass, parseCellClass } from "../../core/index.js";
import type { LayoutReader, ListedField, RawLabel } from "./dataset.js";
import { invalid, listNames, listPictures, readText } from "./files.js";

const splitKeys = ["train", "val", "test"] as const;

const dataYaml = z.object({
  path: z.string().optional(),
  train: z.string().nullish(),
  val: z.string().nullish(),
  test: z.string().nullish(),
  names: z.union([z.array(z.string()), z.record(z.string().regex(/^\d+$/), z.string())]),
});

const parseYaml = (text: string, path: string): z.infer<typeof dataYaml> => {
  let value: unknown;
  try {
    value = parse(text);
  } catch (error) {
    throw invalid(`${path} is not YAML: ${error instanceof Error ? error.message : String(error)}`, { path }, error);
  }
  const result = dataYaml.safeParse(value);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  throw invalid(`${path}: ${issue?.path.join(".") || "content"}: ${issue?.message ?? "wrong"}`, { path });
};

const parseNames = (
  names: readonly string[] | Record<string, string>,
  path: string,
): ReadonlyMap<number, CellClass> => {
  const classes = new Map<number, CellClass>();
  const unknown: string[] = [];
  for (const [index, name] of Object.entries(names)) {
    const cellClass = parseCellClass(name);
    if (cellClass) classes.set(Number(index), cellClass);
    else unknown.push(name);
  }
  if (unknown.length > 0)
    throw invalid(`${path} names classes that are not in the taxonomy: ${unknown.join(", ")}`, { path, unknown });
  return classes;
};

/** The labels' folder beside a folder of pictures: the last `images` of the path becomes `labels`. */
const labelsBeside = (images: string): string | undefined => {
  const parts = images.split(sep);
  const at = parts.lastIndexOf("images");
  return at < 0 ? undefined : [...parts.slice(0, at), "labels", ...parts.slice(at + 1)].join(sep);
};

const parseLine = (line: string, classes: ReadonlyMap<number, CellClass>, place: string) => {
  const values = line.split(/\s+/).map(Number);
  const [index, x, y, width, height] = values;
  if (values.length !== 5) throw invalid(`${place}: five numbers are due (class x y width height), not "${line}"`);
  if (!values.every(Number.isFinite)) throw invalid(`${place}: not five finite numbers: "${line}"`);
  const cellClass = classes.get(index!);
  if (!cellClass) throw invalid(`${place}: class ${index} is not among the names of data.yaml`);
  if (width! < 0 || height! < 0) throw invalid(`${place}: a box of negative size: "${line}"`);
  // Far outside means another unit (pixels) or another picture, which clipping would hide.
  if ([x!, y!, width!, height!].some((value) => value < -0.5 || value > 1.5))
    throw invalid(`${place}: out of range, fractions of the picture are due: "${line}"`);
  return { cellClass, x: x!, y: y!, width: width!, height: height! };
};

/** Reads YOLO labels: lines of `class x y width height`, centre and size as fractions of the picture. */
export const parseYoloLabels = (
  text: string,
  classes: ReadonlyMap<number, CellClass>,
  { path, widthPx, heightPx }: { path: string; widthPx: number; heightPx: number },
): RawLabel[] =>
  text.split(/\r?\n/).flatMap((raw, index) => {
    const line = raw.trim();
    if (line === "") return [];
    const place = `${path}:${index + 1}`;
    const { cellClass, x, y, width, height } = parseLine(line, classes, place);
    return {
      cellClass,
      left: (x - width / 2) * widthPx,
      top: (y - height / 2) * heightPx,
      right: (x + width / 2) * widthPx,
      bottom: (y + height / 2) * heightPx,
      place,
    };
  });

interface SplitFolders {
  readonly images: string;
  readonly labels: string;
}

const splitFolders = (directory: string, yaml: z.infer<typeof dataYaml>, path: string): Map<string, SplitFolders> => {
  const root = resolve(directory, yaml.path ?? ".");
  const folders = new Map<string, SplitFolders>();
  for (const split of splitKeys) {
    const value = yaml[split];
    if (!value) continue;
    const images = isAbsolute(value) ? value : join(root, value);
    const labels = labelsBeside(images);
    if (!labels) throw invalid(`${path}: ${split}: a folder of pictures has "images" in its path, not ${value}`);
    folders.set(split, { images, labels });
  }
  if (folders.size === 0) throw invalid(`${path} names no split (train, val, test)`, { path });
  return folders;
};

/**
 * The YOLO layout: `data.yaml` (names, and where the splits' pictures are), images/<split>, labels/<split>.
 * A picture without a label file is a field without cells, as the layout has it.
 * @throws CytoError DATASET_INVALID
 */
export const openYolo = async (directory: string): Promise<LayoutReader> => {
  const path = join(directory, "data.yaml");
  const yaml = parseYaml((await readText(path)) ?? "", path);
  const classes = parseNames(yaml.names, path);
  const folders = splitFolders(directory, yaml, path);
  return {
    layout: "yolo",
    splits: [...folders.keys()],
    classes: [...new Set(classes.values())],
    async list(split) {
      const { images, labels } = folders.get(split)!;
      const pictures = await listPictures(images);
      const names = await listNames(labels);
      if (!names) throw invalid(`${labels} is not there`, { path: labels });
      const labelled = new Set(names);
      const stray = names.find((name) => name.endsWith(".txt") && !pictures.has(basename(name, ".txt")));
      if (stray) throw invalid(`${join(labels, stray)} has no picture in ${images}`, { path: labels });
      return [...pictures].map(
        ([id, picturePath]): ListedField => ({
          id,
          picturePath,
          labelPath: labelled.has(`${id}.txt`) ? join(labels, `${id}.txt`) : undefined,
        }),
      );
    },
    async labels({ labelPath }, size) {
      if (!labelPath) return [];
      return parseYoloLabels((await readText(labelPath)) ?? "", classes, { path: labelPath, ...size });
    },
  };
};
