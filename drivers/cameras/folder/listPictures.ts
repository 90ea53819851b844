import type { Dirent } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { extname, join } from "node:path";
import { CytoError } from "../../../src/core/index.js";
import { pictureExtensions } from "../../../src/pictures/index.js";
import { isGlob, parseGlob } from "./glob.js";

/** Pictures in one source; a larger folder is refused rather than held in memory. */
const maxPictures = 1_000_000;
/** Folders within folders that are followed. */
const maxDepth = 32;

const collator = new Intl.Collator("en", { numeric: true, sensitivity: "base" });

/** Order in which people count: `field2` before `field10`, folders before what comes after them; total. */
export function compareNaturally(a: string, b: string): number {
  const left = a.split("/");
  const right = b.split("/");
  for (let index = 0; index < Math.min(left.length, right.length); index++) {
    const order = collator.compare(left[index]!, right[index]!);
    if (order !== 0) return order;
  }
  return left.length - right.length || (a < b ? -1 : a > b ? 1 : 0);
}

const isPictureName = (name: string): boolean => {
  const ending = extname(name).toLowerCase();
  return !name.startsWith(".") && pictureExtensions.some((extension) => extension === ending);
};

/**
 * The pictures that a source names, in natural order: those of a folder by their endings, all that match a glob, or a file.
 * @throws CytoError CAMERA_SOURCE_NOT_FOUND where there is none, CAMERA_DENIED where the folder may not be read
 */
export async function listPictures(source: string, options: { readonly recursive: boolean }): Promise<string[]> {
  const kind = await kindOf(source);
  if (kind === "file") return [source];
  const paths: string[] = [];
  if (kind === "folder") {
    await walk(source, { deep: options.recursive, accept: (_path, name) => isPictureName(name), paths }, 0);
  } else if (isGlob(source)) {
    const glob = parseGlob(source);
    if ((await kindOf(glob.base)) === "folder") {
      await walk(glob.base, { deep: glob.deep, accept: (path) => glob.matches(path), paths }, 0);
    }
  }
  if (paths.length === 0) throw notFound(source, kind);
  return paths.sort(compareNaturally);
}

async function kindOf(path: string): Promise<"file" | "folder" | "absent"> {
  try {
    return (await stat(path)).isDirectory() ? "folder" : "file";
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    if (code === "ENOENT" || code === "ENOTDIR") return "absent";
    throw unreadable(path, error);
  }
}

interface Walk {
  readonly deep: boolean;
  readonly accept: (path: string, name: string) => boolean;
  readonly paths: string[];
}

async function walk(folder: string, search: Walk, depth: number): Promise<void> {
  let entries: Dirent[];
  try {
    entries = await readdir(folder, { withFileTypes: true });
  } catch (error) {
    throw unreadable(folder, error);
  }
  for (const entry of entries) {
    const path = folder === "." ? entry.name : join(folder, entry.name);
    if (entry.isDirectory()) {
      if (search.deep && depth < maxDepth && !entry.name.startsWith(".")) await walk(path, search, depth + 1);
    } else if (search.accept(path, entry.name)) {
      if (search.paths.length >= maxPictures) throw tooMany(folder);
      search.paths.push(path);
    }
  }
}

const unreadable = (path: string, cause: unknown): CytoError =>
  new CytoError(
    "CAMERA_DENIED",
    `${path} cannot be read (${cause instanceof Error ? cause.message : String(cause)}).`,
    {
      cause,
      context: { path },
    },
  );

const tooMany = (folder: string): CytoError =>
  new CytoError("CAMERA_UNSUPPORTED", `There are more than ${maxPictures} pictures in ${folder}.`, {
    context: { folder, maxPictures },
  });

function notFound(source: string, kind: "folder" | "absent"): CytoError {
  const what = isGlob(source) ? "Nothing matches" : kind === "folder" ? "There is no picture in" : "There is no";
  return new CytoError("CAMERA_SOURCE_NOT_FOUND", `${what} ${source}.`, {
    context: { source },
    remedy: "Name a folder with JPEG, PNG, TIFF or BMP pictures, or a glob that matches some.",
  });
}
