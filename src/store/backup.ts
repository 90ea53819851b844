import { createHash, randomBytes } from "node:crypto";
import type { Dirent } from "node:fs";
import { type FileHandle, mkdir, open, readdir, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join, relative, resolve, sep } from "node:path";
import { CytoError } from "../core/index.js";
import { openConnection } from "./connection.js";
import { storeError, syncDirectory } from "./durableFile.js";
import type { LaboratoryPaths } from "./laboratory.js";
import { directoryHolder, lockDirectory } from "./lock.js";
import { checkIntegrity, copyDatabase } from "./migrate.js";
import { encodeTarHeader, readTar, tarEnd, tarPadding } from "./tar.js";

/** What a backup says of itself, as its last entry: hashes of all the others. */
interface BackupManifest {
  readonly format: "cytostream-backup";
  readonly version: 1;
  readonly createdAtMs: number;
  readonly files: readonly { readonly name: string; readonly bytes: number; readonly sha256: string }[];
}

export interface BackupReport {
  readonly file: string;
  readonly files: number;
  readonly bytes: number;
}

const manifestName = "manifest.json";
const copyBytes = 1024 * 1024;

/** Files being written, and those of the holder and of SQLite, belong to no backup. */
const isPassing = (name: string): boolean => /\.(?:new|part|probe|stale|lock)$/.test(name) || name === "lock.json";

async function* filesBelow(folder: string): AsyncGenerator<string> {
  let entries: Dirent[];
  try {
    entries = await readdir(folder, { withFileTypes: true });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return;
    throw error;
  }
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    if (isPassing(entry.name)) continue;
    if (entry.isDirectory()) yield* filesBelow(join(folder, entry.name));
    else if (entry.isFile()) yield join(folder, entry.name);
  }
}

/** Of a job its records are kept; what it works with (snapshots, checkpoints, painted pictures) can be made again. */
const isJobRecord = (name: string): boolean => /\.(?:json|jsonl|journal|md|log|txt)$/.test(name);

/** Journals first: what they name was there when they named it. */
async function* filesOf(paths: LaboratoryPaths): AsyncGenerator<string> {
  for (const journal of [paths.promotions, paths.gate, paths.validation])
    if (await stat(journal).catch(() => undefined)) yield journal;
  yield* filesBelow(paths.models);
  for await (const path of filesBelow(paths.jobs)) if (isJobRecord(path)) yield path;
  yield* filesBelow(paths.pictures);
}

class ArchiveWriter {
  readonly files: { name: string; bytes: number; sha256: string }[] = [];
  readonly #file: FileHandle;
  #bytes = 0;

  constructor(file: FileHandle) {
    this.#file = file;
  }

  get bytes(): number {
    return this.#bytes;
  }

  async #write(bytes: Uint8Array): Promise<void> {
    await this.#file.writeFile(bytes);
    this.#bytes += bytes.length;
  }

  async addBytes(name: string, bytes: Uint8Array): Promise<void> {
    await this.#write(encodeTarHeader({ name, size: bytes.length, modified: Date.now() / 1000 }));
    await this.#write(bytes);
    await this.#write(tarPadding(bytes.length));
  }

  /** A file as long as it is now: what is appended meanwhile is of the next backup. */
  async addFile(name: string, path: string): Promise<void> {
    await using source: FileHandle = await open(path, "r");
    const { size, mtimeMs } = await source.stat();
    await this.#write(encodeTarHeader({ name, size, modified: mtimeMs / 1000 }));
    const hash = createHash("sha256");
    const buffer = new Uint8Array(copyBytes);
    for (let at = 0; at < size; ) {
      const { bytesRead } = await source.read(buffer, 0, Math.min(buffer.length, size - at), at);
      if (bytesRead === 0) throw new CytoError("STORE_FAILED", `${path} became shorter while it was copied`);
      hash.update(buffer.subarray(0, bytesRead));
      await this.#write(buffer.subarray(0, bytesRead));
      at += bytesRead;
    }
    await this.#write(tarPadding(size));
    this.files.push({ name, bytes: size, sha256: hash.digest("hex") });
  }

  async finish(): Promise<void> {
    const manifest: BackupManifest = {
      ...{ format: "cytostream-backup", version: 1, createdAtMs: Date.now(), files: this.files },
    };
    await this.addBytes(manifestName, Buffer.from(`${JSON.stringify(manifest, null, 1)}\n`));
    await this.#write(tarEnd);
    await this.#file.sync();
  }
}

/**
 * Writes everything that the laboratory owns into one tar file, while others work in it: the database as it is at one moment, then
 * what it names. The file appears under its name when it is whole.
 * @throws CytoError STORE_FULL, STORE_FAILED, STORE_DAMAGED
 */
export const backUp = async (paths: LaboratoryPaths, target: string): Promise<BackupReport> => {
  const staged = `${target}.part`;
  const copy = `${target}.db.part`;
  try {
    if (!(await stat(paths.database).catch(() => undefined)))
      throw new CytoError("DATA_DIRECTORY_NOT_FOUND", `${paths.root} has no laboratory.db`);
    await mkdir(dirname(resolve(target)), { recursive: true });
    copyDatabase(paths.database, copy);
    await using file: FileHandle = await open(staged, "w");
    const archive = new ArchiveWriter(file);
    await archive.addFile(basename(paths.database), copy);
    for await (const path of filesOf(paths))
      await archive.addFile(relative(paths.root, path).split(sep).join("/"), path);
    await archive.finish();
    await rename(staged, target);
    await syncDirectory(dirname(resolve(target)));
    return { file: target, files: archive.files.length, bytes: archive.bytes };
  } catch (error) {
    throw storeError(error, target);
  } finally {
    for (const path of [staged, copy]) await rm(path, { force: true }).catch(() => {});
  }
};

const damaged = (message: string): CytoError => new CytoError("STORE_DAMAGED", message);

const parseManifest = (text: string): BackupManifest => {
  try {
    const manifest = JSON.parse(text) as BackupManifest;
    if (manifest.format === "cytostream-backup" && manifest.version === 1 && Array.isArray(manifest.files))
      return manifest;
  } catch {
    // Said below.
  }
  throw damaged("the backup's manifest is not one of this program");
};

/** Writes an archive's files into a folder, synced. @returns their hashes, and the manifest */
const unpack = async (source: FileHandle, folder: string) => {
  const hashes = new Map<string, string>();
  let manifest: BackupManifest | undefined;
  for await (const { entry, parts } of readTar(source)) {
    if (entry.name === manifestName) {
      const read: Uint8Array[] = [];
      for await (const part of parts) read.push(Uint8Array.from(part));
      manifest = parseManifest(Buffer.concat(read).toString("utf8"));
      continue;
    }
    const path = join(folder, ...entry.name.split("/"));
    await mkdir(dirname(path), { recursive: true });
    await using file: FileHandle = await open(path, "wx");
    const hash = createHash("sha256");
    for await (const part of parts) {
      hash.update(part);
      await file.writeFile(part);
    }
    await file.sync();
    hashes.set(entry.name, hash.digest("hex"));
  }
  if (manifest === undefined) throw damaged("the backup has no manifest: it was cut off");
  return { hashes, manifest };
};

const verify = (hashes: ReadonlyMap<string, string>, { files }: BackupManifest): void => {
  for (const { name, sha256 } of files) {
    if (!hashes.has(name)) throw damaged(`the backup lacks ${name}`);
    if (hashes.get(name) !== sha256) throw damaged(`${name} in the backup is not what was written`);
  }
  if (hashes.size !== files.length) throw damaged("the backup has files that its manifest does not name");
};

export interface RestoreReport {
  readonly root: string;
  readonly files: number;
  /** Where the old data directory lies now, if there was one. */
  readonly kept?: string;
}

/** Not there, or with nothing in it but a lock. */
const isEmpty = async (root: string): Promise<boolean> => {
  const names = await readdir(root).catch(() => []);
  return names.every(isPassing);
};

/** A staging folder beside the data directory, filled and verified. */
const stage = async (staging: string, file: string, databaseName: string): Promise<number> => {
  await mkdir(staging, { recursive: true });
  await using source: FileHandle = await open(file, "r");
  const { hashes, manifest } = await unpack(source, staging);
  verify(hashes, manifest);
  const connection = openConnection(join(staging, databaseName), { readOnly: true });
  try {
    checkIntegrity(connection, file);
  } finally {
    connection.close();
  }
  return hashes.size;
};

/**
 * Puts a backup in place of a data directory that is empty or not there; with `force`, of any, the old one kept beside it. Everything
 * is unpacked, compared with its hashes and looked through before anything is moved.
 * @throws CytoError DATA_DIRECTORY_BUSY, DATA_DIRECTORY_NOT_EMPTY, STORE_DAMAGED, STORE_FULL, STORE_FAILED
 */
export const restore = async (
  paths: LaboratoryPaths,
  file: string,
  { force = false }: { readonly force?: boolean } = {},
): Promise<RestoreReport> => {
  const root = resolve(paths.root);
  const holder = await directoryHolder(paths);
  if (holder !== undefined) throw new CytoError("DATA_DIRECTORY_BUSY", `Process ${holder.pid} works in ${root}`);
  const empty = await isEmpty(root);
  if (!empty && !force)
    throw new CytoError(
      "DATA_DIRECTORY_NOT_EMPTY",
      `${root} is not empty; with --force it is kept beside what is restored`,
    );
  const staging = `${root}.${randomBytes(4).toString("hex")}.restoring`;
  const kept = `${root}.before-${new Date().toISOString().replace(/[:.]/g, "-")}`;
  try {
    const files = await stage(staging, file, basename(paths.database));
    {
      // Nobody begins to work in it while it is exchanged.
      await using _lock = await lockDirectory(paths);
      await rename(root, kept);
    }
    await rename(staging, root);
    await syncDirectory(dirname(root));
    await rm(join(kept, basename(paths.lock)), { force: true });
    if (empty) await rm(kept, { recursive: true, force: true });
    return { root, files, ...(empty ? {} : { kept }) };
  } catch (error) {
    await rm(staging, { recursive: true, force: true }).catch(() => {});
    throw storeError(error, root);
  }
};
