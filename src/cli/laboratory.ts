import { userInfo } from "node:os";
import type { Command } from "commander";
import { type Config, configFile, loadConfig } from "../config/index.js";
import { CytoError, type ErrorCode, errorTable, modelsDirectory } from "../core/index.js";
import { dataDirectoryOf } from "../daemon/index.js";
import { type OpenModelDesk, openModelDesk } from "../registry/index.js";
import { directoryHolder, type LaboratoryPaths, laboratoryPaths, lockDirectory } from "../store/index.js";

export interface LaboratoryOptions {
  readonly config?: string;
  readonly dataDir?: string;
}

/** Options of the commands that work in the data directory. */
export interface DataDirectoryOptions extends LaboratoryOptions {
  readonly json?: boolean;
}

export const withDataDirectory = (command: Command): Command =>
  command
    .option("--data-dir <DIR>", "data directory (also the variable CYTOSTREAM_DATA_DIR); default: the configuration's")
    .option("--config <file>", "YAML file (also the variable CYTOSTREAM_CONFIG)")
    .option("--json", "print one JSON object", false);

export interface Laboratory {
  readonly config: Config;
  readonly paths: LaboratoryPaths;
}

/** The data directory that the options, the environment or the configuration name. */
export const openLaboratory = async ({ config: given, dataDir }: LaboratoryOptions): Promise<Laboratory> => {
  const file = configFile(given, process.env);
  const sources = { environment: process.env, settings: dataDir === undefined ? [] : [`dataDir=${dataDir}`] };
  const config = await loadConfig(file === undefined ? sources : { ...sources, file });
  return { config, paths: laboratoryPaths(dataDirectoryOf(config)) };
};

export const userName = (): string => {
  try {
    return userInfo().username;
  } catch {
    return "unknown";
  }
};

/** What a daemon answered in place of a result. */
export const daemonError = (value: unknown, status: number): CytoError => {
  const { code, message } = (value ?? {}) as { code?: unknown; message?: unknown };
  const known = typeof code === "string" && code in errorTable ? (code as ErrorCode) : "INTERNAL";
  return new CytoError(known, typeof message === "string" ? message : `the daemon answered ${status}`);
};

/**
 * Asks the daemon that works in the data directory.
 * @param body sent as JSON by POST; GET without it
 * @throws CytoError what the daemon answered, NOT_READY where it does not answer
 */
export const askDaemon = async (url: string, path: string, body?: unknown): Promise<unknown> => {
  const post = { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
  const response = await fetch(new URL(path, url), body === undefined ? {} : post).catch((cause: unknown) => {
    throw new CytoError("NOT_READY", `the daemon at ${url} does not answer`, { cause });
  });
  const answer: unknown = await response.json().catch(() => undefined);
  if (!response.ok) throw daemonError(answer, response.status);
  return answer;
};

/**
 * The address of the daemon that works in the data directory; undefined where none does.
 * @throws CytoError DATA_DIRECTORY_BUSY where a process works there that cannot be asked
 */
export const daemonUrl = async ({ paths }: Laboratory): Promise<string | undefined> => {
  const holder = await directoryHolder(paths);
  if (holder && holder.url === undefined)
    throw new CytoError("DATA_DIRECTORY_BUSY", `process ${holder.pid} works in ${paths.root} and has no address`);
  return holder?.url;
};

/** Works on the models of a data directory that no daemon holds, and holds it meanwhile. @throws CytoError DATA_DIRECTORY_BUSY */
export const withDesk = async <T>(
  { config, paths }: Laboratory,
  work: (desk: OpenModelDesk) => Promise<T>,
): Promise<T> => {
  await using _lock = await lockDirectory(paths);
  const { models, precision } = config.detection;
  await using desk = await openModelDesk({
    ...{ paths, shippedDir: modelsDirectory(), gate: config.training.gate },
    choice: { ...models, precision },
  });
  return await work(desk);
};
