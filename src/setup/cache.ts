import { statfs } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { CytoError } from "../core/index.js";

/** Where downloads are kept that outlive node_modules: CYTOSTREAM_CACHE_DIR, else the user's cache folder. */
export const cacheDirectory = (environment: Readonly<Record<string, string | undefined>>): string => {
  const { CYTOSTREAM_CACHE_DIR: own, XDG_CACHE_HOME: user, HOME: home } = environment;
  return own || join(user || join(home || homedir(), ".cache"), "cytostream");
};

const mebibyte = 2 ** 20;

/** @throws CytoError SETUP_FAILED where a folder's disk has less room */
export const requireSpace = async (directory: string, neededMb: number): Promise<void> => {
  const { bavail, bsize } = await statfs(directory);
  const freeMb = Math.floor((bavail * bsize) / mebibyte);
  if (freeMb >= neededMb) return;
  throw new CytoError("SETUP_FAILED", `${directory} has ${freeMb} MB free, ${neededMb} MB are needed`, {
    remedy: "Make room, or name another folder: CYTOSTREAM_CACHE_DIR=/path/with/room.",
  });
};
