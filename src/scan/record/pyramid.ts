import type { PointUm, RectUm } from "../../counting/index.js";
import { mapTilePx, type SlideMap } from "../desk.js";

/** A tile by its level (0 is the finest) and its place in it. */
export interface TileAddress {
  readonly level: number;
  readonly column: number;
  readonly row: number;
}

/** Where the picture of a field comes to lie in a level, px of the level. */
export interface PicturePlace {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

export interface FieldSizePx {
  readonly width: number;
  readonly height: number;
}

/** Levels until all of it lies in one tile. */
const levelsOf = ({ left, top, right, bottom }: RectUm, umPerPixel: number): number => {
  const longest = Math.max(right - left, bottom - top) / umPerPixel;
  return 1 + Math.max(0, Math.ceil(Math.log2(longest / mapTilePx)));
};

/** The map of bounds, whose finest level is as fine as the kept pictures are. */
export const slideMapOf = (boundsUm: RectUm, umPerPixel: number, version: number): SlideMap => ({
  boundsUm,
  umPerPixel,
  levels: levelsOf(boundsUm, umPerPixel),
  version,
});

/** The place of a field in a level, whole px, so that pictures of one size stay of one size. */
export const pictureAt = (map: SlideMap, level: number, centreUm: PointUm, picture: FieldSizePx): PicturePlace => {
  const scale = 2 ** level;
  const width = Math.max(1, Math.round(picture.width / scale));
  const height = Math.max(1, Math.round(picture.height / scale));
  const perPixel = map.umPerPixel * scale;
  return {
    left: Math.round((centreUm.x - map.boundsUm.left) / perPixel - width / 2),
    top: Math.round((centreUm.y - map.boundsUm.top) / perPixel - height / 2),
    width,
    height,
  };
};

/** Whether a picture at a place shows in a tile. */
export const showsIn = ({ column, row }: TileAddress, { left, top, width, height }: PicturePlace): boolean =>
  left < (column + 1) * mapTilePx &&
  left + width > column * mapTilePx &&
  top < (row + 1) * mapTilePx &&
  top + height > row * mapTilePx;

/** Whether a tile may hold anything: tiles outside of the bounds are not there. */
export const isInMap = (map: SlideMap, { level, column, row }: TileAddress): boolean => {
  if (![level, column, row].every((value) => Number.isInteger(value) && value >= 0) || level >= map.levels)
    return false;
  const tileUm = mapTilePx * map.umPerPixel * 2 ** level;
  const { left, top, right, bottom } = map.boundsUm;
  return column * tileUm < right - left && row * tileUm < bottom - top;
};
