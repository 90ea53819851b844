import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const made: string[] = [];
process.once("exit", () => {
  for (const folder of made) rmSync(folder, { recursive: true, force: true });
});

/** A data directory that no other daemon has; gone when the bench is done. */
export const freshDataDirectory = (): string => {
  const folder = mkdtempSync(join(tmpdir(), "cytostream-data-"));
  made.push(folder);
  return folder;
};
