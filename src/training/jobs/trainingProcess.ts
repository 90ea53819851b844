import { type ChildProcess, spawn, spawnSync } from "node:child_process";
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

/** Command line before a program that is to yield to everything else, and at least ends with its parent; as far as this machine can. */
export const trainingPrefix = (yields: boolean): readonly string[] => {
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

export interface StartOptions {
  /** Heap that JavaScript may have, at most. */
  readonly memoryMiB: number;
  /** Whether it yields to everything else on the machine. */
  readonly yields: boolean;
}

/** Starts the process of a job's folder, with a channel for messages; what it prints goes to `job.log`. */
export const startTraining = (folder: string, { memoryMiB, yields }: StartOptions): ChildProcess => {
  const launch = launchOf(new URL("./work/jobProcess.js", import.meta.url));
  const [program = "", ...args] = [
    ...trainingPrefix(yields),
    process.execPath,
    `--max-old-space-size=${Math.max(Math.floor(memoryMiB), 64)}`,
    ...launch.execArgv,
    fileURLToPath(launch.url),
    folder,
    ...(yields ? ["--yield"] : []),
  ];
  const log = openSync(join(folder, "job.log"), "a");
  try {
    const child = spawn(program, args, {
      stdio: ["ignore", log, log, "ipc"],
      // A group of its own: it is ended with whatever it started.
      detached: process.platform !== "win32",
    });
    if (yields && child.pid !== undefined) lowerSession(child.pid);
    return child;
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
