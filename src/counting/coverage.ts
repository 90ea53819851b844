import { areaOf, intersect, isEmpty, type RectUm } from "./geometry.js";

/** Side of a bin: about a field at high magnification. */
const binUm = 120;

/**
 * Rectangles by area of the slide, found by place through a grid of bins. Rectangles are numbered from 0 in
 * the order of adding.
 */
export class RectIndex {
  readonly #bins = new Map<string, number[]>();
  readonly #rects: RectUm[] = [];
  readonly #areas: number[] = [];

  get size(): number {
    return this.#rects.length;
  }

  rectOf(index: number): RectUm {
    return this.#rects[index]!;
  }

  add(area: number, rect: RectUm): number {
    const index = this.#rects.push(rect) - 1;
    this.#areas.push(area);
    for (const key of this.#keys(area, rect)) {
      const bin = this.#bins.get(key);
      if (bin === undefined) this.#bins.set(key, [index]);
      else bin.push(index);
    }
    return index;
  }

  /** Numbers of the rectangles of an area that share more than an edge with `rect`, ascending. */
  overlapping(area: number, rect: RectUm): number[] {
    const found = new Set<number>();
    for (const key of this.#keys(area, rect)) {
      for (const index of this.#bins.get(key) ?? []) {
        if (!isEmpty(intersect(this.#rects[index]!, rect))) found.add(index);
      }
    }
    return [...found].sort((a, b) => a - b);
  }

  /** The rectangles from number `first` on, numbered anew. */
  from(first: number): RectIndex {
    const rest = new RectIndex();
    for (let index = first; index < this.size; index++) rest.add(this.#areas[index]!, this.#rects[index]!);
    return rest;
  }

  /** Five numbers a rectangle: area, left, top, right, bottom. */
  toColumn(): Float64Array<ArrayBuffer> {
    const column = new Float64Array(this.size * 5);
    this.#rects.forEach((rect, index) => {
      column.set([this.#areas[index]!, rect.left, rect.top, rect.right, rect.bottom], index * 5);
    });
    return column;
  }

  static fromColumn(column: Float64Array): RectIndex {
    const index = new RectIndex();
    for (let at = 0; at + 5 <= column.length; at += 5) {
      index.add(column[at]!, {
        left: column[at + 1]!,
        top: column[at + 2]!,
        right: column[at + 3]!,
        bottom: column[at + 4]!,
      });
    }
    return index;
  }

  *#keys(area: number, rect: RectUm): Generator<string> {
    for (let y = Math.floor(rect.top / binUm); y <= Math.floor(rect.bottom / binUm); y++) {
      for (let x = Math.floor(rect.left / binUm); x <= Math.floor(rect.right / binUm); x++) yield `${area}:${x}:${y}`;
    }
  }
}

/** Area of the union of rectangles, um2: slab by slab between their edges. */
export const unionArea = (rects: readonly RectUm[]): number => {
  const byTop = [...rects].sort((a, b) => a.top - b.top);
  const edges = [...new Set(rects.flatMap(({ left, right }) => [left, right]))].sort((a, b) => a - b);
  let area = 0;
  for (let slab = 0; slab + 1 < edges.length; slab++) {
    const left = edges[slab]!;
    const right = edges[slab + 1]!;
    let covered = 0;
    let reached = Number.NEGATIVE_INFINITY;
    for (const rect of byTop) {
      if (rect.left > left || rect.right < right || rect.bottom <= reached) continue;
      covered += rect.bottom - Math.max(rect.top, reached);
      reached = rect.bottom;
    }
    area += covered * (right - left);
  }
  return area;
};

/**
 * Adds a rectangle to those of an area.
 * @returns the area by which their union grew, um2
 */
export const growUnion = (rects: RectIndex, area: number, rect: RectUm): number => {
  const common = rects.overlapping(area, rect).map((index) => intersect(rect, rects.rectOf(index)));
  rects.add(area, rect);
  return areaOf(rect) - unionArea(common);
};
