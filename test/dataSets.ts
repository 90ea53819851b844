import { existsSync } from "node:fs";
import { join } from "node:path";
import { projectRoot } from "../src/core/index.js";

/** Folder names of the data sets that tests read. */
export type DataSetName = "txl-pbc" | "oi-pbc" | "bccd" | "wbc-masks";

/** CYTOSTREAM_DATA names the folder of the data sets; without it they are looked for beside the project. */
const dataDirectory = (): string => process.env.CYTOSTREAM_DATA ?? join(projectRoot(), "..", "shared", "data");

/**
 * Where a data set is, or undefined where it is not. Tests that need one skip without it, in CI too, and say so in their
 * names: `describe.skipIf(dataSetPath("bccd") === undefined)("… (needs the data set bccd)", …)`.
 */
export const dataSetPath = (name: DataSetName): string | undefined => {
  const path = join(dataDirectory(), name);
  return existsSync(path) ? path : undefined;
};
