import type { ScanField, ScanRecord, SlideMap } from "../../../scan/index.js";
import { errorText, getPicture } from "../api.js";
import { type TileAddress, tileRectUm } from "./mapView.js";

interface Tile {
  /** Fields that were looked at for whether they show in it. */
  seen: number;
  /** A field shows in it that its picture has not. */
  due: boolean;
  loading: boolean;
  picture: ImageBitmap | undefined;
  /** When it was drawn last, by the number of the drawing. */
  drawing: number;
}

/** Pictures kept, some 256 kB each, and those that come at the same time: a browser has six connections to a daemon. */
const mostKept = 400;
const mostLoading = 4;

const sameMap = (a: SlideMap | undefined, b: SlideMap): boolean =>
  a !== undefined &&
  a.umPerPixel === b.umPerPixel &&
  a.levels === b.levels &&
  JSON.stringify(a.boundsUm) === JSON.stringify(b.boundsUm);

/**
 * The tiles of one scan's map. One is asked for when it is to be drawn and a field shows in it that was not there before; ground that
 * nobody has looked at is never asked for. The old picture stays until the new one is there.
 */
export class Tiles {
  readonly #path: string;
  readonly #sizeUm: { readonly width: number; readonly height: number };
  readonly #onChange: () => void;
  readonly #tiles = new Map<string, Tile>();
  #map: SlideMap | undefined;
  #fields: readonly ScanField[] = [];
  #drawing = 0;
  #loading = 0;
  #error: string | undefined;
  #closed = false;

  constructor({ id, setup }: ScanRecord, onChange: () => void) {
    this.#path = `v1/scans/${encodeURIComponent(id)}/map`;
    this.#sizeUm = { width: setup.fieldWidthPx * setup.umPerPixel, height: setup.fieldHeightPx * setup.umPerPixel };
    this.#onChange = onChange;
  }

  /** Why some of them are not there; none is asked for until `retry`. */
  get error(): string | undefined {
    return this.#error;
  }

  /** Whether more is to be drawn than there was at the last drawing. */
  get busy(): boolean {
    return this.#loading > 0;
  }

  /** Begins a drawing of a map with so many fields on it. */
  begin(map: SlideMap, fields: readonly ScanField[]): void {
    if (!sameMap(this.#map, map)) this.#forget();
    this.#map = map;
    this.#fields = fields;
    this.#drawing++;
  }

  /** The picture of a tile that is drawn, where there is one; the newest one is asked for when the drawing ends. */
  picture(address: TileAddress): ImageBitmap | undefined {
    const key = `${address.level}/${address.column}/${address.row}`;
    const tile = this.#tiles.get(key) ?? { seen: 0, due: false, loading: false, picture: undefined, drawing: 0 };
    tile.drawing = this.#drawing;
    this.#look(tile, address);
    this.#tiles.delete(key);
    this.#tiles.set(key, tile);
    return tile.picture;
  }

  end(): void {
    for (const [key, tile] of this.#tiles) {
      if (this.#loading >= mostLoading || this.#error !== undefined) break;
      if (tile.drawing === this.#drawing && tile.due && !tile.loading) void this.#load(key, tile);
    }
    for (const [key, tile] of this.#tiles) {
      if (this.#tiles.size <= mostKept || tile.drawing === this.#drawing) break;
      tile.picture?.close();
      this.#tiles.delete(key);
    }
  }

  retry(): void {
    this.#error = undefined;
    this.#onChange();
  }

  close(): void {
    this.#closed = true;
    this.#forget();
  }

  #forget(): void {
    for (const { picture } of this.#tiles.values()) picture?.close();
    this.#tiles.clear();
    this.#error = undefined;
  }

  #look(tile: Tile, address: TileAddress): void {
    if (this.#map === undefined || tile.seen >= this.#fields.length) return;
    const { left, top, right, bottom, pixelUm } = tileRectUm(this.#map, address);
    // Pictures are placed by whole pixels of the level.
    const reach = { x: this.#sizeUm.width / 2 + 2 * pixelUm, y: this.#sizeUm.height / 2 + 2 * pixelUm };
    for (; tile.seen < this.#fields.length && !tile.due; tile.seen++) {
      const { x, y } = this.#fields[tile.seen]!.centreUm;
      tile.due = x + reach.x > left && x - reach.x < right && y + reach.y > top && y - reach.y < bottom;
    }
  }

  async #load(key: string, tile: Tile): Promise<void> {
    const version = this.#fields.length;
    tile.loading = true;
    this.#loading++;
    try {
      const picture = await getPicture(`${this.#path}/${version}/${key}`);
      if (this.#closed || this.#tiles.get(key) !== tile) picture?.close();
      else {
        tile.picture?.close();
        Object.assign(tile, { picture, seen: Math.max(tile.seen, version), due: false });
      }
    } catch (error) {
      if (this.#tiles.get(key) === tile) this.#error = errorText(error);
    }
    tile.loading = false;
    this.#loading--;
    if (!this.#closed) this.#onChange();
  }
}
