import { open, readFile, rm } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { CytoError } from "../../core/index.js";

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
};

/** Who holds a lock, where that is a process of this machine that still runs. */
const holderOf = async (path: string): Promise<number | undefined> => {
  const [host, pid] = (await readFile(path, "utf8").catch(() => "")).split(" ");
  const number = Number(pid);
  // A folder that was copied from another machine, or whose process died, is nobody's.
  return host === hostname() && number > 0 && number !== process.pid && isAlive(number) ? number : undefined;
};

/**
 * Keeps two processes from working in one folder. What another machine or a dead process has left does not count.
 * @throws CytoError RUN_BUSY naming the process
 */
export const lockFolder = async (folder: string): Promise<AsyncDisposable> => {
  const path = join(folder, "run.lock");
  const release = { [Symbol.asyncDispose]: () => rm(path, { force: true }) };
  for (let tries = 0; tries < 2; tries++) {
    try {
      const file = await open(path, "wx");
      await file.writeFile(`${hostname()} ${process.pid}`).finally(() => file.close());
      return release;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw CytoError.from(error, "OUTPUT_FAILED");
      const holder = await holderOf(path);
      if (holder !== undefined) throw new CytoError("RUN_BUSY", `Process ${holder} works in ${folder}`);
      await rm(path, { force: true });
    }
  }
  throw new CytoError("RUN_BUSY", `Another process works in ${folder}`);
};
