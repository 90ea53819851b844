import { createHash, randomBytes } from "node:crypto";
import { mkdir, readFile, rename, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Picture } from "../../pictures/index.js";

const headerBytes = 8;

/** A made picture as a file: width and height (uint32, little-endian), then its pixels. */
const encode = ({ width, height, pixels }: Picture): Uint8Array => {
  const bytes = new Uint8Array(headerBytes + pixels.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, width, true);
  view.setUint32(4, height, true);
  bytes.set(pixels, headerBytes);
  return bytes;
};

/** Undefined where the bytes are not a whole picture. */
const decode = (bytes: Uint8Array): Picture | undefined => {
  if (bytes.length < headerBytes) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const [width, height] = [view.getUint32(0, true), view.getUint32(4, true)];
  if (width === 0 || height === 0 || bytes.length !== headerBytes + 3 * width * height) return undefined;
  return { width, height, pixels: Uint8Array.from(bytes.subarray(headerBytes)) };
};

/**
 * Pictures made of files' pictures, kept in a folder, so that trainings one after another and side by side do not each
 * decode and resample a whole data set. It may be deleted at any time; what cannot be written is made anew each time.
 */
export class PictureCache {
  constructor(private readonly directory: string) {}

  /**
   * The picture that `make` makes of the file `path`, from the folder where it is there and the file is as it was.
   * @param how everything else that decides it
   */
  async get(path: string, how: readonly (string | number)[], make: () => Promise<Picture>): Promise<Picture> {
    const file = await this.#fileOf(path, how);
    const known = await readFile(file).then(decode, () => undefined);
    if (known) return known;
    const made = await make();
    await this.#write(file, made).catch(() => undefined);
    return made;
  }

  async #fileOf(path: string, how: readonly (string | number)[]): Promise<string> {
    const { size, mtimeMs } = await stat(path).catch(() => ({ size: 0, mtimeMs: 0 }));
    const key = createHash("sha256")
      .update(JSON.stringify([path, size, mtimeMs, how]))
      .digest("hex");
    return join(this.directory, key.slice(0, 2), `${key.slice(2, 40)}.rgb`);
  }

  /** The file appears whole or not at all. */
  async #write(file: string, picture: Picture): Promise<void> {
    const staged = `${file}.${randomBytes(4).toString("hex")}`;
    await mkdir(dirname(file), { recursive: true });
    await writeFile(staged, encode(picture));
    await rename(staged, file);
  }
}

/** A place to begin in a list that other processes go through at the same time, so that each finds what others made. */
export const ownStart = (length: number): number => (length === 0 ? 0 : (process.pid * 7919) % length);
