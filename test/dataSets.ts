import { existsSync } from "node:fs";
import { join } from "node:path";
import { projectRoot } from "../src/core/index.js";

/** Folder names of the data sets that tests read. */
export type DataSetName = "txl-pbc" | "oi-pbc" | "bccd" | "wbc-masks";

const dataDirectory = (): string => process.env.CYTOSTREAM_DATA ?? join(projectRoot(), "..", "shared", "data");

/**
 * Where a data set is, or undefined where it is not: under CYTOSTREAM_DATA, else `../shared/data` beside the project.
 * Tests that need one skip without it and say so in their names.
 */
export const dataSetPath = (name: DataSetName): string | undefined => {
  const path = join(dataDirectory(), name);
  return existsSync(path) ? path : undefined;
};
