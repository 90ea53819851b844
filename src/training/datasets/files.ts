import { readdir, readFile } from "node:fs/promises";
import { basename, extname, join } from "node:path";
import sharp from "sharp";
import { CytoError } from "../../core/index.js";
import { decodePicture } from "../../pictures/index.js";

export const pictureSuffixes: ReadonlySet<string> = new Set([".jpg", ".jpeg", ".png", ".tif", ".tiff", ".bmp"]);

export const invalid = (message: string, context: Record<string, unknown> = {}, cause?: unknown): CytoError =>
  new CytoError("DATASET_INVALID", message, { context, cause });

const codeOf = (error: unknown): string | undefined => (error as NodeJS.ErrnoException | undefined)?.code;

/** A text file, or undefined where there is none. @throws CytoError DATASET_INVALID where it cannot be read */
export const readText = async (path: string): Promise<string | undefined> => {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if (codeOf(error) === "ENOENT") return undefined;
    throw invalid(`${path} cannot be read (${codeOf(error) ?? String(error)})`, { path }, error);
  }
};

/** Names in a folder, sorted by code point, or undefined where there is none. @throws CytoError DATASET_INVALID */
export const listNames = async (directory: string): Promise<readonly string[] | undefined> => {
  try {
    return (await readdir(directory)).sort();
  } catch (error) {
    if (codeOf(error) === "ENOENT" || codeOf(error) === "ENOTDIR") return undefined;
    throw invalid(`${directory} cannot be read (${codeOf(error) ?? String(error)})`, { path: directory }, error);
  }
};

/** Pictures of a folder by id (name without extension). @throws CytoError DATASET_INVALID for two pictures of one id */
export const listPictures = async (directory: string): Promise<ReadonlyMap<string, string>> => {
  const names = await listNames(directory);
  if (!names) throw invalid(`${directory} is not there`, { path: directory });
  const pictures = new Map<string, string>();
  for (const name of names) {
    if (!pictureSuffixes.has(extname(name).toLowerCase())) continue;
    const id = basename(name, extname(name));
    if (pictures.has(id)) throw invalid(`${directory} has two pictures called ${id}`, { path: directory });
    pictures.set(id, join(directory, name));
  }
  return pictures;
};

/** Size of a picture as it is shown, from its header. @throws CytoError IMAGE_UNREADABLE */
export const pictureSize = async (path: string): Promise<{ widthPx: number; heightPx: number }> => {
  if (extname(path).toLowerCase() === ".bmp") {
    const { width, height } = await decodePicture(path);
    return { widthPx: width, heightPx: height };
  }
  try {
    const { autoOrient } = await sharp(path).metadata();
    return { widthPx: autoOrient.width, heightPx: autoOrient.height };
  } catch (error) {
    const why = error instanceof Error ? error.message.split("\n")[0] : String(error);
    throw new CytoError("IMAGE_UNREADABLE", `${path} cannot be decoded (${why})`, { cause: error, context: { path } });
  }
};

/** Applies `map` to all items, at most `width` at a time; results in the items' order. */
export const mapBounded = async <T, R>(
  items: readonly T[],
  width: number,
  map: (item: T, index: number) => Promise<R>,
): Promise<R[]> => {
  const results: R[] = new Array<R>(items.length);
  let next = 0;
  const work = async (): Promise<void> => {
    for (let index = next++; index < items.length; index = next++) results[index] = await map(items[index]!, index);
  };
  await Promise.all(Array.from({ length: Math.min(width, items.length) }, work));
  return results;
};

/** Maps a list that is taken from `start` on and round to it again; results in the items' order. */
export const mapFrom = async <T, R>(
  start: number,
  items: readonly T[],
  map: (items: readonly T[]) => Promise<readonly R[]>,
): Promise<readonly R[]> => {
  const results = await map([...items.slice(start), ...items.slice(0, start)]);
  const before = items.length - start;
  return [...results.slice(before), ...results.slice(0, before)];
};
