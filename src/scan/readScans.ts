import { CytoError } from "../core/index.js";
import type { ScanRecord } from "./desk.js";
import { listScans, readRecord, type ScanPaths, scanFolder } from "./record/index.js";

/** The scans of a data directory as they lie there, newest first; those that cannot be read are left out. @throws CytoError STORE_FAILED */
export const readScans = async (paths: ScanPaths): Promise<readonly ScanRecord[]> => {
  const records: ScanRecord[] = [];
  for (const id of await listScans(paths)) {
    try {
      records.push(await readRecord(scanFolder(paths, id)));
    } catch (error) {
      if (!["SCAN_NOT_FOUND", "STORE_DAMAGED"].includes(CytoError.from(error).code)) throw error;
    }
  }
  return records;
};
