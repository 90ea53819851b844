import { BasinFinder, type Plane } from "./basins.js";
import { Candidates } from "./candidates.js";
import { type SuppressionLimits, Suppressor } from "./suppression.js";

/** Output of the detector's network for one field. */
export interface MapOutput {
  /** One plane per class, row by row: [classes, height, width]. */
  readonly density: Float32Array;
  /** Four planes per class: distances to the left, top, right, bottom edge in field px: [4 * classes, height, width]. */
  readonly extent: Float32Array;
  readonly width: number;
  readonly height: number;
  /** Field px per map px; map pixel (i, j) has its centre at field (stride * (j + 0.5), stride * (i + 0.5)). */
  readonly stride: number;
  /** Size of the picture inside the padded field, px; the map beyond it is not looked at. */
  readonly fieldWidth: number;
  readonly fieldHeight: number;
}

export interface ClusterOptions {
  /** Least density of a mode that is a cell, per class. */
  readonly thresholds: readonly number[];
  /** Density over which a pixel belongs to a basin, as a share of its class's threshold. */
  readonly floorShare: number;
  readonly nms: SuppressionLimits;
  /** Averages the box over the mode's eight neighbours that reach half its density, weighted by density. */
  readonly averageExtent: boolean;
}

interface MutablePlane extends Plane {
  values: Float32Array;
  offset: number;
  rowStride: number;
  width: number;
  height: number;
}

const leastSide = 1;
const none = new Float32Array(0);

/** An offset in [-0.5, 0.5] from three samples around a maximum: vertex of a parabola through their logarithms. */
const vertexOf = (before: number, peak: number, after: number): number => {
  if (!(before > 0 && after > 0 && before <= peak && after <= peak)) return 0;
  const a = Math.log(before / peak);
  const b = Math.log(after / peak);
  const offset = (0.5 * (a - b)) / (a + b);
  return offset >= -0.5 && offset <= 0.5 ? offset : 0;
};

/**
 * Density clustering: modes of each class's plane with their basins, a box around each from the extent planes, weaker
 * boxes on the same cell suppressed. All memory is taken at construction for the largest map.
 */
export class DensityClusterer {
  /** What the last `cluster` found, in field px. */
  readonly cells: Candidates;
  readonly #basins: BasinFinder;
  readonly #suppressor: Suppressor;
  readonly #plane: MutablePlane = { values: none, offset: 0, rowStride: 0, width: 0, height: 0 };

  /**
   * @param maxMapPixels greatest width times height of a map
   * @param classes number of density planes
   */
  constructor(
    readonly maxMapPixels: number,
    readonly classes: number,
  ) {
    // Modes are never neighbours: at most one in each 2x2 block, which is (pixels + 1) / 2 for a map one pixel high.
    const capacity = classes * (Math.ceil(maxMapPixels / 2) + 1);
    this.cells = new Candidates(capacity);
    this.#basins = new BasinFinder(maxMapPixels);
    this.#suppressor = new Suppressor(capacity, maxMapPixels + 2);
  }

  /**
   * Fills `cells` from a map.
   * @returns the number of cells; they are `cells.order[0 ... n - 1]`, the surest first
   * @throws RangeError where the map is larger than the workspace or its arrays are too short
   */
  cluster(map: MapOutput, options: ClusterOptions): number {
    const pixels = map.width * map.height;
    if (pixels > this.maxMapPixels) throw new RangeError("the map is larger than its workspace");
    if (map.density.length < pixels * this.classes || map.extent.length < 4 * pixels * this.classes)
      throw new RangeError("the map's arrays are shorter than its size");
    this.cells.count = 0;
    const plane = this.#plane;
    plane.values = map.density;
    plane.rowStride = map.width;
    plane.width = Math.min(map.width, Math.ceil(map.fieldWidth / map.stride));
    plane.height = Math.min(map.height, Math.ceil(map.fieldHeight / map.stride));
    for (let classIndex = 0; classIndex < this.classes; classIndex++) {
      const threshold = options.thresholds[classIndex]!;
      plane.offset = classIndex * pixels;
      const basins = this.#basins.find(plane, threshold * options.floorShare);
      for (let basin = 0; basin < basins; basin++) {
        const peak = map.density[plane.offset + this.#basins.modes[basin]!]!;
        if (peak >= threshold) this.#add(map, { classIndex, basin, averageExtent: options.averageExtent });
      }
    }
    plane.values = none;
    this.#suppressor.suppress(this.cells, options.nms, { width: map.fieldWidth, height: map.fieldHeight });
    return this.cells.keptCount;
  }

  #add(map: MapOutput, found: { classIndex: number; basin: number; averageExtent: boolean }): void {
    const plane = this.#plane;
    const { cells } = this;
    const { offset, rowStride } = plane;
    const pixel = this.#basins.modes[found.basin]!;
    const row = Math.floor(pixel / rowStride);
    const column = pixel - row * rowStride;
    const at = offset + pixel;
    const peak = map.density[at]!;
    const innerX = column > 0 && column + 1 < plane.width;
    const innerY = row > 0 && row + 1 < plane.height;
    const dx = innerX ? vertexOf(map.density[at - 1]!, peak, map.density[at + 1]!) : 0;
    const dy = innerY ? vertexOf(map.density[at - rowStride]!, peak, map.density[at + rowStride]!) : 0;
    const index = cells.count++;
    cells.classIndex[index] = found.classIndex;
    cells.x[index] = Math.min(map.fieldWidth, map.stride * (column + 0.5 + dx));
    cells.y[index] = Math.min(map.fieldHeight, map.stride * (row + 0.5 + dy));
    cells.confidence[index] = Math.min(1, peak);
    cells.mass[index] = this.#basins.masses[found.basin]!;
    this.#box(map, index, { row, column, radius: found.averageExtent ? 1 : 0 });
  }

  /** The box around a mode: mean of the edges that the pixels around it tell, clipped to the picture. */
  #box(map: MapOutput, index: number, mode: { row: number; column: number; radius: number }): void {
    const plane = this.#plane;
    const pixels = map.width * map.height;
    const first = 4 * this.cells.classIndex[index]! * pixels;
    const enough = map.density[plane.offset + mode.row * map.width + mode.column]! / 2;
    let weight = 0;
    let left = 0;
    let top = 0;
    let right = 0;
    let bottom = 0;
    const lastRow = Math.min(mode.row + mode.radius, plane.height - 1);
    const lastColumn = Math.min(mode.column + mode.radius, plane.width - 1);
    for (let row = Math.max(mode.row - mode.radius, 0); row <= lastRow; row++) {
      for (let column = Math.max(mode.column - mode.radius, 0); column <= lastColumn; column++) {
        const at = row * map.width + column;
        const density = map.density[plane.offset + at]!;
        if (!(density >= enough && density < Number.POSITIVE_INFINITY)) continue;
        const x = map.stride * (column + 0.5);
        const y = map.stride * (row + 0.5);
        weight += density;
        left += density * (x - map.extent[first + at]!);
        top += density * (y - map.extent[first + pixels + at]!);
        right += density * (x + map.extent[first + 2 * pixels + at]!);
        bottom += density * (y + map.extent[first + 3 * pixels + at]!);
      }
    }
    const { cells } = this;
    const x = cells.x[index]!;
    const y = cells.y[index]!;
    cells.left[index] = edge(left / weight, x - leastSide / 2, 0, x);
    cells.top[index] = edge(top / weight, y - leastSide / 2, 0, y);
    cells.right[index] = edge(right / weight, x + leastSide / 2, x, map.fieldWidth);
    cells.bottom[index] = edge(bottom / weight, y + leastSide / 2, y, map.fieldHeight);
    this.#widen(index, map);
  }

  /** Gives a box that the extents or the clipping left flat its least side. */
  #widen(index: number, map: MapOutput): void {
    const { left, right, top, bottom, x, y } = this.cells;
    if (right[index]! - left[index]! < leastSide) {
      left[index] = Math.max(0, Math.min(x[index]! - leastSide / 2, map.fieldWidth - leastSide));
      right[index] = left[index]! + leastSide;
    }
    if (bottom[index]! - top[index]! < leastSide) {
      top[index] = Math.max(0, Math.min(y[index]! - leastSide / 2, map.fieldHeight - leastSide));
      bottom[index] = top[index]! + leastSide;
    }
  }
}

/** A value within bounds; `fallback`, which is within the bounds or beyond them alike, where it is not a number. */
const edge = (value: number, fallback: number, least: number, most: number): number =>
  Math.min(most, Math.max(least, Number.isNaN(value) ? fallback : value));
