import { copyFile, mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import { CytoError, cellClasses } from "../../core/index.js";
import { storeError, writeFileDurably } from "../../store/index.js";
import type { ScanRecord } from "../desk.js";
import type { ScanCourse } from "./course.js";
import { readScan, type ScanPaths, scanFolder } from "./folder.js";
import { Mosaic } from "./mosaic.js";

/** Longer side of the map's picture, px. */
const mapPx = 4096;

export interface ScanExport {
  readonly record: ScanRecord;
  /** Names of what was written, in the folder. */
  readonly files: readonly string[];
  readonly pictures: number;
}

type Value = string | number | boolean;

/** RFC 4180. */
const csv = (head: readonly string[], rows: Iterable<readonly Value[]>): string => {
  const quoted = (value: Value): string => {
    const text = String(value);
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  return `${[head, ...rows].map((row) => row.map(quoted).join(",")).join("\r\n")}\r\n`;
};

const rounded = (value: number): number => Math.round(value * 1000) / 1000;

const fieldsCsv = (course: ScanCourse): string => {
  const head = ["field", "xUm", "yUm", "zUm", "capturedAt", "sharpness", "refocused", ...cellClasses, "picture"];
  const rows = course.fields.map(({ index }) => {
    const { centreUm, capturedAtMs, sharpness, refocused, cells } = course.fieldOf(index);
    return [
      index,
      rounded(centreUm.x),
      rounded(centreUm.y),
      centreUm.z === undefined ? "" : rounded(centreUm.z),
      new Date(capturedAtMs).toISOString(),
      rounded(sharpness),
      refocused,
      ...cellClasses.map((name) => cells[name] ?? 0),
      `pictures/${String(index).padStart(6, "0")}.jpg`,
    ];
  });
  return csv(head, rows);
};

const cellsCsv = (course: ScanCourse): string => {
  const head = ["cell", "class", "confidence", "leftUm", "topUm", "rightUm", "bottomUm", "field"];
  const pixels = ["leftPx", "topPx", "rightPx", "bottomPx"];
  const rows = [...course.cells(() => true)].map(({ cell, view }) => {
    const row = course.fields[view.field]!.cells[view.row]!;
    const { left, top, right, bottom } = cell.boxUm;
    return [
      cell.id,
      cell.cellClass,
      row[8]!,
      ...[left, top, right, bottom].map(rounded),
      view.field,
      ...row.slice(4, 8),
    ];
  });
  return csv([...head, ...pixels], rows);
};

/** An empty folder to write into. */
const prepareFolder = async (out: string): Promise<void> => {
  try {
    await mkdir(join(out, "pictures"), { recursive: true });
  } catch (error) {
    throw storeError(error, out);
  }
};

const isEmptyOrAbsent = async (path: string): Promise<boolean> => (await readdir(path).catch(() => [])).length === 0;

const copyPictures = async (course: ScanCourse, from: (field: number) => string, to: string): Promise<void> => {
  for (const { index } of course.fields) {
    const target = join(to, "pictures", `${String(index).padStart(6, "0")}.jpg`);
    await copyFile(from(index), target).catch((error: unknown) => {
      throw storeError(error, target);
    });
  }
};

/**
 * Writes a scan into a folder that is empty or not yet there: scan.json (the record), counts.json, fields.csv, cells.csv (counted cells, slide
 * coordinates, and their boxes in the pictures of full size), pictures/ and map.jpg. The scan may be under way.
 * @throws CytoError SCAN_NOT_FOUND, DATA_DIRECTORY_NOT_EMPTY, STORE_FULL, STORE_FAILED, STORE_DAMAGED
 */
export const exportScan = async (paths: ScanPaths, id: string, out: string): Promise<ScanExport> => {
  const folder = scanFolder(paths, id);
  const course = await readScan(folder);
  if (!(await isEmptyOrAbsent(out)))
    throw new CytoError("DATA_DIRECTORY_NOT_EMPTY", `${out} is not empty`, { remedy: "Give another folder." });
  await prepareFolder(out);
  const record = course.record(false);
  const json = (value: unknown): string => `${JSON.stringify(value, undefined, 2)}\n`;
  const files: Record<string, string | Uint8Array> = {
    "scan.json": json(record),
    "counts.json": json(record.counts ?? null),
    "fields.csv": fieldsCsv(course),
    "cells.csv": cellsCsv(course),
  };
  if (course.fields.length > 0) files["map.jpg"] = await new Mosaic(folder, course, 0).whole(mapPx);
  for (const [name, content] of Object.entries(files)) await writeFileDurably(join(out, name), content);
  await copyPictures(course, folder.picture, out);
  return { record, files: Object.keys(files), pictures: course.fields.length };
};
