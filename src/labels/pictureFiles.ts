import { mkdir, readFile, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { storeError, syncDirectory, writeFileDurably } from "../store/index.js";
import type { StoredPicture } from "./fieldRecord.js";

const endings: Readonly<Record<StoredPicture["mediaType"], string>> = {
  "image/jpeg": "jpg",
  "image/png": "png",
  "image/tiff": "tif",
  "image/bmp": "bmp",
};

type Named = Pick<StoredPicture, "sha256" | "mediaType">;

/** A picture's file below the folder of pictures: `ab/abcd….jpg`. */
export const pictureFile = ({ sha256, mediaType }: Named): string =>
  join(sha256.slice(0, 2), `${sha256}.${endings[mediaType]}`);

/** Pictures as files that are named by their content. */
export class PictureFiles {
  readonly #root: string;
  readonly #folders = new Map<string, Promise<void>>();

  constructor(root: string) {
    this.#root = root;
  }

  pathOf(picture: Named): string {
    return join(this.#root, pictureFile(picture));
  }

  /** On the disk when it resolves. @throws CytoError STORE_FULL, STORE_FAILED */
  async write(picture: Named, bytes: Uint8Array): Promise<void> {
    const path = this.pathOf(picture);
    await this.#makeFolder(dirname(path));
    await writeFileDurably(path, bytes);
  }

  /** Whether the file is there, as long as it should be. */
  async has(picture: Named & Pick<StoredPicture, "bytes">): Promise<boolean> {
    const found = await stat(this.pathOf(picture)).catch(() => undefined);
    return found?.size === picture.bytes;
  }

  async read(picture: Named): Promise<Uint8Array | undefined> {
    try {
      return await readFile(this.pathOf(picture));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
      throw storeError(error, this.pathOf(picture));
    }
  }

  /** A folder's own name is on the disk before anything in it is acknowledged. */
  #makeFolder(folder: string): Promise<void> {
    const made = this.#folders.get(folder) ?? this.#makeFolderOnce(folder);
    this.#folders.set(folder, made);
    return made;
  }

  async #makeFolderOnce(folder: string): Promise<void> {
    try {
      await mkdir(folder, { recursive: true });
      await syncDirectory(dirname(folder));
      await syncDirectory(dirname(dirname(folder)));
    } catch (error) {
      this.#folders.delete(folder);
      throw storeError(error, folder);
    }
  }
}
