/** Greatest side of a tile, painted px: what is painted in one go, and with it the memory that it takes, has a bound. */
const mostTilePx = 288;
/** A tile smaller than this would be painted mostly for its surroundings. */
const leastTilePx = 128;
/** What the blur of a field in focus and the enlargement see beyond its border, painted px. */
const borderPx = 8;

/** A rectangle of painted pixels or of tiles; ends are exclusive. */
export interface Span {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

/** Tiles of the slide in painted pixels, whose first has its corner in the slide's corner. Sides and origin are multiples of the painter's. */
export interface TileGrid {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

export interface GridOptions {
  /** Left top corner of the first field of the scan, um. */
  readonly firstUm: Readonly<{ x: number; y: number }>;
  readonly fieldWidthUm: number;
  readonly fieldHeightUm: number;
  /** Size of a painted pixel, um. */
  readonly paintedUmPerPixel: number;
  /** Sides of what the painter paints are multiples of this. */
  readonly multiple: number;
}

interface Axis {
  readonly from: number;
  readonly size: number;
  readonly tiles: number;
}

const axisOf = (firstUm: number, lengthUm: number, { paintedUmPerPixel, multiple }: GridOptions): Axis => {
  const roundUp = (length: number): number => Math.ceil(length / multiple) * multiple;
  const from = Math.floor((firstUm / paintedUmPerPixel - borderPx) / multiple) * multiple;
  // The field, its border, and what the rounding of `from` may add.
  const needed = lengthUm / paintedUmPerPixel + 2 * borderPx + multiple;
  const tiles = Math.ceil(needed / mostTilePx);
  return { from, size: Math.max(roundUp(needed / tiles), roundUp(leastTilePx)), tiles };
};

/**
 * The grid on which the first field of a scan takes the fewest tiles, so that it is there soon. It follows from the options
 * alone: whatever is looked at later, in whatever order, is cut the same.
 */
export const tileGridOf = (options: GridOptions): TileGrid => {
  const across = axisOf(options.firstUm.x, options.fieldWidthUm, options);
  const down = axisOf(options.firstUm.y, options.fieldHeightUm, options);
  return { left: across.from, top: down.from, width: across.size, height: down.size };
};

/** Tiles that the first field of a scan takes. */
export const tilesOfField = (options: GridOptions): number =>
  axisOf(options.firstUm.x, options.fieldWidthUm, options).tiles *
  axisOf(options.firstUm.y, options.fieldHeightUm, options).tiles;

/** The tiles that hold a rectangle of painted pixels. */
export const tilesOver = (grid: TileGrid, { left, top, right, bottom }: Span): Span => ({
  left: Math.floor((left - grid.left) / grid.width),
  top: Math.floor((top - grid.top) / grid.height),
  right: Math.floor((right - 1 - grid.left) / grid.width) + 1,
  bottom: Math.floor((bottom - 1 - grid.top) / grid.height) + 1,
});
