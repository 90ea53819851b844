import { areaOf, intersect, isEmpty, type RectUm, subtract } from "./geometry.js";

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

/**
 * Adds a rectangle to a union that `pieces` keeps as disjoint rectangles.
 * @returns the area by which the union grew, um2
 */
export const coverRect = (pieces: RectIndex, area: number, rect: RectUm): number => {
  let fresh = isEmpty(rect) ? [] : [rect];
  for (const index of pieces.overlapping(area, rect)) {
    if (fresh.length === 0) break;
    const piece = pieces.rectOf(index);
    fresh = fresh.flatMap((part) => subtract(part, piece));
  }
  let grown = 0;
  for (const part of fresh) {
    grown += areaOf(part);
    pieces.add(area, part);
  }
  return grown;
};
