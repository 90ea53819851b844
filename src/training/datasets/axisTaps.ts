/** What a source pixel weighs by its distance from an output pixel's centre, in source px; nothing from `reach` on. */
interface Filter {
  readonly reach: number;
  readonly weightAt: (distance: number) => number;
}

/**
 * Shrinks by the area that an output pixel covers and enlarges by linear interpolation, as the detector brings a field to
 * its scale; a blur is a Gaussian as wide as both together.
 * @param blur standard deviation, source px
 */
const filterOf = (zoom: number, blur: number): Filter => {
  const span = 1 / zoom;
  if (blur > 0) {
    const sigma = Math.sqrt((zoom < 1 ? span ** 2 / 12 : 1 / 6) + blur ** 2);
    const reach = 2.6 * sigma + 0.5;
    return { reach, weightAt: (distance) => (distance > reach ? 0 : Math.exp(-((distance / sigma) ** 2) / 2)) };
  }
  if (zoom >= 1) return { reach: 1, weightAt: (distance) => Math.max(1 - distance, 0) };
  const half = span / 2;
  return {
    reach: half + 0.5,
    weightAt: (distance) => Math.max(Math.min(half, distance + 0.5) - Math.max(distance - 0.5, -half), 0),
  };
};

/** Source pixels that make up the output pixels `from` to `to` (exclusive) along one axis. */
export class AxisTaps {
  from = 0;
  to = 0;
  perPixel = 0;
  /** Index of the first source pixel that is used, and one past the last. */
  low = 0;
  high = 0;
  index = new Int32Array(0);
  weight = new Float32Array(0);

  /**
   * @param size source pixels along the axis
   * @param start output coordinate of the source's border
   * @param zoom output px per source px
   */
  set({
    size,
    start,
    zoom,
    length,
    blurPx,
  }: {
    size: number;
    start: number;
    zoom: number;
    length: number;
    blurPx: number;
  }) {
    this.from = Math.max(Math.ceil(start - 0.5), 0);
    this.to = Math.max(Math.min(Math.ceil(start + size * zoom - 0.5), length), this.from);
    const filter = filterOf(zoom, blurPx / zoom);
    this.perPixel = Math.ceil(2 * filter.reach) + 1;
    if (this.index.length < length * this.perPixel) {
      this.index = new Int32Array(length * this.perPixel);
      this.weight = new Float32Array(length * this.perPixel);
    }
    this.low = size;
    this.high = 0;
    for (let out = this.from; out < this.to; out++) {
      const centre = (out + 0.5 - start) / zoom - 0.5;
      this.#setPixel(out, centre, size, filter);
    }
  }

  #setPixel(out: number, centre: number, size: number, { reach, weightAt }: Filter): void {
    const first = Math.ceil(centre - reach);
    const at = out * this.perPixel;
    let sum = 0;
    for (let tap = 0; tap < this.perPixel; tap++) {
      const weight = weightAt(Math.abs(first + tap - centre));
      const index = Math.min(Math.max(first + tap, 0), size - 1);
      this.index[at + tap] = index;
      this.weight[at + tap] = weight;
      sum += weight;
      if (weight > 0) {
        if (index < this.low) this.low = index;
        if (index >= this.high) this.high = index + 1;
      }
    }
    for (let tap = 0; tap < this.perPixel; tap++) this.weight[at + tap] = this.weight[at + tap]! / sum;
  }
}
