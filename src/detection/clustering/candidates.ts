/**
 * Cells found in one field before and after suppression, one array per property (coordinates in field px), so that a
 * field allocates nothing. The first `count` entries hold.
 */
export class Candidates {
  count = 0;
  /** Channel of the density map. */
  readonly classIndex: Uint8Array<ArrayBuffer>;
  readonly x: Float64Array<ArrayBuffer>;
  readonly y: Float64Array<ArrayBuffer>;
  readonly left: Float64Array<ArrayBuffer>;
  readonly top: Float64Array<ArrayBuffer>;
  readonly right: Float64Array<ArrayBuffer>;
  readonly bottom: Float64Array<ArrayBuffer>;
  readonly confidence: Float64Array<ArrayBuffer>;
  /** Sum of the density over the basin, in squared map px. */
  readonly mass: Float64Array<ArrayBuffer>;
  /** Indices by falling confidence; the first `keptCount` hold after suppression. */
  readonly order: Int32Array<ArrayBuffer>;
  keptCount = 0;

  constructor(readonly capacity: number) {
    this.classIndex = new Uint8Array(capacity);
    this.x = new Float64Array(capacity);
    this.y = new Float64Array(capacity);
    this.left = new Float64Array(capacity);
    this.top = new Float64Array(capacity);
    this.right = new Float64Array(capacity);
    this.bottom = new Float64Array(capacity);
    this.confidence = new Float64Array(capacity);
    this.mass = new Float64Array(capacity);
    this.order = new Int32Array(capacity);
  }

  /** Overlap of two boxes: area of the intersection over area of the union, in [0, 1]. */
  overlap(a: number, b: number): number {
    const width = Math.min(this.right[a]!, this.right[b]!) - Math.max(this.left[a]!, this.left[b]!);
    const height = Math.min(this.bottom[a]!, this.bottom[b]!) - Math.max(this.top[a]!, this.top[b]!);
    if (!(width > 0 && height > 0)) return 0;
    const shared = width * height;
    return shared / (this.areaOf(a) + this.areaOf(b) - shared);
  }

  areaOf(index: number): number {
    return (this.right[index]! - this.left[index]!) * (this.bottom[index]! - this.top[index]!);
  }

  /** Fills `order` with all candidates, the surest first; equals in the order of their numbers. Heapsort: no allocation. */
  sort(): void {
    const { order, count } = this;
    for (let i = 0; i < count; i++) order[i] = i;
    for (let i = (count >> 1) - 1; i >= 0; i--) this.#siftDown(i, count);
    for (let end = count - 1; end > 0; end--) {
      const last = order[end]!;
      order[end] = order[0]!;
      order[0] = last;
      this.#siftDown(0, end);
    }
    this.keptCount = count;
  }

  #comesAfter(a: number, b: number): boolean {
    const difference = this.confidence[a]! - this.confidence[b]!;
    return difference < 0 || (difference === 0 && a > b);
  }

  #siftDown(start: number, end: number): void {
    const order = this.order;
    const moved = order[start]!;
    let hole = start;
    for (let child = 2 * hole + 1; child < end; child = 2 * hole + 1) {
      if (child + 1 < end && this.#comesAfter(order[child + 1]!, order[child]!)) child++;
      if (!this.#comesAfter(order[child]!, moved)) break;
      order[hole] = order[child]!;
      hole = child;
    }
    order[hole] = moved;
  }
}
