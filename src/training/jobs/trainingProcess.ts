import { type ChildProcess, type StdioOptions, spawn, spawnSync } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { launchOf } from "../../core/index.js";

/**
 * Programs of Linux that start another one: so that it dies with its parent even where it stands still, computes when nobody
 * else wants to, reads and writes likewise, and yields. Each of its threads inherits it.
 */
const wrappers: readonly (readonly string[])[] = [
  ["setpriv", "--pdeathsig", "KILL"],
  ["chrt", "-i", "0"],
  ["ionice", "-c", "3"],
  ["nice", "-n", "19"],
];

let usable: typeof wrappers | undefined;

/** Those that are there and may be used here. */
const prefix = (yields: boolean): readonly string[] => {
  if (process.platform !== "linux") return [];
  usable ??= wrappers.filter(
    ([program, ...args]) => spawnSync(program!, [...args, "true"], { stdio: "ignore" }).status === 0,
  );
  return (yields ? usable : usable.filter(([program]) => program === "setpriv")).flat();
};

/** Linux shares the processors out between sessions first: a session of its own needs a low rank of its own. */
const lowerSession = (pid: number): void => {
  if (process.platform === "linux") void writeFile(`/proc/${pid}/autogroup`, "19").catch(() => undefined);
};

/**
 * Starts Node on these words in a group of its own, so that it is ended with whatever it started; it ends with this process and, where it is to,
 * yields to everything else on the machine, as far as that can be had.
 */
export const spawnTraining = (words: readonly string[], yields: boolean, stdio: StdioOptions): ChildProcess => {
  const [program = "", ...args] = [...prefix(yields), process.execPath, ...words];
  const child = spawn(program, args, { stdio, detached: process.platform !== "win32" });
  if (yields && child.pid !== undefined) lowerSession(child.pid);
  return child;
};

export interface StartOptions {
  /** Heap that JavaScript may have, at most. */
  readonly memoryMiB: number;
  /** Whether it yields to everything else on the machine. */
  readonly yields: boolean;
}

/** Starts the process of a job's folder, with a channel for messages; what it prints goes to `job.log`. */
export const startTraining = (folder: string, { memoryMiB, yields }: StartOptions): ChildProcess => {
  const launch = launchOf(new URL("./work/jobProcess.js", import.meta.url));
  const words = [
    `--max-old-space-size=${Math.max(Math.floor(memoryMiB), 64)}`,
    ...launch.execArgv,
    fileURLToPath(launch.url),
    folder,
    ...(yields ? ["--yield"] : []),
  ];
  const log = openSync(join(folder, "job.log"), "a");
  try {
    return spawnTraining(words, yields, ["ignore", log, log, "ipc"]);
  } finally {
    closeSync(log);
  }
};

/** Ends a process and its group at once. */
export const killTraining = (pid: number): void => {
  for (const target of process.platform === "win32" ? [pid] : [-pid, pid]) {
    try {
      process.kill(target, "SIGKILL");
      return;
    } catch {
      // Not there any more.
    }
  }
};
