import { randomBytes } from "node:crypto";
import { mkdir, readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import { z } from "zod";
import { CytoError } from "../../core/index.js";
import {
  type Journal,
  type LaboratoryPaths,
  openJournal,
  readJournal,
  storeError,
  writeFileDurably,
} from "../../store/index.js";
import type { Jpeg, ScanRecord } from "../desk.js";
import { ScanCourse } from "./course.js";
import { type ScanEntry, type ScanHeader, scanEntrySchema, scanHeaderSchema } from "./entries.js";

/** Where the scans of a laboratory lie. */
export type ScanPaths = Pick<LaboratoryPaths, "scans">;

/** `<scans>/<id>/`: scan.json, the journal of its fields, their pictures; and what can be made again from these. */
export interface ScanFolder {
  readonly id: string;
  readonly root: string;
  readonly header: string;
  readonly journal: string;
  /** Tiles of the slide's map. */
  readonly tiles: string;
  /** The record as it was when the journal had so many bytes: a list of scans need not count them all again. */
  readonly summary: string;
  picture(field: number): string;
  /** Pictures of a coarse pass, by which a slide is known again before its first field is done. */
  coarsePicture(index: number): string;
}

const idPattern = /^\d{8}-\d{9}-[0-9a-f]{6}$/;

/** Ids sort by time. */
export const newScanId = (atMs: number): string => {
  const digits = new Date(atMs).toISOString().replaceAll(/\D/g, "");
  return `${digits.slice(0, 8)}-${digits.slice(8, 17)}-${randomBytes(3).toString("hex")}`;
};

export const scanNotFound = (id: string): CytoError => new CytoError("SCAN_NOT_FOUND", `there is no scan ${id}`);

/** @throws CytoError SCAN_NOT_FOUND for what is no id */
export const scanFolder = (paths: ScanPaths, id: string): ScanFolder => {
  if (!idPattern.test(id)) throw scanNotFound(id.slice(0, 60));
  const root = join(paths.scans, id);
  return {
    id,
    root,
    header: join(root, "scan.json"),
    journal: join(root, "fields.journal"),
    tiles: join(root, "tiles"),
    summary: join(root, "record.json"),
    coarsePicture: (index) => join(root, "coarse", `${String(index).padStart(6, "0")}.jpg`),
    picture: (field) => join(root, "fields", `${String(field).padStart(6, "0")}.jpg`),
  };
};

const parseEntry = (value: unknown): ScanEntry => scanEntrySchema.parse(value);

const damaged = (path: string, cause: unknown): CytoError =>
  new CytoError("STORE_DAMAGED", `${path} is not what a scan writes`, { cause });

/** Makes a scan: from here on it is there, whatever happens. @throws CytoError STORE_FULL, STORE_FAILED */
export const createScan = async (paths: ScanPaths, header: ScanHeader): Promise<ScanFolder> => {
  const folder = scanFolder(paths, header.id);
  try {
    await mkdir(join(folder.root, "fields"), { recursive: true });
    if (header.plan.kind === "monolayer") await mkdir(join(folder.root, "coarse"));
  } catch (error) {
    throw storeError(error, folder.root);
  }
  await writeFileDurably(folder.header, `${JSON.stringify(header, undefined, 2)}\n`);
  return folder;
};

/** @throws CytoError SCAN_NOT_FOUND, STORE_DAMAGED, STORE_FAILED */
export const readHeader = async (folder: ScanFolder): Promise<ScanHeader> => {
  let text: string;
  try {
    text = await readFile(folder.header, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") throw scanNotFound(folder.id);
    throw storeError(error, folder.header);
  }
  try {
    return scanHeaderSchema.parse(JSON.parse(text));
  } catch (error) {
    throw damaged(folder.header, error);
  }
};

/** Whoever counts a long scan again lets others have their turn this often. */
const turnMs = 8;

/** The scan that entries tell of. @throws CytoError STORE_DAMAGED */
export const replay = async (header: ScanHeader, entries: readonly ScanEntry[]): Promise<ScanCourse> => {
  const course = new ScanCourse(header);
  let turnEndsMs = performance.now() + turnMs;
  for (const entry of entries) {
    course.apply(entry);
    if (performance.now() < turnEndsMs) continue;
    await nextTurn();
    turnEndsMs = performance.now() + turnMs;
  }
  return course;
};

/** The scan as it is on the disk. @throws CytoError SCAN_NOT_FOUND, STORE_DAMAGED, STORE_FAILED */
export const readScan = async (folder: ScanFolder): Promise<ScanCourse> => {
  const header = await readHeader(folder);
  let entries: ScanEntry[];
  try {
    entries = await readJournal(folder.journal, parseEntry);
  } catch (error) {
    throw error instanceof CytoError ? error : damaged(folder.journal, error);
  }
  return replay(header, entries);
};

/** Opens a scan's journal to go on with it: what a crash left of a last line is cut off. One process at a time. */
export const openScanJournal = (folder: ScanFolder): Promise<Journal<ScanEntry>> =>
  openJournal(folder.journal, parseEntry);

/** Ids of the scans that are there, newest first. */
export const listScans = async (paths: ScanPaths): Promise<string[]> => {
  let names: string[];
  try {
    names = await readdir(paths.scans);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw storeError(error, paths.scans);
  }
  return names.filter((name) => idPattern.test(name)).sort((a, b) => (a < b ? 1 : -1));
};

const summarySchema = z.object({ journalBytes: z.int(), record: z.record(z.string(), z.unknown()) });

const journalBytes = async (folder: ScanFolder): Promise<number> =>
  (await stat(folder.journal).catch(() => undefined))?.size ?? 0;

/** Keeps the record beside the journal; it can always be made again, so that a full disk is no matter here. */
export const writeSummary = async (folder: ScanFolder, record: ScanRecord): Promise<void> => {
  const summary = { journalBytes: await journalBytes(folder), record };
  await writeFileDurably(folder.summary, `${JSON.stringify(summary)}\n`).catch(() => {});
};

/** The record that was kept, if the journal is still what it was. */
const readSummary = async (folder: ScanFolder): Promise<ScanRecord | undefined> => {
  try {
    const { journalBytes: bytes, record } = summarySchema.parse(JSON.parse(await readFile(folder.summary, "utf8")));
    return bytes === (await journalBytes(folder)) ? (record as unknown as ScanRecord) : undefined;
  } catch {
    return undefined;
  }
};

/** The record of a scan that no process is at. @throws CytoError SCAN_NOT_FOUND, STORE_DAMAGED, STORE_FAILED */
export const readRecord = async (folder: ScanFolder): Promise<ScanRecord> => {
  const kept = await readSummary(folder);
  if (kept !== undefined) return kept;
  const record = (await readScan(folder)).record(false);
  await writeSummary(folder, record);
  return record;
};

const readJpeg = async (path: string, what: string): Promise<Jpeg> => {
  try {
    return await readFile(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw storeError(error, path);
    throw new CytoError("NOT_FOUND", `${what} has no picture`);
  }
};

/** @throws CytoError NOT_FOUND, STORE_FAILED */
export const readPicture = (folder: ScanFolder, field: number): Promise<Jpeg> =>
  readJpeg(folder.picture(field), `field ${field} of scan ${folder.id}`);

/** @throws CytoError NOT_FOUND, STORE_FAILED */
export const readCoarsePicture = (folder: ScanFolder, index: number): Promise<Jpeg> =>
  readJpeg(folder.coarsePicture(index), `field ${index} of the coarse pass of scan ${folder.id}`);
