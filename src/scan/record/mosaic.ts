import sharp from "sharp";
import { type Jpeg, mapTilePx, type SlideMap } from "../desk.js";
import type { ScanCourse } from "./course.js";
import { readPicture, type ScanFolder } from "./folder.js";
import {
  type FieldSizePx,
  isInMap,
  type PicturePlace,
  pictureAt,
  showsIn,
  slideMapOf,
  type TileAddress,
} from "./pyramid.js";
import { TileCache } from "./tileCache.js";

/** RGBA; what no field shows is transparent. */
interface Canvas {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
  readonly pixels: Buffer;
}

const channels = 4;
/** Ground of what was not seen: the grey of an empty slide. */
const ground = { r: 226, g: 226, b: 230 };
const tileQuality = 82;

/** Size of the kept pictures: no wider than the scan's bound, of the field's shape. */
export const keptSizeOf = ({ setup, pictures }: ScanCourse["header"]): FieldSizePx => {
  const { fieldWidthPx: width, fieldHeightPx: height } = setup;
  const scale = Math.min(1, pictures.maxSidePx / Math.max(width, height));
  return { width: Math.max(1, Math.round(width * scale)), height: Math.max(1, Math.round(height * scale)) };
};

/** A canvas's part of a picture, scaled to its place and drawn over what is there. */
const draw = async (canvas: Canvas, jpeg: Jpeg, place: PicturePlace): Promise<void> => {
  const left = Math.max(place.left, canvas.left);
  const top = Math.max(place.top, canvas.top);
  const width = Math.min(place.left + place.width, canvas.left + canvas.width) - left;
  const height = Math.min(place.top + place.height, canvas.top + canvas.height) - top;
  if (width <= 0 || height <= 0) return;
  const part = await sharp(jpeg)
    .resize({ width: place.width, height: place.height, fit: "fill" })
    .extract({ left: left - place.left, top: top - place.top, width, height })
    .toColourspace("srgb")
    .ensureAlpha()
    .raw({ depth: "uchar" })
    .toBuffer();
  for (let row = 0; row < height; row++) {
    const to = ((top - canvas.top + row) * canvas.width + left - canvas.left) * channels;
    part.copy(canvas.pixels, to, row * width * channels, (row + 1) * width * channels);
  }
};

const blank = (left: number, top: number, width: number, height: number): Canvas => ({
  ...{ left, top, width, height },
  pixels: Buffer.alloc(width * height * channels),
});

const imageOf = ({ width, height, pixels }: Canvas) => sharp(pixels, { raw: { width, height, channels } });

/** The slide's map of one scan: a pyramid of tiles, made when asked for from the kept pictures, later fields over earlier ones. */
export class Mosaic {
  readonly #folder: ScanFolder;
  readonly #course: ScanCourse;
  readonly #cache: TileCache;
  /** One tile at a time: pictures are large, and tiles that wait are drawn from what the ones before have read. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(folder: ScanFolder, course: ScanCourse, mostBytes: number) {
    this.#folder = folder;
    this.#course = course;
    this.#cache = new TileCache(folder.tiles, mostBytes);
  }

  get map(): SlideMap {
    const { header, fields, boundsUm } = this.#course;
    const umPerPixel = (header.setup.umPerPixel * header.setup.fieldWidthPx) / keptSizeOf(header).width;
    return slideMapOf(boundsUm, umPerPixel, fields.length);
  }

  /** A tile as a JPEG; undefined where no field shows in it. @throws CytoError NOT_FOUND, STORE_FAILED */
  tile(address: TileAddress): Promise<Jpeg | undefined> {
    const made = this.#last.then(() => this.#make(address));
    this.#last = made.catch(() => {});
    return made;
  }

  /** All of it as one JPEG, its longer side at most so many px. */
  async whole(mostPx: number): Promise<Jpeg> {
    const { map } = this;
    const { left, top, right, bottom } = map.boundsUm;
    const longestPx = Math.max(right - left, bottom - top) / map.umPerPixel;
    const level = Math.max(0, Math.ceil(Math.log2(longestPx / mostPx)));
    const perPixel = map.umPerPixel * 2 ** level;
    const canvas = blank(0, 0, Math.ceil((right - left) / perPixel), Math.ceil((bottom - top) / perPixel));
    for (const { field, place } of this.#places(map, level)) await this.#drawField(canvas, field, place);
    return imageOf(canvas).flatten({ background: ground }).jpeg({ quality: tileQuality }).toBuffer();
  }

  #places(map: SlideMap, level: number): { field: number; place: PicturePlace }[] {
    const size = keptSizeOf(this.#course.header);
    return this.#course.fields.map(({ index }) => ({
      field: index,
      place: pictureAt(map, level, this.#course.placeOf(index), size),
    }));
  }

  async #drawField(canvas: Canvas, field: number, place: PicturePlace): Promise<void> {
    await draw(canvas, await readPicture(this.#folder, field), place);
  }

  async #make(address: TileAddress): Promise<Jpeg | undefined> {
    const { map } = this;
    if (!isInMap(map, address)) return undefined;
    const shown = this.#places(map, address.level).filter(({ place }) => showsIn(address, place));
    if (shown.length === 0) return undefined;
    const cached = await this.#cache.get(address);
    const drawn = cached !== undefined && cached.fields <= shown.length ? cached : undefined;
    const canvas = blank(address.column * mapTilePx, address.row * mapTilePx, mapTilePx, mapTilePx);
    if (drawn !== undefined) (await sharp(drawn.picture).ensureAlpha().raw().toBuffer()).copy(canvas.pixels);
    for (const { field, place } of shown.slice(drawn?.fields ?? 0)) await this.#drawField(canvas, field, place);
    if (drawn?.fields !== shown.length) {
      const picture = await imageOf(canvas).png({ compressionLevel: 3 }).toBuffer();
      await this.#cache.put(address, { fields: shown.length, picture });
    }
    return imageOf(canvas).flatten({ background: ground }).jpeg({ quality: tileQuality }).toBuffer();
  }
}
