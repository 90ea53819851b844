import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath, pathToFileURL } from "node:url";
import { Worker, type WorkerOptions } from "node:worker_threads";
import { CytoError } from "./errors.js";

export type SpawnWorkerOptions = Omit<WorkerOptions, "eval">;

/** What to run for a module, and the arguments for Node that make it run. */
export interface ModuleLaunch {
  readonly url: URL;
  readonly execArgv: readonly string[];
}

/** A module that lets a thread load TypeScript: on Node 20 tsx registers itself by `--import tsx` in the main thread alone. */
const typeScriptPreload = (): string => {
  const api = pathToFileURL(createRequire(import.meta.url).resolve("tsx/esm/api")).href.replace(
    /index\.cjs$/,
    "index.mjs",
  );
  return `data:text/javascript,${encodeURIComponent(`import { register } from ${JSON.stringify(api)}; register();`)}`;
};

/**
 * How to start a module as its own thread or process: from dist the `.js` as it is; from source, where there is only the `.ts`,
 * through tsx, found from here so that the working directory does not matter.
 *
 * @param moduleUrl the module as it would be imported, e.g. `new URL("./worker.js", import.meta.url)`
 * @throws CytoError INTERNAL when there is no such module
 */
export const launchOf = (moduleUrl: URL): ModuleLaunch => {
  if (existsSync(fileURLToPath(moduleUrl)) && !moduleUrl.pathname.endsWith(".ts")) {
    return { url: moduleUrl, execArgv: [] };
  }
  const source = new URL(moduleUrl.href.replace(/\.js$/, ".ts"));
  if (!existsSync(fileURLToPath(source))) {
    throw new CytoError("INTERNAL", `the module ${fileURLToPath(moduleUrl)} is not there`);
  }
  return { url: source, execArgv: ["--import", typeScriptPreload()] };
};

/**
 * Greatest size of a thread's heap for young objects, MiB. What our threads work on lies outside the heap (pixels, tensors);
 * the 48 MiB that V8 allows by default would fill with what a smaller heap frees early.
 */
const youngHeapMb = 6;

/**
 * Starts a worker thread from dist or from TypeScript source alike. The caller owns it and terminates it.
 *
 * @param moduleUrl the worker's module as it would be imported, e.g. `new URL("./worker.js", import.meta.url)`
 * @throws CytoError INTERNAL when there is no such module
 */
export const spawnWorker = (moduleUrl: URL, options: SpawnWorkerOptions = {}): Worker => {
  const launch = launchOf(moduleUrl);
  return new Worker(launch.url, {
    resourceLimits: { maxYoungGenerationSizeMb: youngHeapMb },
    ...options,
    execArgv: [...(options.execArgv ?? []), ...launch.execArgv],
  });
};
