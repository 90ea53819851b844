import { readFileSync } from "node:fs";
import { join } from "node:path";
import { projectRoot } from "../core/index.js";

/** Version of cytostream, from its package.json. */
export const programVersion = (): string =>
  (JSON.parse(readFileSync(join(projectRoot(), "package.json"), "utf8")) as { version: string }).version;
