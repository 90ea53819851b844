import { join } from "node:path";
import { type CellClass, parseCellClass } from "../../core/index.js";
import type { LayoutReader, ListedField, RawLabel } from "./dataset.js";
import { invalid, listNames, listPictures, readText } from "./files.js";

const entities: Readonly<Record<string, string>> = { lt: "<", gt: ">", amp: "&", quot: '"', apos: "'" };

const unescapeXml = (text: string): string =>
  text.replace(/&(lt|gt|amp|quot|apos);/g, (_, name: string) => entities[name]!).trim();

/** Blanks out comments, keeping every line break, so that places in the text stay what they are. */
const withoutComments = (xml: string): string =>
  xml.replace(/<!--[\s\S]*?-->/g, (comment) => comment.replace(/[^\n]/g, " "));

/** Text of the first element `tag` in a piece of XML, or undefined. */
const elementText = (xml: string, tag: string): string | undefined => {
  const found = new RegExp(`<${tag}(?:\\s[^>]*)?>([\\s\\S]*?)</${tag}\\s*>`).exec(xml);
  return found ? unescapeXml(found[1]!) : undefined;
};

const lineOf = (text: string, at: number): number => {
  let line = 1;
  for (let index = text.indexOf("\n"); index >= 0 && index < at; index = text.indexOf("\n", index + 1)) line++;
  return line;
};

const numberOf = (xml: string, tag: string, place: string): number => {
  const text = elementText(xml, tag);
  const value = text === undefined || text === "" ? Number.NaN : Number(text);
  if (!Number.isFinite(value)) throw invalid(`${place}: ${tag} is not a finite number: "${text ?? "absent"}"`);
  return value;
};

const parseObject = (xml: string, place: string): RawLabel => {
  const name = elementText(xml, "name");
  if (name === undefined) throw invalid(`${place}: an object without a name`);
  const cellClass = parseCellClass(name);
  if (!cellClass) throw invalid(`${place}: a class that is not in the taxonomy: ${name}`, { unknown: [name] });
  const box = elementText(xml, "bndbox");
  if (box === undefined) throw invalid(`${place}: an object without a box (bndbox)`);
  const [left, top, right, bottom] = ["xmin", "ymin", "xmax", "ymax"].map((tag) => numberOf(box, tag, place));
  if (right! < left! || bottom! < top!) throw invalid(`${place}: a box of negative size`);
  return { cellClass, left: left!, top: top!, right: right!, bottom: bottom!, place };
};

const checkSize = (xml: string, path: string, { widthPx, heightPx }: { widthPx: number; heightPx: number }): void => {
  const size = elementText(xml, "size");
  if (size === undefined) return;
  const [width, height] = [numberOf(size, "width", path), numberOf(size, "height", path)];
  // Several tools write 0 x 0 where they did not look at the picture.
  if (width === 0 && height === 0) return;
  if (width !== widthPx || height !== heightPx)
    throw invalid(`${path} is for a picture of ${width} x ${height}, the picture is ${widthPx} x ${heightPx}`, {
      path,
    });
};

/** Reads a Pascal VOC annotation: `<object>` elements with `<name>` and `<bndbox>`, in px of the picture. */
export const parseVocAnnotation = (
  text: string,
  { path, widthPx, heightPx }: { path: string; widthPx: number; heightPx: number },
): RawLabel[] => {
  const xml = withoutComments(text);
  if (!/<annotation[\s>]/.test(xml) || !/<\/annotation\s*>/.test(xml))
    throw invalid(`${path} is not a whole Pascal VOC annotation`, { path });
  checkSize(xml.replace(/<object[\s>][\s\S]*?<\/object\s*>/g, ""), path, { widthPx, heightPx });
  const labels: RawLabel[] = [];
  for (const match of xml.matchAll(/<object(?:\s[^>]*)?>([\s\S]*?)<\/object\s*>/g)) {
    const place = `${path}:${lineOf(xml, match.index)}`;
    const label = parseObject(match[1]!, place);
    const margin = 0.5 * Math.max(widthPx, heightPx);
    if (
      label.left < -margin ||
      label.top < -margin ||
      label.right > widthPx + margin ||
      label.bottom > heightPx + margin
    )
      throw invalid(`${place}: a box out of range of the picture of ${widthPx} x ${heightPx}`);
    labels.push(label);
  }
  return labels;
};

/** Reads ids of a split, one a line; what follows a blank (the flag of per-class files) is not looked at. */
const parseSplit = (text: string): readonly string[] =>
  text
    .split(/\r?\n/)
    .map((line) => line.trim().split(/\s+/)[0]!)
    .filter((id) => id !== "");

const namedClasses = async (annotations: string): Promise<readonly CellClass[]> => {
  const classes = new Set<CellClass>();
  for (const name of (await listNames(annotations)) ?? []) {
    const xml = withoutComments((await readText(join(annotations, name))) ?? "");
    for (const match of xml.matchAll(/<object(?:\s[^>]*)?>([\s\S]*?)<\/object\s*>/g)) {
      const cellClass = parseCellClass(elementText(match[1]!, "name") ?? "");
      if (cellClass) classes.add(cellClass);
    }
  }
  return [...classes];
};

/**
 * The Pascal VOC layout: JPEGImages, Annotations (one XML file a picture), ImageSets/Main/<split>.txt.
 * @throws CytoError DATASET_INVALID
 */
export const openPascalVoc = async (directory: string): Promise<LayoutReader> => {
  const sets = join(directory, "ImageSets", "Main");
  const splits = ((await listNames(sets)) ?? []).flatMap((name) => (name.endsWith(".txt") ? name.slice(0, -4) : []));
  if (splits.length === 0) throw invalid(`${sets} has no split (train.txt, val.txt, ...)`, { path: sets });
  const annotations = join(directory, "Annotations");
  return {
    layout: "voc",
    splits,
    classes: await namedClasses(annotations),
    async list(split) {
      const path = join(sets, `${split}.txt`);
      const images = join(directory, "JPEGImages");
      const pictures = await listPictures(images);
      const labelled = new Set(await listNames(annotations));
      const ids = [...new Set(parseSplit((await readText(path)) ?? ""))].sort();
      return ids.map((id): ListedField => {
        const picturePath = pictures.get(id);
        if (!picturePath) throw invalid(`${path}: no picture ${id} in ${images}`, { path });
        if (!labelled.has(`${id}.xml`)) throw invalid(`${path}: no annotation ${id}.xml in ${annotations}`, { path });
        return { id, picturePath, labelPath: join(annotations, `${id}.xml`) };
      });
    },
    async labels({ labelPath }, size) {
      const path = labelPath!;
      return parseVocAnnotation((await readText(path)) ?? "", { path, ...size });
    },
  };
};
