import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import {
  collectCells,
  type ImportedField,
  type LabelReader,
  type LabelWriter,
  listFolder,
  type PictureSize,
  picturesIn,
  type ReadCells,
  readCell,
  readText,
  rounded,
  stemOf,
} from "./format.js";

const entities: Readonly<Record<string, string>> = { lt: "<", gt: ">", amp: "&", quot: '"', apos: "'" };

const elementText = (xml: string, name: string): string | undefined =>
  new RegExp(`<${name}(?:\\s[^>]*)?>([\\s\\S]*?)</${name}\\s*>`)
    .exec(xml)?.[1]
    ?.trim()
    .replace(/&(lt|gt|amp|quot|apos);/g, (_, entity: string) => entities[entity]!);

/** A number that is there; an empty or missing element is none. */
const numberIn = (xml: string, name: string): number => {
  const text = elementText(xml, name);
  return text === undefined || text === "" ? Number.NaN : Number(text);
};

const parseObject = (xml: string, size: PictureSize) => {
  const name = elementText(xml, "name");
  if (name === undefined) return "the object has no name";
  // Parts of an object have boxes of their own.
  const box = elementText(xml.replace(/<part(?:\s[^>]*)?>[\s\S]*?<\/part\s*>/g, ""), "bndbox");
  if (box === undefined) return "the object has no bndbox";
  const [left, top, right, bottom] = ["xmin", "ymin", "xmax", "ymax"].map((key) => numberIn(box, key)) as [
    number,
    number,
    number,
    number,
  ];
  return readCell(name, { left, top, right, bottom }, size);
};

const readAnnotation = (text: string, path: string, size: PictureSize): ReadCells => {
  // Comments go, their lines stay.
  const xml = text.replace(/<!--[\s\S]*?-->/g, (comment) => comment.replace(/[^\n]/g, " "));
  if (!/<annotation[\s>]/.test(xml) || !/<\/annotation\s*>/.test(xml))
    return { cells: [], faults: [{ place: `${path}:1`, message: "this is not a whole Pascal VOC annotation" }] };
  return collectCells(
    [...xml.matchAll(/<object(?:\s[^>]*)?>([\s\S]*?)<\/object\s*>/g)].map((match) => ({
      place: `${path}:${xml.slice(0, match.index).split("\n").length}`,
      cell: parseObject(match[1]!, size),
    })),
  );
};

/** Pascal VOC: JPEGImages, Annotations; whatever the splits. */
export const readVoc: LabelReader = async function* (folder) {
  const annotations = join(folder, "Annotations");
  const pictures = await picturesIn(join(folder, "JPEGImages"));
  for (const name of (await listFolder(annotations)) ?? []) {
    if (!name.endsWith(".xml")) continue;
    const path = join(annotations, name);
    const picturePath = pictures.get(stemOf(name));
    if (picturePath === undefined) {
      yield { place: path, message: "there is no picture for it in JPEGImages" };
      continue;
    }
    const text = await readText(path);
    const field: ImportedField = { place: path, picturePath, cells: (size) => readAnnotation(text, path, size) };
    yield field;
  }
};

export const writeVoc = async (folder: string): Promise<LabelWriter> => {
  const annotations = join(folder, "Annotations");
  const sets = join(folder, "ImageSets", "Main");
  for (const each of [annotations, sets]) await mkdir(each, { recursive: true });
  const names: string[] = [];
  return {
    pictures: "JPEGImages",
    async add({ cells, picture: { widthPx, heightPx } }, pictureName) {
      const objects = cells.map(({ cellClass, box }) => {
        const sides = [
          ["xmin", box.left],
          ["ymin", box.top],
          ["xmax", box.right],
          ["ymax", box.bottom],
        ] as const;
        const inner = sides.map(([side, value]) => `<${side}>${rounded(value)}</${side}>`).join("");
        return `  <object><name>${cellClass}</name><bndbox>${inner}</bndbox></object>\n`;
      });
      const size = `  <size><width>${widthPx}</width><height>${heightPx}</height><depth>3</depth></size>\n`;
      const text = `<annotation>\n  <filename>${pictureName}</filename>\n${size}${objects.join("")}</annotation>\n`;
      names.push(stemOf(pictureName));
      await writeFile(join(annotations, `${stemOf(pictureName)}.xml`), text);
    },
    finish: () => writeFile(join(sets, "train.txt"), names.map((name) => `${name}\n`).join("")),
  };
};
