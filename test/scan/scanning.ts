import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";
import type { ScanDesk, ScanRecord } from "../../src/scan/index.js";

const folders: string[] = [];
afterAll(() => Promise.all(folders.map((folder) => rm(folder, { recursive: true, force: true }))));

/** A folder for the scans of a test; gone when the file's tests are over. */
export const newFolder = async (): Promise<string> => {
  const folder = await mkdtemp(join(tmpdir(), "cytostream-scan-"));
  folders.push(folder);
  return folder;
};

/** Resolves with the record of the scan once it stands still. */
export const settled = async (desk: ScanDesk, id: string): Promise<ScanRecord> => {
  const now = await desk.show(id);
  if (now.state !== "running") return now;
  return new Promise((resolve) => {
    const stop = desk.onChange((record) => {
      if (record?.id !== id || record.state === "running") return;
      stop();
      resolve(record);
    });
  });
};

/** Resolves once so many fields of the scan that runs are done. */
export const fieldsDone = (desk: ScanDesk, fields: number): Promise<void> =>
  new Promise((resolve) => {
    const stop = desk.onChange((record) => {
      if ((record?.fieldsDone ?? 0) < fields) return;
      stop();
      resolve();
    });
  });
