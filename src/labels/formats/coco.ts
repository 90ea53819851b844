import { type FileHandle, mkdir, open, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { z } from "zod";
import { cellClasses } from "../../core/index.js";
import {
  collectCells,
  type ImportedField,
  insideFolder,
  invalidImport,
  type LabelReader,
  type LabelWriter,
  picturesIn,
  readCell,
  readText,
  rounded,
  stemOf,
} from "./format.js";

const identity = z.union([z.number(), z.string()]);

const document = z.object({
  images: z.array(z.object({ id: identity, file_name: z.string().min(1) })),
  annotations: z.array(z.unknown()),
  categories: z.array(z.object({ id: identity, name: z.string() })),
});

const annotation = z.object({
  image_id: identity,
  category_id: identity,
  bbox: z.tuple([z.number(), z.number(), z.number(), z.number()]),
});

const parseDocument = (text: string, path: string): z.infer<typeof document> => {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw invalidImport(`${path} is not JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
  const result = document.safeParse(value);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  throw invalidImport(`${path}: ${issue?.path.join(".")}: ${issue?.message}`);
};

interface Placed {
  readonly place: string;
  readonly value: z.infer<typeof annotation>;
}

/** COCO: one JSON file; its pictures beside it, below images/, or where their names say. */
export const readCoco: LabelReader = async function* (given) {
  const path = (await stat(given)).isDirectory() ? join(given, "annotations.json") : given;
  const { images, annotations, categories } = parseDocument(await readText(path), path);
  const names = new Map(categories.map(({ id, name }) => [id, name]));
  const known = new Set(images.map(({ id }) => id));
  const byImage = new Map<string | number, Placed[]>();
  for (const [index, value] of annotations.entries()) {
    const place = `${path}: annotations[${index}]`;
    const parsed = annotation.safeParse(value);
    if (!parsed.success) yield { place, message: parsed.error.issues[0]?.message ?? "it cannot be understood" };
    else if (!known.has(parsed.data.image_id)) yield { place, message: `there is no image ${parsed.data.image_id}` };
    else
      byImage.set(parsed.data.image_id, [...(byImage.get(parsed.data.image_id) ?? []), { place, value: parsed.data }]);
  }
  const folder = dirname(path);
  const beside = new Map([...(await picturesIn(folder)), ...(await picturesIn(join(folder, "images")))]);
  for (const [index, { id, file_name }] of images.entries()) {
    const picturePath = beside.get(stemOf(file_name)) ?? insideFolder(folder, file_name);
    const place = `${path}: images[${index}]`;
    if (picturePath === undefined) {
      yield { place, message: `${file_name} is not below ${folder}` };
      continue;
    }
    const field: ImportedField = {
      ...{ place, picturePath },
      cells: (size) =>
        collectCells(
          (byImage.get(id) ?? []).map(({ place: at, value: { bbox, category_id } }) => {
            const [left, top, width, height] = bbox;
            const name = names.get(category_id);
            const box = { left, top, right: left + width, bottom: top + height };
            return {
              place: at,
              cell: name === undefined ? `there is no category ${category_id}` : readCell(name, box, size),
            };
          }),
        ),
    };
    yield field;
  }
};

/** Annotations go to the file as they come; the list of pictures, one short object each, comes last. */
export const writeCoco = async (folder: string): Promise<LabelWriter> => {
  await mkdir(folder, { recursive: true });
  const file: FileHandle = await open(join(folder, "annotations.json"), "w");
  const categories = cellClasses.map((name, index) => ({ id: index + 1, name, supercategory: "cell" }));
  await file.writeFile(
    `{"info":{"description":"labelled fields"},"categories":${JSON.stringify(categories)},"annotations":[`,
  );
  const images: { id: number; file_name: string; width: number; height: number }[] = [];
  let annotations = 0;
  return {
    pictures: "images",
    async add({ cells, picture: { widthPx, heightPx } }, pictureName) {
      const id = images.length + 1;
      images.push({ id, file_name: pictureName, width: widthPx, height: heightPx });
      const texts = cells.map(({ cellClass, box: { left, top, right, bottom } }) => {
        const bbox = [left, top, right - left, bottom - top].map(rounded);
        const area = rounded((right - left) * (bottom - top));
        const category_id = cellClasses.indexOf(cellClass) + 1;
        return `${annotations++ === 0 ? "" : ","}\n${JSON.stringify({ id: annotations, image_id: id, category_id, bbox, area, iscrowd: 0, segmentation: [] })}`;
      });
      await file.writeFile(texts.join(""));
    },
    async finish() {
      await file.writeFile(`],"images":${JSON.stringify(images)}}\n`);
      await file.close();
    },
  };
};
