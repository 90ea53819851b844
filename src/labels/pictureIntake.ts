import { createHash } from "node:crypto";
import { CytoError } from "../core/index.js";
import { type PictureFormat, readJpegSize, sniffFormat } from "../pictures/index.js";
import type { Database } from "../store/index.js";
import type { LabelProgram } from "./database/program.js";
import { examination, type NewPicture, pictureOf, unreadablePicture } from "./database/rows.js";
import type { StoredPicture } from "./fieldRecord.js";
import type { PictureFiles } from "./pictureFiles.js";
import type { PictureLooker } from "./pictureLooker.js";

const mediaTypes: Readonly<Record<PictureFormat, StoredPicture["mediaType"]>> = {
  jpeg: "image/jpeg",
  png: "image/png",
  tiff: "image/tiff",
  bmp: "image/bmp",
};

/** Pictures read at the same time, and written at the same time: their syncs go into few commits of the file system. */
const readAtOnce = 3;
const writtenAtOnce = 32;
/** Pictures that may wait; more are STORE_BUSY. */
const mostWaiting = 512;

/** Lets so many at a time through. */
class Turnstile {
  readonly #free: { count: number };
  readonly #waiting: (() => void)[] = [];

  constructor(places: number) {
    this.#free = { count: places };
  }

  async run<T>(act: () => Promise<T>): Promise<T> {
    if (this.#free.count > 0) this.#free.count--;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      return await act();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#free.count++;
      else next();
    }
  }
}

/** Takes pictures in: known to be whole, on the disk, then in the database. */
export class PictureIntake {
  readonly #files: PictureFiles;
  readonly #database: Database<LabelProgram>;
  readonly #inWork = new Map<string, Promise<StoredPicture>>();
  readonly #reading = new Turnstile(readAtOnce);
  readonly #writing = new Turnstile(writtenAtOnce);
  readonly #looker: PictureLooker;
  #lastAtMs = Number.NEGATIVE_INFINITY;

  constructor(files: PictureFiles, database: Database<LabelProgram>, looker: PictureLooker) {
    this.#files = files;
    this.#database = database;
    this.#looker = looker;
  }

  /** @throws CytoError IMAGE_UNREADABLE, IMAGE_TOO_LARGE, STORE_FULL, STORE_BUSY, STORE_FAILED */
  add(bytes: Uint8Array): Promise<StoredPicture> {
    this.#lastAtMs = performance.now();
    const sha256 = createHash("sha256").update(bytes).digest("hex");
    const known = this.#inWork.get(sha256);
    if (known !== undefined) return known;
    if (this.#inWork.size >= mostWaiting)
      return Promise.reject(new CytoError("STORE_BUSY", `${this.#inWork.size} pictures wait to be kept`));
    const kept = this.#keep(sha256, bytes).finally(() => this.#inWork.delete(sha256));
    this.#inWork.set(sha256, kept);
    return kept;
  }

  /** Since a picture came. */
  get quietMs(): number {
    return performance.now() - this.#lastAtMs;
  }

  async #keep(sha256: string, bytes: Uint8Array): Promise<StoredPicture> {
    const row = await this.#database.read("picture", sha256);
    if (row?.examined === examination.unreadable) throw unreadablePicture(row);
    const stored = row === undefined ? undefined : pictureOf(row);
    if (stored !== undefined && (await this.#files.has(stored))) return stored;
    const picture = await this.#reading.run(() => this.#read(sha256, bytes));
    await this.#writing.run(() => this.#files.write(picture, bytes));
    await this.#database.write("addPicture", picture);
    return pictureOf(picture);
  }

  /** A JPEG by its header, to be looked at later; of other formats only the decoder can tell whether they are whole. */
  async #read(sha256: string, bytes: Uint8Array): Promise<NewPicture> {
    const facts = { sha256, bytes: bytes.length, addedAtMs: Date.now() };
    if (sniffFormat(bytes) === "jpeg") {
      const { width, height } = await readJpegSize(bytes);
      return { ...facts, mediaType: mediaTypes.jpeg, widthPx: width, heightPx: height };
    }
    const { preview, looks } = await this.#looker.look(bytes);
    const { format, fullWidth, fullHeight } = preview;
    return { ...facts, mediaType: mediaTypes[format], widthPx: fullWidth, heightPx: fullHeight, looks };
  }
}
