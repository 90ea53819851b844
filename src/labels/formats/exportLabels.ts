import { mkdir, readdir, writeFile } from "node:fs/promises";
import { extname, join } from "node:path";
import { CytoError } from "../../core/index.js";
import type { FieldRecord, ReviewState } from "../fieldRecord.js";
import type { OpenLabelDesk } from "../labelDesk.js";
import { pictureFile } from "../pictureFiles.js";
import { writeCoco } from "./coco.js";
import { writeCsv } from "./csv.js";
import type { LabelFormat, LabelWriter } from "./format.js";
import { writeGeoJson } from "./geojson.js";
import { writeVoc } from "./voc.js";
import { writeYolo } from "./yolo.js";

const writers: Readonly<Record<LabelFormat, (folder: string) => Promise<LabelWriter>>> = {
  yolo: writeYolo,
  voc: writeVoc,
  coco: writeCoco,
  geojson: writeGeoJson,
  csv: writeCsv,
};

export interface ExportRequest {
  /** A new or empty folder. */
  readonly path: string;
  readonly format: LabelFormat;
  readonly states: readonly ReviewState[];
}

export interface ExportReport {
  readonly format: LabelFormat;
  readonly fields: number;
  readonly cells: number;
  /** Fields left out for want of their picture's file. */
  readonly missing: readonly string[];
}

const pictureName = ({ field, picture }: FieldRecord): string => `${field}${extname(pictureFile(picture))}`;

/**
 * Writes the newest revisions of all fields of these states as a data set, pictures and all, one field at a time.
 * @throws CytoError OUTPUT_FAILED where the folder has something in it, or cannot be written
 */
export const exportLabels = async (
  desk: Pick<OpenLabelDesk, "walk" | "picture">,
  { path, format, states }: ExportRequest,
): Promise<ExportReport> => {
  const there = await readdir(path).catch(() => []);
  if (there.length > 0) throw new CytoError("OUTPUT_FAILED", `${path} is not empty`);
  try {
    const writer = await writers[format](path);
    const pictures = join(path, writer.pictures);
    await mkdir(pictures, { recursive: true });
    const missing: string[] = [];
    let [fields, cells] = [0, 0];
    for await (const field of desk.walk()) {
      if (!states.includes(field.state)) continue;
      const picture = await desk.picture(field.picture.sha256);
      if (picture === undefined) {
        missing.push(field.field);
        continue;
      }
      await writeFile(join(pictures, pictureName(field)), picture.bytes);
      await writer.add(field, pictureName(field));
      fields++;
      cells += field.cells.length;
    }
    await writer.finish();
    return { format, fields, cells, missing };
  } catch (error) {
    throw CytoError.from(error, "OUTPUT_FAILED");
  }
};
