/** Which part of an axis is resampled, and to how many pixels. */
export interface Axis {
  /** Pixels of the source along the axis. */
  readonly length: number;
  /** Pixels of the target along the axis. */
  readonly target: number;
  /** Where the target begins in source px; may lie outside: the edge is replicated. */
  readonly origin: number;
  /** Source px per target px. */
  readonly scale: number;
}

/** Weights of one axis sum to this for every target pixel, so that arithmetic in whole numbers is exact. */
export const tapTotal = 256;

/**
 * Linear filter along one axis as a table: target pixel `i` is the sum of `weights[k] * source[first[i] + k - start[i]]`
 * over k from `start[i]` to `start[i + 1] - 1`, over `tapTotal`. Shrinking averages the area that a target pixel covers
 * (box filter with fractional ends); enlarging interpolates linearly between pixel centres. Grows when needed and is
 * otherwise reused.
 */
export class AxisTaps {
  first = new Int32Array(0);
  start = new Int32Array(1);
  weights = new Int32Array(0);
  /** Source range that is read: from `low` up to and without `high`. */
  low = 0;
  high = 0;
  #axis: Axis | undefined;
  /** Exact weights of the target pixel that is being set. */
  #exact = new Float64Array(0);

  /** Sets the table for an axis; nothing is done where it is already set for it. */
  set(axis: Axis): void {
    const known = this.#axis;
    if (
      known?.length === axis.length &&
      known.target === axis.target &&
      known.origin === axis.origin &&
      known.scale === axis.scale
    )
      return;
    this.#axis = { ...axis };
    const most = Math.max(2, Math.ceil(axis.scale) + 2);
    if (this.start.length < axis.target + 1) {
      this.start = new Int32Array(axis.target + 1);
      this.first = new Int32Array(axis.target);
    }
    if (this.weights.length < axis.target * most) this.weights = new Int32Array(axis.target * most);
    if (this.#exact.length < most) this.#exact = new Float64Array(most);
    this.low = axis.length;
    this.high = 0;
    let next = 0;
    for (let i = 0; i < axis.target; i++) {
      this.start[i] = next;
      next = axis.scale >= 1 ? this.#coverArea(axis, i, next) : this.#interpolate(axis, i, next);
    }
    this.start[axis.target] = next;
  }

  #coverArea(axis: Axis, i: number, next: number): number {
    const from = axis.origin + i * axis.scale;
    const to = from + axis.scale;
    const first = clampIndex(Math.floor(from), axis.length);
    const last = clampIndex(Math.ceil(to) - 1, axis.length);
    for (let source = first; source <= last; source++) {
      // The pixels at the ends stand for all that lies beyond them.
      const begin = source === 0 ? from : Math.max(from, source);
      const end = source === axis.length - 1 ? to : Math.min(to, source + 1);
      this.#exact[source - first] = Math.max(0, Math.min(end, to) - begin) / axis.scale;
    }
    return this.#write(i, { first, count: last - first + 1, next });
  }

  #interpolate(axis: Axis, i: number, next: number): number {
    const centre = axis.origin + (i + 0.5) * axis.scale - 0.5;
    const before = Math.floor(centre);
    const share = centre - before;
    const first = clampIndex(before, axis.length);
    const last = clampIndex(before + 1, axis.length);
    this.#exact[0] = first === last ? 1 : 1 - share;
    this.#exact[1] = share;
    return this.#write(i, { first, count: last - first + 1, next });
  }

  /** Rounds the exact weights to whole numbers of the right sum, carrying the error on from tap to tap. */
  #write(i: number, taps: { first: number; count: number; next: number }): number {
    let sum = 0;
    let written = 0;
    for (let k = 0; k < taps.count; k++) {
      sum += this.#exact[k]!;
      const upTo = k === taps.count - 1 ? tapTotal : Math.round(sum * tapTotal);
      this.weights[taps.next + k] = upTo - written;
      written = upTo;
    }
    this.first[i] = taps.first;
    this.low = Math.min(this.low, taps.first);
    this.high = Math.max(this.high, taps.first + taps.count);
    return taps.next + taps.count;
  }
}

const clampIndex = (index: number, length: number): number => Math.min(length - 1, Math.max(0, index));
