import type { Candidates } from "./candidates.js";

export interface SuppressionLimits {
  /** Boxes of one class that overlap by more than this IoU are one cell, in [0, 1]. */
  readonly withinClass: number;
  /** The same for boxes of different classes. */
  readonly acrossClasses: number;
}

const binSide = 16;

/**
 * How far apart the centres of two boxes can be, per axis and in units of one box's side, when their IoU is over `limit`.
 * With sides w and k w the shared side is at least limit * max(1, k) * w and at most (1 + k) / 2 * w less the distance.
 */
const reach = (limit: number): number => Math.max(1 - limit, (1 / limit - 1) / 2);

/**
 * Non-maximum suppression over a grid of bins by the boxes' centres: each cell that stays is in one bin, and a candidate
 * looks only into the bins where a box that overlaps it enough can have its centre.
 */
export class Suppressor {
  readonly #heads: Int32Array<ArrayBuffer>;
  readonly #next: Int32Array<ArrayBuffer>;
  #columns = 0;
  #rows = 0;

  /**
   * @param capacity greatest number of candidates
   * @param maxBins at least ceil(width / 16) * ceil(height / 16) of the largest field
   */
  constructor(capacity: number, maxBins: number) {
    this.#next = new Int32Array(capacity);
    this.#heads = new Int32Array(maxBins);
  }

  /** Sorts the candidates and leaves in `order` those that stay, the surest first. Field size in px. */
  suppress(candidates: Candidates, limits: SuppressionLimits, field: { width: number; height: number }): void {
    this.#columns = Math.max(1, Math.ceil(field.width / binSide));
    this.#rows = Math.max(1, Math.ceil(field.height / binSide));
    this.#heads.fill(-1, 0, this.#columns * this.#rows);
    candidates.sort();
    const { order, count } = candidates;
    let kept = 0;
    for (let i = 0; i < count; i++) {
      const index = order[i]!;
      if (this.#isCovered(candidates, index, limits)) continue;
      order[kept++] = index;
      const bin = this.#row(centreY(candidates, index)) * this.#columns + this.#column(centreX(candidates, index));
      this.#next[index] = this.#heads[bin]!;
      this.#heads[bin] = index;
    }
    candidates.keptCount = kept;
  }

  #column(x: number): number {
    return Math.min(this.#columns - 1, Math.max(0, Math.floor(x / binSide)));
  }

  #row(y: number): number {
    return Math.min(this.#rows - 1, Math.max(0, Math.floor(y / binSide)));
  }

  #isCovered(candidates: Candidates, index: number, limits: SuppressionLimits): boolean {
    const factor = reach(Math.min(limits.withinClass, limits.acrossClasses));
    const reachX = factor * (candidates.right[index]! - candidates.left[index]!);
    const reachY = factor * (candidates.bottom[index]! - candidates.top[index]!);
    const x = centreX(candidates, index);
    const y = centreY(candidates, index);
    const lastColumn = this.#column(x + reachX);
    const lastRow = this.#row(y + reachY);
    for (let row = this.#row(y - reachY); row <= lastRow; row++) {
      for (let column = this.#column(x - reachX); column <= lastColumn; column++) {
        for (let other = this.#heads[row * this.#columns + column]!; other >= 0; other = this.#next[other]!) {
          const sameClass = candidates.classIndex[other] === candidates.classIndex[index];
          const limit = sameClass ? limits.withinClass : limits.acrossClasses;
          if (candidates.overlap(index, other) > limit) return true;
        }
      }
    }
    return false;
  }
}

const centreX = (candidates: Candidates, index: number): number =>
  (candidates.left[index]! + candidates.right[index]!) / 2;
const centreY = (candidates: Candidates, index: number): number =>
  (candidates.top[index]! + candidates.bottom[index]!) / 2;
