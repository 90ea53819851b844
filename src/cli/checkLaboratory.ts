import { access, constants, stat, statfs } from "node:fs/promises";
import { dirname } from "node:path";
import { directoryHolder, type LaboratoryPaths } from "../store/index.js";
import type { Check } from "./checks.js";

const name = "data directory";
/** Under this the store soon has no room, GiB. */
const leastFreeGib = 1;

const nearestFolder = async (path: string): Promise<string> =>
  stat(path).then(
    () => path,
    () => (dirname(path) === path ? path : nearestFolder(dirname(path))),
  );

/** Where labels and trained models lie, who works there, whether it can be written, how much room there is. */
export const checkLaboratory = async (paths: LaboratoryPaths): Promise<Check> => {
  const folder = await nearestFolder(paths.root);
  const writable = await access(folder, constants.W_OK).then(
    () => true,
    () => false,
  );
  if (!writable) {
    const remedy = "Give another `dataDir` (variable CYTOSTREAM_DATA_DIR), or the right to write there.";
    return { name, state: "broken", detail: `${paths.root} cannot be written`, remedy };
  }
  const { bavail, bsize } = await statfs(folder);
  const freeGib = (bavail * bsize) / 2 ** 30;
  const there = folder === paths.root;
  const holder = there ? await directoryHolder(paths) : undefined;
  const at = holder?.url === undefined ? "" : ` at ${holder.url}`;
  const who = holder ? `, process ${holder.pid} works there${at}` : "";
  const detail = `${paths.root}${there ? "" : ", made by the first start"}, ${freeGib.toFixed(1)} GiB free${who}`;
  return freeGib >= leastFreeGib
    ? { name, state: "ok", detail }
    : { name, state: "lacking", detail, remedy: "Free space: labels are refused on a full disk (STORE_FULL)." };
};
