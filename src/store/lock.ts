import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { link, mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { CytoError } from "../core/index.js";
import { storeError, writeFileDurably } from "./durableFile.js";
import type { LaboratoryPaths } from "./laboratory.js";

/** Who holds a data directory. */
export interface DirectoryHolder {
  readonly pid: number;
  /** Milliseconds since the epoch. */
  readonly since: number;
  /** Where its HTTP interface is, if it has one. */
  readonly url?: string;
}

/** The right to write into a data directory. */
export interface DirectoryLock extends AsyncDisposable {
  /** Tells other processes where this one can be asked. */
  noteUrl(url: string): Promise<void>;
}

const parseHolder = (text: string): DirectoryHolder | undefined => {
  try {
    const { pid, since, url } = JSON.parse(text) as Partial<DirectoryHolder>;
    if (!Number.isInteger(pid) || pid! <= 0 || !Number.isFinite(since)) return undefined;
    return { pid: pid!, since: since!, ...(typeof url === "string" ? { url } : {}) };
  } catch {
    return undefined;
  }
};

/** When a process began, milliseconds since the epoch, where the system tells (Linux): ids of processes are used again. */
const processStart = (pid: number): number | undefined => {
  try {
    const boot = Number(/^btime (\d+)$/m.exec(readFileSync("/proc/stat", "utf8"))?.[1]);
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // Fields behind the name, which may hold blanks; the twentieth of them is the start in hundredths of a second since boot.
    const ticks = Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19]);
    return Number.isFinite(boot + ticks) ? boot * 1000 + ticks * 10 : undefined;
  } catch {
    return undefined;
  }
};

/** The clocks of the two may differ by so much, ms. */
const startTolerance = 5000;

const isAlive = ({ pid, since }: DirectoryHolder): boolean => {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EPERM") return false;
  }
  const start = processStart(pid);
  return start === undefined || start <= since + startTolerance;
};

/** Who holds a data directory, where that is a process that still runs. */
export const directoryHolder = async (paths: LaboratoryPaths): Promise<DirectoryHolder | undefined> => {
  const text = await readFile(paths.lock, "utf8").catch(() => "");
  const holder = parseHolder(text);
  return holder !== undefined && isAlive(holder) ? holder : undefined;
};

/** Takes a dead process's lock away. Of several that try, one moves it; what a faster one has set up since is put back. */
const removeStale = async (path: string): Promise<void> => {
  const aside = `${path}.${randomBytes(6).toString("hex")}.stale`;
  await rename(path, aside).catch(() => {});
  const moved = parseHolder(await readFile(aside, "utf8").catch(() => ""));
  if (moved !== undefined && isAlive(moved)) await link(aside, path).catch(() => {});
  await rm(aside, { force: true });
};

class FileLock implements DirectoryLock {
  readonly #path: string;
  readonly #holder: DirectoryHolder;

  constructor(path: string, holder: DirectoryHolder) {
    this.#path = path;
    this.#holder = holder;
  }

  async noteUrl(url: string): Promise<void> {
    await writeFileDurably(this.#path, JSON.stringify({ ...this.#holder, url }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const holder = parseHolder(await readFile(this.#path, "utf8").catch(() => ""));
    if (holder?.pid === this.#holder.pid && holder.since === this.#holder.since) await rm(this.#path, { force: true });
  }
}

const attempts = 3;

/**
 * Takes a data directory for this process, and makes it where there is none. What a dead process left is taken over.
 * @throws CytoError DATA_DIRECTORY_BUSY naming the process, STORE_FULL, STORE_FAILED
 */
export const lockDirectory = async (paths: LaboratoryPaths): Promise<DirectoryLock> => {
  const holder: DirectoryHolder = { pid: process.pid, since: Date.now() };
  const staged = `${paths.lock}.${randomBytes(6).toString("hex")}.new`;
  try {
    await mkdir(paths.root, { recursive: true });
    // Whole before it has its name: nobody reads half a lock.
    await writeFile(staged, JSON.stringify(holder), { flag: "wx" });
    for (let attempt = 0; attempt < attempts; attempt++) {
      try {
        await link(staged, paths.lock);
        return new FileLock(paths.lock, holder);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
      }
      const other = await directoryHolder(paths);
      if (other !== undefined)
        throw new CytoError("DATA_DIRECTORY_BUSY", `Process ${other.pid} works in ${paths.root}`, {
          context: { ...other },
        });
      await removeStale(paths.lock);
    }
    throw new CytoError("DATA_DIRECTORY_BUSY", `Another process works in ${paths.root}`);
  } catch (error) {
    throw storeError(error, paths.lock);
  } finally {
    await rm(staged, { force: true }).catch(() => {});
  }
};
