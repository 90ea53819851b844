import { createHash } from "node:crypto";
import { CytoError } from "../core/index.js";
import { decodePreview, type PictureFormat, StainMeter } from "../pictures/index.js";
import type { Database } from "../store/index.js";
import type { LabelProgram } from "./database/program.js";
import { type NewPicture, pictureOf } from "./database/rows.js";
import type { StoredPicture } from "./fieldRecord.js";
import { looksOf } from "./lookAlikes.js";
import type { PictureFiles } from "./pictureFiles.js";
import { thumbnailOf } from "./thumbnail.js";

const mediaTypes: Readonly<Record<PictureFormat, StoredPicture["mediaType"]>> = {
  jpeg: "image/jpeg",
  png: "image/png",
  tiff: "image/tiff",
  bmp: "image/bmp",
};

/** Pictures decoded at the same time, and written at the same time: their syncs go into few commits of the file system. */
const decodedAtOnce = 3;
const writtenAtOnce = 32;
/** Pixels that tell a picture's look-alikes and its stain. */
const looksPixels = 15_000;
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

/** Takes pictures in: looked at, on the disk, then in the database. */
export class PictureIntake {
  readonly #files: PictureFiles;
  readonly #database: Database<LabelProgram>;
  readonly #inWork = new Map<string, Promise<StoredPicture>>();
  readonly #decoding = new Turnstile(decodedAtOnce);
  readonly #writing = new Turnstile(writtenAtOnce);
  readonly #stains = new StainMeter();

  constructor(files: PictureFiles, database: Database<LabelProgram>) {
    this.#files = files;
    this.#database = database;
  }

  /** @throws CytoError IMAGE_UNREADABLE, IMAGE_TOO_LARGE, STORE_FULL, STORE_BUSY, STORE_FAILED */
  add(bytes: Uint8Array): Promise<StoredPicture> {
    const sha256 = createHash("sha256").update(bytes).digest("hex");
    const known = this.#inWork.get(sha256);
    if (known !== undefined) return known;
    if (this.#inWork.size >= mostWaiting)
      return Promise.reject(new CytoError("STORE_BUSY", `${this.#inWork.size} pictures wait to be kept`));
    const kept = this.#keep(sha256, bytes).finally(() => this.#inWork.delete(sha256));
    this.#inWork.set(sha256, kept);
    return kept;
  }

  async #keep(sha256: string, bytes: Uint8Array): Promise<StoredPicture> {
    const row = await this.#database.read("picture", sha256);
    const stored = row === undefined ? undefined : pictureOf(row);
    if (stored !== undefined && (await this.#files.has(stored))) return stored;
    const picture = await this.#decoding.run(() => this.#examine(sha256, bytes));
    await this.#writing.run(() => this.#files.write(picture, bytes));
    await this.#database.write("addPicture", picture);
    return pictureOf(picture);
  }

  async #examine(sha256: string, bytes: Uint8Array): Promise<NewPicture> {
    const picture = await decodePreview(bytes, { leastPixels: looksPixels });
    const thumbnail = thumbnailOf(picture);
    return {
      sha256,
      mediaType: mediaTypes[picture.format],
      bytes: bytes.length,
      widthPx: picture.fullWidth,
      heightPx: picture.fullHeight,
      addedAtMs: Date.now(),
      thumbnail: new Uint8Array(thumbnail.buffer),
      signature: new Uint8Array(looksOf(thumbnail).signature.buffer),
      stain: this.#stains.measure(picture),
    };
  }
}
