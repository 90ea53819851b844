import { mkdir, writeFile } from "node:fs/promises";
import { isAbsolute, join, resolve, sep } from "node:path";
import { parse } from "yaml";
import { cellClasses } from "../../core/index.js";
import {
  collectCells,
  type ImportedField,
  invalidImport,
  type LabelReader,
  type LabelWriter,
  listFolder,
  type PictureSize,
  picturesIn,
  type ReadCells,
  readCell,
  readText,
  stemOf,
} from "./format.js";

const splits = ["train", "val", "test"] as const;

const namesOf = (value: unknown, path: string): ReadonlyMap<number, string> => {
  const entries = value !== null && typeof value === "object" ? Object.entries(value) : [];
  if (entries.length === 0) throw invalidImport(`${path}: names lists the classes`);
  return new Map(entries.map(([index, name]) => [Number(index), String(name)]));
};

const parseLine = (line: string, names: ReadonlyMap<number, string>, { widthPx, heightPx }: PictureSize) => {
  const [index, x, y, width, height, ...more] = line.split(/\s+/).map(Number) as [
    number,
    number,
    number,
    number,
    number,
  ];
  if (height === undefined || more.length > 0) return "five numbers are due: class x y width height";
  const name = names.get(index);
  if (name === undefined) return `class ${index} is not among the names of data.yaml`;
  // Beyond this it is another unit (pixels), which would only look like a box outside.
  if ([x, y, width, height].some((value) => value > 1.5)) return "fractions of the picture are due";
  const box = {
    left: (x - width / 2) * widthPx,
    top: (y - height / 2) * heightPx,
    right: (x + width / 2) * widthPx,
    bottom: (y + height / 2) * heightPx,
  };
  return readCell(name, box, { widthPx, heightPx });
};

const readLabels = (text: string, path: string, names: ReadonlyMap<number, string>, size: PictureSize): ReadCells =>
  collectCells(
    text
      .split(/\r?\n/)
      .map((line, index) => ({ line: line.trim(), place: `${path}:${index + 1}` }))
      .filter(({ line }) => line !== "")
      .map(({ line, place }) => ({ place, cell: parseLine(line, names, size) })),
  );

interface Split {
  readonly images: string;
  readonly labels: string;
}

const splitsOf = (folder: string, yaml: Readonly<Record<string, unknown>>): Split[] => {
  const root = resolve(folder, typeof yaml.path === "string" ? yaml.path : ".");
  return splits.flatMap((split) => {
    const value = yaml[split];
    if (typeof value !== "string") return [];
    const images = isAbsolute(value) ? value : join(root, value);
    const parts = images.split(sep);
    parts[parts.lastIndexOf("images")] = "labels";
    return [{ images, labels: parts.join(sep) }];
  });
};

/** YOLO: data.yaml, images/<split>, labels/<split>. A picture without a label file has no cells. */
export const readYolo: LabelReader = async function* (folder) {
  const path = join(folder, "data.yaml");
  const yaml = (parse(await readText(path)) ?? {}) as Readonly<Record<string, unknown>>;
  const names = namesOf(yaml.names, path);
  for (const { images, labels } of splitsOf(folder, yaml)) {
    const pictures = await picturesIn(images);
    const labelled = new Set(((await listFolder(labels)) ?? []).filter((name) => name.endsWith(".txt")));
    for (const name of labelled)
      if (!pictures.has(stemOf(name)))
        yield { place: join(labels, name), message: `there is no picture for it in ${images}` };
    for (const [stem, picturePath] of pictures) {
      const labelPath = join(labels, `${stem}.txt`);
      const text = labelled.has(`${stem}.txt`) ? await readText(labelPath) : "";
      const field: ImportedField = {
        place: labelPath,
        picturePath,
        cells: (size) => readLabels(text, labelPath, names, size),
      };
      yield field;
    }
  }
};

export const writeYolo = async (folder: string): Promise<LabelWriter> => {
  const pictures = join("images", "train");
  const labels = join(folder, "labels", "train");
  await mkdir(labels, { recursive: true });
  return {
    pictures,
    async add({ cells, picture: { widthPx, heightPx } }, pictureName) {
      const lines = cells.map(({ cellClass, box: { left, top, right, bottom } }) => {
        const numbers = [
          (left + right) / 2 / widthPx,
          (top + bottom) / 2 / heightPx,
          (right - left) / widthPx,
          (bottom - top) / heightPx,
        ];
        return `${cellClasses.indexOf(cellClass)} ${numbers.map((value) => value.toFixed(6)).join(" ")}\n`;
      });
      await writeFile(join(labels, `${stemOf(pictureName)}.txt`), lines.join(""));
    },
    finish: () =>
      writeFile(join(folder, "data.yaml"), `path: .\ntrain: images/train\nnames: [${cellClasses.join(", ")}]\n`),
  };
};
