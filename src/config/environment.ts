import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { projectRoot } from "../core/index.js";

type Environment = Readonly<Record<string, string | undefined>>;

/** Where data sets are looked for: CYTOSTREAM_DATA, else `../shared/data` beside the project. */
export const dataDirectory = (environment: Environment): string =>
  environment.CYTOSTREAM_DATA === undefined
    ? join(projectRoot(), "..", "shared", "data")
    : resolve(environment.CYTOSTREAM_DATA);

/** A path, `~/` at its begin being the home folder. */
export const atHome = (path: string): string => (path.startsWith("~/") ? join(homedir(), path.slice(2)) : path);

/** The configuration file: the one given, else CYTOSTREAM_CONFIG, else none. `~/` is the home folder. */
export const configFile = (given: string | undefined, environment: Environment): string | undefined => {
  const path = given ?? environment.CYTOSTREAM_CONFIG;
  return path === undefined ? undefined : atHome(path);
};
