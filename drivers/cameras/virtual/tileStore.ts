import { decodePicture, encodeJpeg, type Picture } from "../../../src/pictures/index.js";

/** Quality of the kept tiles: errors of a level or two, which the sensor's noise covers. */
const jpegQuality = 92;

export interface TileStoreOptions {
  /** Bytes of compressed tiles that are kept; those not asked for the longest go first. */
  readonly mostBytes: number;
  /** Paints a tile that is not there. */
  readonly paint: (column: number, row: number) => Promise<Picture>;
}

const keyOf = (column: number, row: number): string => `${column},${row}`;

/** Takes the entry to the end of its map: the first is the one not asked for the longest. */
const touch = <V>(map: Map<string, V>, key: string): V | undefined => {
  const value = map.get(key);
  if (value === undefined) return undefined;
  map.delete(key);
  map.set(key, value);
  return value;
};

/**
 * Tiles of the slide: painted when first asked for, then kept as JPEG within a bound. A tile is seen as its JPEG shows it, from the
 * first time on, so that it never changes. Pixels are kept for the tiles asked for last.
 */
export class TileStore {
  readonly #options: TileStoreOptions;
  readonly #compressed = new Map<string, Uint8Array>();
  readonly #pixels = new Map<string, Uint8Array>();
  #mostPixels = 1;
  #bytes = 0;

  constructor(options: TileStoreOptions) {
    this.#options = options;
  }

  /** Compressed bytes that are kept, and of how many tiles. */
  get size(): { readonly bytes: number; readonly tiles: number } {
    return { bytes: this.#bytes, tiles: this.#compressed.size };
  }

  /** Keeps the pixels of at least so many tiles. */
  expect(tiles: number): void {
    this.#mostPixels = Math.max(this.#mostPixels, tiles);
  }

  /** Whether a tile need not be painted. */
  has(column: number, row: number): boolean {
    return this.#compressed.has(keyOf(column, row));
  }

  /** Has the pixels of a tile at hand for `pixelsOf`, until as many others as `expect` says were made ready. */
  async prepare(column: number, row: number): Promise<void> {
    const key = keyOf(column, row);
    if (touch(this.#pixels, key)) {
      touch(this.#compressed, key);
      return;
    }
    const kept = touch(this.#compressed, key) ?? (await this.#paint(key, column, row));
    const { pixels } = await decodePicture(kept);
    this.#pixels.set(key, pixels);
    for (const oldest of this.#pixels.keys()) {
      if (this.#pixels.size <= this.#mostPixels) break;
      this.#pixels.delete(oldest);
    }
  }

  /** Interleaved RGB of a tile that was made ready. @throws RangeError where it was not */
  pixelsOf(column: number, row: number): Uint8Array {
    const pixels = this.#pixels.get(keyOf(column, row));
    if (!pixels) throw new RangeError(`the tile ${column}, ${row} was not made ready`);
    return pixels;
  }

  async #paint(key: string, column: number, row: number): Promise<Uint8Array> {
    const picture = await this.#options.paint(column, row);
    const jpeg = await encodeJpeg(picture, { quality: jpegQuality, fullColour: true });
    this.#compressed.set(key, jpeg);
    this.#bytes += jpeg.length;
    for (const [oldest, bytes] of this.#compressed) {
      if (this.#bytes <= this.#options.mostBytes || oldest === key) break;
      this.#compressed.delete(oldest);
      this.#bytes -= bytes.length;
    }
    return jpeg;
  }
}
