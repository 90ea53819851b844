import { createHash } from "node:crypto";
import { readFile, stat } from "node:fs/promises";
import { basename } from "node:path";
import { CytoError } from "../../core/index.js";
import { decodePicture } from "../../pictures/index.js";
import type { LabelDesk } from "../desk.js";
import type { FieldOrigin, LabelSubmission, ReviewState } from "../fieldRecord.js";
import { readCoco } from "./coco.js";
import { readCsv } from "./csv.js";
import {
  type ImportedField,
  type ImportFault,
  invalidImport,
  isFault,
  type LabelFormat,
  type LabelReader,
  listFolder,
  type PictureSize,
} from "./format.js";
import { readGeoJson } from "./geojson.js";
import { readVoc } from "./voc.js";
import { readYolo } from "./yolo.js";

const readers: Readonly<Record<LabelFormat, LabelReader>> = {
  yolo: readYolo,
  voc: readVoc,
  coco: readCoco,
  geojson: readGeoJson,
  csv: readCsv,
};

export interface ImportRequest {
  /** A folder or file of one of the formats. */
  readonly path: string;
  /** Recognised by what is there unless given. */
  readonly format?: LabelFormat | undefined;
  readonly author: string;
  /** Of fields of which everything could be taken. */
  readonly state: ReviewState;
  /** Nothing is taken where anything cannot be; without it the rest is. */
  readonly whole: boolean;
  readonly onField?: ((done: number) => void) | undefined;
}

export interface ImportReport {
  readonly format: LabelFormat;
  readonly imported: number;
  /** Of these had been imported before. */
  readonly repeated: number;
  readonly cells: number;
  readonly faults: readonly ImportFault[];
}

/** @throws CytoError LABEL_IMPORT_INVALID */
export const recogniseFormat = async (path: string): Promise<LabelFormat> => {
  const found = await stat(path).catch(() => undefined);
  if (found === undefined) throw invalidImport(`${path} is not there`);
  const names = found.isDirectory() ? ((await listFolder(path)) ?? []) : [basename(path)];
  if (names.includes("data.yaml")) return "yolo";
  if (names.includes("JPEGImages") && names.includes("Annotations")) return "voc";
  if (names.some((name) => name.endsWith(".geojson"))) return "geojson";
  if (names.some((name) => (found.isDirectory() ? name === "labels.csv" : name.endsWith(".csv")))) return "csv";
  if (names.some((name) => (found.isDirectory() ? name === "annotations.json" : name.endsWith(".json")))) return "coco";
  throw invalidImport(`${path} is in none of the formats ${Object.keys(readers).join(", ")}`);
};

/** Where labels are handed in: the desk, or a daemon's over HTTP. */
export type LabelIntake = Pick<LabelDesk, "addPicture" | "submit">;

/** The same field of the same file has the same id: importing twice is importing once. */
const idOf = (content: Omit<LabelSubmission, "id">): string =>
  `import-${createHash("sha256").update(JSON.stringify(content)).digest("hex").slice(0, 40)}`;

const atOnce = 8;

class Import {
  readonly faults: ImportFault[] = [];
  imported = 0;
  repeated = 0;
  cells = 0;
  readonly #request: ImportRequest;
  readonly #format: LabelFormat;

  constructor(request: ImportRequest, format: LabelFormat) {
    this.#request = request;
    this.#format = format;
  }

  /** Each picture through `act`, several at a time. */
  async each(act: (field: ImportedField) => Promise<void>): Promise<void> {
    const running = new Set<Promise<void>>();
    for await (const item of readers[this.#format](this.#request.path)) {
      if (isFault(item)) {
        this.faults.push(item);
        continue;
      }
      const one: Promise<void> = act(item).finally(() => running.delete(one));
      one.catch(() => {});
      running.add(one);
      if (running.size >= atOnce) await Promise.race(running);
    }
    await Promise.all(running);
  }

  /** Looks at a picture and its labels, keeping nothing. */
  async check(field: ImportedField): Promise<void> {
    const picture = await this.#attempt(field, async () => decodePicture(await readFile(field.picturePath)));
    if (picture === undefined) return;
    const { faults } = field.cells({ widthPx: picture.width, heightPx: picture.height });
    this.faults.push(...faults);
  }

  async take(field: ImportedField, intake: LabelIntake): Promise<void> {
    const picture = await this.#attempt(field, async () => intake.addPicture(await readFile(field.picturePath)));
    if (picture === undefined) return;
    const content = this.#labelOf(field, picture.sha256, picture);
    const receipt = await this.#attempt(field, () => intake.submit({ id: idOf(content), ...content }));
    if (receipt === undefined) return;
    this.imported++;
    this.cells += content.cells.length;
    if (receipt.repeated) this.repeated++;
    this.#request.onField?.(this.imported);
  }

  #labelOf(field: ImportedField, picture: string, size: PictureSize): Omit<LabelSubmission, "id"> {
    const { cells, faults } = field.cells(size);
    this.faults.push(...faults);
    const { author, state } = this.#request;
    // Nobody vouches for a field of which a cell was left out.
    const known = faults.length > 0 && state === "confirmed" ? "corrected" : state;
    const origin: FieldOrigin = {
      file: basename(field.picturePath).slice(-200),
      ...(field.slide === undefined ? {} : { slide: field.slide }),
    };
    const scale = field.umPerPixel === undefined ? {} : { umPerPixel: field.umPerPixel };
    return { picture, cells, state: known, author, origin, ...scale };
  }

  /** What is wrong with one picture or label is a fault of the import; what is wrong with the store ends it. */
  async #attempt<T>(field: ImportedField, act: () => Promise<T>): Promise<T | undefined> {
    try {
      return await act();
    } catch (error) {
      const isFile = (error as NodeJS.ErrnoException).syscall !== undefined;
      const { code, message } = CytoError.from(error);
      if (!isFile && !code.startsWith("IMAGE_") && !code.startsWith("LABEL_")) throw error;
      this.faults.push({ place: field.place, message });
      return undefined;
    }
  }
}

/**
 * Takes the labelled pictures of a data set. Rows that cannot be taken are reported with file and line; a field that lacks one for
 * that is not taken as confirmed, but as corrected. With `whole` everything is looked at first, and nothing taken where anything
 * cannot be.
 * @throws CytoError LABEL_IMPORT_INVALID where the whole cannot be read, STORE_FULL, STORE_BUSY, STORE_FAILED
 */
export const importLabels = async (intake: LabelIntake, request: ImportRequest): Promise<ImportReport> => {
  const format = request.format ?? (await recogniseFormat(request.path));
  const report = ({ imported, repeated, cells, faults }: Import): ImportReport => ({
    ...{ format, imported, repeated, cells, faults },
  });
  if (request.whole) {
    const look = new Import(request, format);
    await look.each((field) => look.check(field));
    if (look.faults.length > 0) return report(look);
  }
  const work = new Import(request, format);
  await work.each((field) => work.take(field, intake));
  return report(work);
};
