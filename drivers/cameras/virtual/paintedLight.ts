import type { Picture } from "../../../src/pictures/index.js";
import { glassAt, meanGlass, squarePx } from "./glass.js";
import { type LightPainter, type PixelRect, stepsPerLevel } from "./lightPainter.js";
import { resampleRow, sourceSpan, type Taps, tapsOf } from "./resampling.js";
import type { Slide } from "./slide.js";
import { type Span, type TileGrid, tilesOver } from "./tileGrid.js";
import { TileStore } from "./tileStore.js";

/** Compressed tiles kept, bytes: more than three rows of fields of the default slide. */
const mostTileBytes = 24 << 20;
/** What blur can bear. */
const brightest = 255 * stepsPerLevel;

export interface PaintedLightOptions {
  readonly slide: Slide;
  /** Size of a pixel of the field, um. */
  readonly umPerPixel: number;
  /** Size of a painted pixel, um. */
  readonly paintedUmPerPixel: number;
  readonly grid: TileGrid;
  /** Paints a tile, without its surroundings. */
  readonly paint: (column: number, row: number) => Promise<Picture>;
}

interface Source {
  readonly across: Taps;
  readonly down: Taps;
  /** Painted pixels that they need. */
  readonly span: Span;
}

/** Shows the slide as a network painted it, tile by tile: brought to the scale of the field, lit as its place is. */
export class PaintedLight implements LightPainter {
  readonly #options: PaintedLightOptions;
  readonly #tiles: TileStore;
  #canvas = new Uint8Array(0);
  #rows = new Float32Array(0);
  #light = new Uint16Array(0);

  constructor(options: PaintedLightOptions) {
    this.#options = options;
    this.#tiles = new TileStore({ mostBytes: mostTileBytes, paint: options.paint });
  }

  get kept(): TileStore["size"] {
    return this.#tiles.size;
  }

  async prepare(rect: PixelRect, isWanted: () => boolean = () => true): Promise<void> {
    const { left, top, right, bottom } = tilesOver(this.#options.grid, this.#sourceOf(rect).span);
    this.#tiles.expect((right - left) * (bottom - top));
    for (let row = top; row < bottom; row++) {
      for (let column = left; column < right; column++) {
        if (!isWanted()) return;
        await this.#tiles.prepare(column, row);
      }
    }
  }

  /** @throws RangeError where the rectangle was not made ready */
  paint(rect: PixelRect): Uint16Array<ArrayBuffer> {
    const source = this.#sourceOf(rect);
    const size = 3 * rect.width * rect.height;
    if (this.#light.length < size) this.#light = new Uint16Array(size);
    this.#assemble(source.span);
    const lastRow = rect.topPx + rect.height - 1;
    for (let square = Math.floor(rect.topPx / squarePx); square * squarePx <= lastRow; square++) {
      this.#paintBand(rect, source, square);
    }
    return this.#light.subarray(0, size);
  }

  #sourceOf({ leftPx, topPx, width, height }: PixelRect): Source {
    const { umPerPixel, paintedUmPerPixel } = this.#options;
    const step = umPerPixel / paintedUmPerPixel;
    const across = tapsOf(leftPx, width, step);
    const down = tapsOf(topPx, height, step);
    const [columns, rows] = [sourceSpan(across), sourceSpan(down)];
    return { across, down, span: { left: columns.from, top: rows.from, right: columns.to, bottom: rows.to } };
  }

  /** Lays the tiles side by side. */
  #assemble(span: Span): void {
    const { grid } = this.#options;
    const width = span.right - span.left;
    const size = 3 * width * (span.bottom - span.top);
    if (this.#canvas.length < size) this.#canvas = new Uint8Array(size);
    const tiles = tilesOver(grid, span);
    for (let row = tiles.top; row < tiles.bottom; row++) {
      const tileTop = grid.top + row * grid.height;
      for (let column = tiles.left; column < tiles.right; column++) {
        const pixels = this.#tiles.pixelsOf(column, row);
        const tileLeft = grid.left + column * grid.width;
        const from = Math.max(span.left, tileLeft);
        const to = Math.min(span.right, tileLeft + grid.width);
        for (let y = Math.max(span.top, tileTop); y < Math.min(span.bottom, tileTop + grid.height); y++) {
          const start = 3 * ((y - tileTop) * grid.width + from - tileLeft);
          const into = 3 * ((y - span.top) * width + from - span.left);
          this.#canvas.set(pixels.subarray(start, start + 3 * (to - from)), into);
        }
      }
    }
  }

  /** Brings a row of squares to the scale of the field, and lights each as its middle is. */
  #paintBand(rect: PixelRect, { across, down, span }: Source, square: number): void {
    const samples = 3 * rect.width;
    const first = Math.max(0, square * squarePx - rect.topPx);
    const end = Math.min(rect.height, (square + 1) * squarePx - rect.topPx);
    const sourceFirst = down.first[first]!;
    const count = down.first[end - 1]! + down.perPixel - sourceFirst;
    if (this.#rows.length < count * samples) this.#rows = new Float32Array(count * samples);
    const sourceSamples = 3 * (span.right - span.left);
    for (let row = 0; row < count; row++) {
      const start = (sourceFirst + row - span.top) * sourceSamples;
      const source = this.#canvas.subarray(start, start + sourceSamples);
      resampleRow(source, across, span.left, this.#rows.subarray(row * samples, (row + 1) * samples));
    }
    const gains = this.#gainsOf(rect, square);
    const sums = new Float32Array(samples);
    for (let y = first; y < end; y++) {
      sums.fill(0);
      for (let tap = 0; tap < down.perPixel; tap++) {
        const share = down.weight[y * down.perPixel + tap]!;
        const from = (down.first[y]! + tap - sourceFirst) * samples;
        for (let at = 0; at < samples; at++) sums[at] = sums[at]! + share * this.#rows[from + at]!;
      }
      const into = y * samples;
      for (let at = 0; at < samples; at++) {
        const steps = sums[at]! * gains[at]! + 0.5;
        this.#light[into + at] = steps < 0 ? 0 : Math.min(steps, brightest);
      }
    }
  }

  /** Steps of light for a painted level, by sample of a row. */
  #gainsOf({ leftPx, width }: PixelRect, square: number): Float32Array {
    const { slide, umPerPixel } = this.#options;
    const gains = new Float32Array(3 * width);
    const middle = (index: number): number => (index + 0.5) * squarePx * umPerPixel;
    for (let x = 0, at = 0; x < width; ) {
      const column = Math.floor((leftPx + x) / squarePx);
      const glass = glassAt(slide.conditions, middle(column), middle(square));
      const [red, green, blue] = [0, 1, 2].map((c) => (stepsPerLevel * glass[c]!) / meanGlass[c]!);
      for (const end = Math.min(width, (column + 1) * squarePx - leftPx); x < end; x++, at += 3) {
        gains[at] = red!;
        gains[at + 1] = green!;
        gains[at + 2] = blue!;
      }
    }
    return gains;
  }
}
