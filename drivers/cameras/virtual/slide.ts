import type { Box, LabelledCell } from "../../../src/core/index.js";
import type { PlaceUm, SlideCell } from "./cells.js";
import { type OpticsOptions, type SlideOptions, slideOptionsSchema } from "./manifest.js";
import { blockUm, createPopulation, largestReachUm, type Population } from "./population.js";
import { hashPlace, slowField } from "./randomField.js";

export type { PlaceUm, SlideCell } from "./cells.js";

/** A rectangle of the slide, um from its top left corner. */
export interface RegionUm {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/** Where the stage is: the centre of the field and the height of the objective, um. */
export interface StagePosition extends PlaceUm {
  readonly z: number;
}

/** Size and scale of a field. */
export type FieldGeometry = Pick<OpticsOptions, "fieldWidthPx" | "fieldHeightPx" | "umPerPixel">;

/** A cell that is seen in a field, whole or in part. */
export interface TruthCell extends LabelledCell {
  /** The same in every field in which the cell is seen. */
  readonly id: number;
  /** What of the cell lies in the field, px. */
  readonly box: Box;
  /** The whole cell, px of the field; reaches past the border where the cell is cut. */
  readonly wholeBox: Box;
  readonly cutByBorder: boolean;
  readonly centreUm: PlaceUm;
}

/** Properties of the slide at a place, each slow and roughly in [-1, 1]. */
export interface SlideConditions {
  stain(xUm: number, yUm: number): number;
  light(xUm: number, yUm: number): number;
}

export interface Slide {
  readonly options: SlideOptions;
  readonly conditions: SlideConditions;
  /** The cells that reach into a rectangle of the slide, always in the same order. */
  cellsIn(region: RegionUm): readonly SlideCell[];
  /** Height of the best focus at a place, um. */
  focusZUm(xUm: number, yUm: number): number;
  /** The cells of which at least a pixel's width is in the field centred at `positionUm` (snapped as by `snapToPixels`). */
  truthInField(positionUm: PlaceUm, geometry: FieldGeometry): readonly TruthCell[];
  /** Each cell whose centre lies in the rectangle (left and top edges in, right and bottom out), once. */
  truthOfRegion(region: RegionUm): readonly SlideCell[];
}

/** Top left corner of a field in whole pixels of the slide; pixel (0, 0) has its corner in the slide's corner. */
export interface FieldOrigin {
  readonly leftPx: number;
  readonly topPx: number;
}

/** The field centred nearest to a position whose pixels fall on the slide's own grid of pixels. */
export const fieldOriginAt = (positionUm: PlaceUm, geometry: FieldGeometry): FieldOrigin => ({
  leftPx: Math.round(positionUm.x / geometry.umPerPixel - geometry.fieldWidthPx / 2),
  topPx: Math.round(positionUm.y / geometry.umPerPixel - geometry.fieldHeightPx / 2),
});

/** The centre of the field that is really shown for a position: at most half a pixel away. */
export const snapToPixels = (positionUm: PlaceUm, geometry: FieldGeometry): PlaceUm => {
  const { leftPx, topPx } = fieldOriginAt(positionUm, geometry);
  return {
    x: (leftPx + geometry.fieldWidthPx / 2) * geometry.umPerPixel,
    y: (topPx + geometry.fieldHeightPx / 2) * geometry.umPerPixel,
  };
};

class PaintedSlide implements Slide {
  readonly options: SlideOptions;
  readonly conditions: SlideConditions;
  readonly #population: Population;
  readonly #unevenness: (xUm: number, yUm: number) => number;
  readonly #tilt: Readonly<{ x: number; y: number; bend: number }>;

  constructor(options: SlideOptions) {
    this.options = options;
    const { seed } = options;
    this.#population = createPopulation(options);
    this.conditions = {
      stain: slowField(hashPlace(seed, 4, 101), 1500),
      light: slowField(hashPlace(seed, 5, 101), 2500),
    };
    this.#unevenness = slowField(hashPlace(seed, 6, 101), 2200);
    const signed = (purpose: number): number => hashPlace(seed, purpose, 101) / 0x8000_0000 - 1;
    // A slide in its holder: some um of tilt and a fraction of that of bend over its length.
    const { focusTiltUmPerMm: asked, slideWidthUm, slideHeightUm } = options;
    const tilt = asked && { x: (asked.x * slideWidthUm) / 1000, y: (asked.y * slideHeightUm) / 1000 };
    this.#tilt = { x: 5 * signed(7), y: 5 * signed(8), bend: 3 * signed(9), ...tilt };
  }

  focusZUm(xUm: number, yUm: number): number {
    const u = xUm / this.options.slideWidthUm - 0.5;
    const v = yUm / this.options.slideHeightUm - 0.5;
    return (
      this.#tilt.x * u +
      this.#tilt.y * v +
      this.#tilt.bend * (u * u + v * v) +
      this.options.focusBumpsUm * this.#unevenness(xUm, yUm)
    );
  }

  cellsIn(region: RegionUm): readonly SlideCell[] {
    const right = region.left + region.width;
    const bottom = region.top + region.height;
    return this.#near(region, largestReachUm).filter(({ centreUm, outline: { reachUm } }) => {
      return (
        centreUm.x + reachUm.right > region.left &&
        centreUm.x - reachUm.left < right &&
        centreUm.y + reachUm.bottom > region.top &&
        centreUm.y - reachUm.top < bottom
      );
    });
  }

  truthOfRegion(region: RegionUm): readonly SlideCell[] {
    return this.#near(region, 0).filter(
      ({ centreUm: { x, y } }) =>
        x >= region.left && y >= region.top && x < region.left + region.width && y < region.top + region.height,
    );
  }

  truthInField(positionUm: PlaceUm, geometry: FieldGeometry): readonly TruthCell[] {
    const { leftPx, topPx } = fieldOriginAt(positionUm, geometry);
    const { umPerPixel, fieldWidthPx, fieldHeightPx } = geometry;
    const region = {
      left: leftPx * umPerPixel,
      top: topPx * umPerPixel,
      width: fieldWidthPx * umPerPixel,
      height: fieldHeightPx * umPerPixel,
    };
    const found: TruthCell[] = [];
    for (const cell of this.cellsIn(region)) {
      const { centreUm, outline } = cell;
      const wholeBox = {
        left: (centreUm.x - outline.reachUm.left) / umPerPixel - leftPx,
        top: (centreUm.y - outline.reachUm.top) / umPerPixel - topPx,
        right: (centreUm.x + outline.reachUm.right) / umPerPixel - leftPx,
        bottom: (centreUm.y + outline.reachUm.bottom) / umPerPixel - topPx,
      };
      const box = {
        left: Math.max(0, wholeBox.left),
        top: Math.max(0, wholeBox.top),
        right: Math.min(fieldWidthPx, wholeBox.right),
        bottom: Math.min(fieldHeightPx, wholeBox.bottom),
      };
      if (box.right - box.left < 1 || box.bottom - box.top < 1) continue;
      const cutByBorder =
        wholeBox.left < 0 || wholeBox.top < 0 || wholeBox.right > fieldWidthPx || wholeBox.bottom > fieldHeightPx;
      found.push({ id: cell.id, cellClass: cell.cellClass, box, wholeBox, cutByBorder, centreUm });
    }
    return found;
  }

  /** The cells of all blocks that come within `reachUm` of the rectangle, block by block in rows. */
  #near(region: RegionUm, reachUm: number): SlideCell[] {
    const first = (edge: number): number => Math.max(0, Math.floor((edge - reachUm) / blockUm));
    const last = (edge: number, count: number): number => Math.min(count - 1, Math.floor((edge + reachUm) / blockUm));
    const found: SlideCell[] = [];
    for (let row = first(region.top); row <= last(region.top + region.height, this.#population.rows); row++) {
      for (
        let column = first(region.left);
        column <= last(region.left + region.width, this.#population.columns);
        column++
      ) {
        for (const cell of this.#population.block(column, row)) found.push(cell);
      }
    }
    return found;
  }
}

/** A slide, generated lazily where it is looked at. Options left out have the defaults of the schema. */
export const createSlide = (options: Partial<SlideOptions> = {}): Slide =>
  new PaintedSlide(slideOptionsSchema.parse(options));
