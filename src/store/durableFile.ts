import { randomBytes } from "node:crypto";
import { type FileHandle, mkdir, open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { CytoError } from "../core/index.js";

/** A full disk has a code of its own: counting goes on without what could not be written. */
export const storeError = (error: unknown, path: string): CytoError => {
  if (error instanceof CytoError) return error;
  const { code } = error as NodeJS.ErrnoException;
  const full = code === "ENOSPC" || code === "EDQUOT" || code === "EFBIG";
  return new CytoError(full ? "STORE_FULL" : "STORE_FAILED", `${path} could not be written`, { cause: error });
};

/** Makes names in a folder survive a power cut, where the system can open folders. */
export const syncDirectory = async (path: string): Promise<void> => {
  if (process.platform === "win32") return;
  await using folder: FileHandle = await open(path, "r");
  await folder.sync();
};

/**
 * Writes a file whole or not at all: beside it, synced, then renamed over it; the old content stays until then.
 * @throws CytoError STORE_FULL, STORE_FAILED; the old content is untouched
 */
export const writeFileDurably = async (path: string, data: Uint8Array | string): Promise<void> => {
  const staged = `${path}.${randomBytes(6).toString("hex")}.new`;
  try {
    await mkdir(dirname(path), { recursive: true });
    {
      await using file: FileHandle = await open(staged, "wx");
      await file.writeFile(data);
      await file.sync();
    }
    await rename(staged, path);
    await syncDirectory(dirname(path));
  } catch (error) {
    await rm(staged, { force: true }).catch(() => {});
    throw storeError(error, path);
  }
};
