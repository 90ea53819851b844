import type { SlideMap } from "../../../scan/index.js";

/** Where the canvas looks: the slide's place at its middle, and how many screen px a um takes. */
export interface MapView {
  readonly x: number;
  readonly y: number;
  readonly pxPerUm: number;
}

interface Size {
  readonly width: number;
  readonly height: number;
}

const tilePx = 256;
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

export const toCanvas = (view: MapView, size: Size, place: { readonly x: number; readonly y: number }) => ({
  x: size.width / 2 + (place.x - view.x) * view.pxPerUm,
  y: size.height / 2 + (place.y - view.y) * view.pxPerUm,
});

export const toSlide = (view: MapView, size: Size, point: { readonly x: number; readonly y: number }) => ({
  x: view.x + (point.x - size.width / 2) / view.pxPerUm,
  y: view.y + (point.y - size.height / 2) / view.pxPerUm,
});

export interface VisibleTile {
  readonly level: number;
  readonly column: number;
  readonly row: number;
  /** On the canvas, px. */
  readonly left: number;
  readonly top: number;
  readonly side: number;
}

/** The tiles that the canvas shows, of the level whose pixels come nearest to the screen's without being coarser. */
export const visibleTiles = (map: SlideMap, view: MapView, size: Size): readonly VisibleTile[] => {
  const wanted = Math.floor(Math.log2(1 / (view.pxPerUm * map.umPerPixel)));
  const level = Math.min(Math.max(wanted, 0), map.levels - 1);
  const tileUm = tilePx * map.umPerPixel * 2 ** level;
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
