import { createHash } from "node:crypto";
import { type FileHandle, mkdir, open } from "node:fs/promises";
import { dirname } from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import { CytoError } from "../core/index.js";
import { storeError, syncDirectory } from "./durableFile.js";

/** What is appended stays: one JSON value a line, each with a checksum of itself and of the line before. */
export interface Journal<Entry> extends AsyncDisposable {
  /** All entries, oldest first. */
  readonly entries: readonly Entry[];
  /**
   * Resolves when the entry is on the disk.
   * @throws CytoError STORE_FULL, STORE_FAILED; then the journal is as it was before
   */
  append(entry: Entry): Promise<void>;
}

const digestLength = 16;
const digestOf = (before: string, json: string): string =>
  createHash("sha256").update(before).update(json).digest("hex").slice(0, digestLength);

interface Reading<Entry> {
  readonly entries: Entry[];
  readonly digest: string;
  /** Bytes up to the end of the last sound line. */
  readonly soundBytes: number;
}

/** Whoever reads a long journal lets others have their turn this often. */
const turnMs = 8;

/** Sound lines from the start on; a torn last line was never acknowledged and is left out. */
const readLines = async <Entry>(
  bytes: Buffer,
  path: string,
  parse: (value: unknown) => Entry,
): Promise<Reading<Entry>> => {
  let turnEndsMs = performance.now() + turnMs;
  const entries: Entry[] = [];
  let digest = "";
  let offset = 0;
  for (let end = bytes.indexOf(10, offset); end >= 0; end = bytes.indexOf(10, offset)) {
    const line = bytes.subarray(offset, end).toString("utf8");
    const json = line.slice(digestLength + 1);
    const next = digestOf(digest, json);
    if (line.slice(0, digestLength) !== next) {
      // Damage with sound lines behind it is no torn write: somebody has changed the file.
      if (bytes.indexOf(10, end + 1) >= 0)
        throw new CytoError("STORE_DAMAGED", `${path}: line ${entries.length + 1} does not fit its checksum`);
      break;
    }
    entries.push(parse(JSON.parse(json)));
    digest = next;
    offset = end + 1;
    if (performance.now() < turnEndsMs) continue;
    await nextTurn();
    turnEndsMs = performance.now() + turnMs;
  }
  return { entries, digest, soundBytes: offset };
};

class FileJournal<Entry> implements Journal<Entry> {
  readonly #file: FileHandle;
  readonly #path: string;
  readonly #entries: Entry[];
  #digest: string;
  #bytes: number;
  #last: Promise<void> = Promise.resolve();

  constructor(file: FileHandle, path: string, reading: Reading<Entry>) {
    this.#file = file;
    this.#path = path;
    this.#entries = reading.entries;
    this.#digest = reading.digest;
    this.#bytes = reading.soundBytes;
  }

  get entries(): readonly Entry[] {
    return this.#entries;
  }

  append(entry: Entry): Promise<void> {
    const appended = this.#last.then(() => this.#write(entry));
    this.#last = appended.catch(() => {});
    return appended;
  }

  async #write(entry: Entry): Promise<void> {
    const json = JSON.stringify(entry);
    const digest = digestOf(this.#digest, json);
    const line = Buffer.from(`${digest} ${json}\n`);
    try {
      let written = 0;
      while (written < line.length) {
        const part = await this.#file.write(line, written, line.length - written, this.#bytes + written);
        written += part.bytesWritten;
      }
      await this.#file.datasync();
    } catch (error) {
      await this.#file.truncate(this.#bytes).catch(() => {});
      throw storeError(error, this.#path);
    }
    this.#digest = digest;
    this.#bytes += line.length;
    this.#entries.push(entry);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#last;
    await this.#file.close();
  }
}

/**
 * Opens a journal for appending, or makes it. One process at a time may append. A torn line at the end, which a crash can leave,
 * is cut off: its `append` never resolved.
 * @param parse makes an entry of what a line holds
 * @throws CytoError STORE_DAMAGED where an earlier line is not what was written, STORE_FAILED
 */
export const openJournal = async <Entry>(path: string, parse: (value: unknown) => Entry): Promise<Journal<Entry>> => {
  let file: FileHandle;
  try {
    await mkdir(dirname(path), { recursive: true });
    file = await open(path, "a+").then(async (made) => {
      await made.close();
      return open(path, "r+");
    });
    await syncDirectory(dirname(path));
  } catch (error) {
    throw storeError(error, path);
  }
  try {
    const bytes = await file.readFile();
    const reading = await readLines(bytes, path, parse);
    if (reading.soundBytes < bytes.length) await file.truncate(reading.soundBytes);
    return new FileJournal(file, path, reading);
  } catch (error) {
    await file.close();
    throw storeError(error, path);
  }
};

/** The entries of a journal that another process may be appending to; nothing where there is none yet. */
export const readJournal = async <Entry>(path: string, parse: (value: unknown) => Entry): Promise<Entry[]> => {
  let file: FileHandle;
  try {
    file = await open(path, "r");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw storeError(error, path);
  }
  try {
    return (await readLines(await file.readFile(), path, parse)).entries;
  } finally {
    await file.close();
  }
};
