import { mapTilePx, type SlideMap } from "../../../scan/desk.js";

/** Where the canvas looks: the slide's place at its middle, and how many screen px a um takes. */
export interface MapView {
  readonly x: number;
  readonly y: number;
  readonly pxPerUm: number;
}

export interface Point {
  readonly x: number;
  readonly y: number;
}

interface Size {
  readonly width: number;
  readonly height: number;
}

const mostPxPerUm = 40;

/** The whole slide in the canvas. */
export const wholeView = ({ boundsUm: { left, right, top, bottom } }: SlideMap, { width, height }: Size): MapView => ({
  x: (left + right) / 2,
  y: (top + bottom) / 2,
  pxPerUm: 0.95 * Math.min(width / Math.max(right - left, 1), height / Math.max(bottom - top, 1)),
});

/** Nearer or farther, with the place under a point of the canvas staying there. */
export const zoomed = (
  view: MapView,
  factor: number,
  at: { readonly x: number; readonly y: number },
  size: Size,
): MapView => {
  const pxPerUm = Math.min(Math.max(view.pxPerUm * factor, 1e-4), mostPxPerUm);
  const [dx, dy] = [at.x - size.width / 2, at.y - size.height / 2];
  return {
    x: view.x + dx / view.pxPerUm - dx / pxPerUm,
    y: view.y + dy / view.pxPerUm - dy / pxPerUm,
    pxPerUm,
  };
};

export const panned = (view: MapView, dx: number, dy: number): MapView => ({
  ...view,
  x: view.x - dx / view.pxPerUm,
  y: view.y - dy / view.pxPerUm,
});

const middleOf = ([a, b = a]: readonly [Point, Point?]): Point => ({ x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 });
const spanOf = ([a, b = a]: readonly [Point, Point?]): number => Math.hypot(a.x - b.x, a.y - b.y);

/** The view after one pointer was dragged, or two: those also zoom, and what lies in the middle between them stays there. */
export const dragged = (
  view: MapView,
  { from, to }: { readonly from: readonly [Point, Point?]; readonly to: readonly [Point, Point?] },
  size: Size,
): MapView => {
  const [start, end] = [middleOf(from), middleOf(to)];
  const moved = panned(view, end.x - start.x, end.y - start.y);
  const [before, after] = [spanOf(from), spanOf(to)];
  return before === 0 || after === 0 ? moved : zoomed(moved, after / before, end, size);
};

export const toCanvas = (view: MapView, size: Size, place: { readonly x: number; readonly y: number }) => ({
  x: size.width / 2 + (place.x - view.x) * view.pxPerUm,
  y: size.height / 2 + (place.y - view.y) * view.pxPerUm,
});

export const toSlide = (view: MapView, size: Size, point: { readonly x: number; readonly y: number }) => ({
  x: view.x + (point.x - size.width / 2) / view.pxPerUm,
  y: view.y + (point.y - size.height / 2) / view.pxPerUm,
});

export interface TileAddress {
  readonly level: number;
  readonly column: number;
  readonly row: number;
}

/** What of the slide a tile shows, um, and how much of it one of its pixels does. */
export const tileRectUm = ({ boundsUm, umPerPixel }: SlideMap, { level, column, row }: TileAddress) => {
  const pixelUm = umPerPixel * 2 ** level;
  const side = mapTilePx * pixelUm;
  const [left, top] = [boundsUm.left + column * side, boundsUm.top + row * side];
  return { left, top, right: left + side, bottom: top + side, pixelUm };
};

export interface VisibleTile extends TileAddress {
  /** On the canvas, px. */
  readonly left: number;
  readonly top: number;
  readonly side: number;
}

/** The level whose pixels come nearest to the screen's without being coarser. */
export const levelFor = (map: SlideMap, { pxPerUm }: MapView): number =>
  Math.min(Math.max(Math.floor(Math.log2(1 / (pxPerUm * map.umPerPixel))), 0), map.levels - 1);

/** The tiles of a level that the canvas shows. */
export const visibleTiles = (map: SlideMap, level: number, view: MapView, size: Size): readonly VisibleTile[] => {
  const tileUm = mapTilePx * map.umPerPixel * 2 ** level;
  const { left, top, right, bottom } = map.boundsUm;
  const from = toSlide(view, size, { x: 0, y: 0 });
  const to = toSlide(view, size, { x: size.width, y: size.height });
  const index = (place: number, origin: number): number => Math.floor((place - origin) / tileUm);
  const tiles: VisibleTile[] = [];
  for (let row = Math.max(0, index(from.y, top)); row <= index(Math.min(to.y, bottom), top); row++)
    for (let column = Math.max(0, index(from.x, left)); column <= index(Math.min(to.x, right), left); column++) {
      const corner = toCanvas(view, size, { x: left + column * tileUm, y: top + row * tileUm });
      tiles.push({ level, column, row, left: corner.x, top: corner.y, side: tileUm * view.pxPerUm });
    }
  return tiles;
};
