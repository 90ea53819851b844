/** Where a plane lies in its array: `values[offset + y * rowStride + x]`, 0 <= x < width, 0 <= y < height. */
export interface Plane {
  readonly values: Float32Array;
  readonly offset: number;
  readonly rowStride: number;
  readonly width: number;
  readonly height: number;
}

const unvisited = -1;
const gathered = -2;
const settled = -3;

/**
 * Splits a density plane into the basins of its modes by steepest ascent: every pixel above the floor points to its
 * highest neighbour of eight, and belongs to the mode at the end of its path. A plateau is one: it drains over its
 * nearest edge where it has a higher neighbour, else it is one mode, at its pixel nearest to its own centroid.
 * Values that are not finite count as below the floor.
 *
 * Linear in pixels; all memory is taken at construction. Pixel numbers are `y * rowStride + x`.
 */
export class BasinFinder {
  /** Numbers of the pixels above the floor, in scan order; the first `activeCount` hold. */
  readonly active: Int32Array<ArrayBuffer>;
  activeCount = 0;
  /** The basin of each active pixel; other pixels hold leftovers. */
  readonly basin: Int32Array<ArrayBuffer>;
  /** Per basin, the first `basinCount` hold: its mode's pixel, its sum of density, its number of pixels. */
  readonly modes: Int32Array<ArrayBuffer>;
  readonly masses: Float64Array<ArrayBuffer>;
  readonly areas: Int32Array<ArrayBuffer>;
  basinCount = 0;

  readonly #parent: Int32Array<ArrayBuffer>;
  readonly #flat: Int32Array<ArrayBuffer>;
  #flatCount = 0;
  readonly #queue: Int32Array<ArrayBuffer>;

  /** @param capacity greatest `rowStride * height` of a plane */
  constructor(readonly capacity: number) {
    this.active = new Int32Array(capacity);
    this.basin = new Int32Array(capacity);
    this.modes = new Int32Array(capacity);
    this.masses = new Float64Array(capacity);
    this.areas = new Int32Array(capacity);
    this.#parent = new Int32Array(capacity);
    this.#flat = new Int32Array(capacity);
    this.#queue = new Int32Array(capacity);
  }

  /**
   * Finds the basins of all pixels whose density is over `floor`.
   * @returns `basinCount`
   * @throws RangeError where the plane is larger than the capacity
   */
  find(plane: Plane, floor: number): number {
    if (plane.rowStride * plane.height > this.capacity) throw new RangeError("the plane is larger than its workspace");
    this.activeCount = 0;
    this.#flatCount = 0;
    this.#climbAll(plane, floor);
    for (let i = 0; i < this.#flatCount; i++) {
      const start = this.#flat[i]!;
      if (this.basin[start] === unvisited) this.#settlePlateau(plane, start);
    }
    this.#label(plane);
    return this.basinCount;
  }

  /** One scan: skips what is below the floor, points the rest uphill. */
  #climbAll(plane: Plane, floor: number): void {
    const { values, offset, rowStride, width, height } = plane;
    let count = 0;
    for (let y = 0; y < height; y++) {
      const row = y * rowStride;
      const start = offset + row;
      for (let x = 0; x < width; x++) {
        const value = values[start + x]!;
        if (value > floor && value < Number.POSITIVE_INFINITY) {
          const pixel = row + x;
          this.active[count++] = pixel;
          this.basin[pixel] = unvisited;
          this.#parent[pixel] = this.#climb(plane, x, y);
        }
      }
    }
    this.activeCount = count;
  }

  /** The highest neighbour above the pixel, or the pixel; one without a higher but with an equal neighbour is flat. */
  #climb(plane: Plane, x: number, y: number): number {
    const { values, offset, rowStride } = plane;
    const pixel = y * rowStride + x;
    const own = values[offset + pixel]!;
    const right = x + 1 < plane.width ? x + 1 : x;
    const bottom = y + 1 < plane.height ? y + 1 : y;
    let best = own;
    let target = pixel;
    let equals = 0;
    for (let v = y > 0 ? y - 1 : 0; v <= bottom; v++) {
      const row = v * rowStride;
      for (let u = x > 0 ? x - 1 : 0; u <= right; u++) {
        const value = values[offset + row + u]!;
        if (value > best && value < Number.POSITIVE_INFINITY) {
          best = value;
          target = row + u;
        } else if (value === own) {
          equals++;
        }
      }
    }
    if (target === pixel && equals > 1) this.#flat[this.#flatCount++] = pixel;
    return target;
  }

  /** Gathers the plateau around `start`, then lets it drain over its edges or makes it one mode. */
  #settlePlateau(plane: Plane, start: number): void {
    const count = this.#gather(plane, start);
    const queue = this.#queue;
    const parent = this.#parent;
    let exits = 0;
    for (let i = 0; i < count; i++) {
      const pixel = queue[i]!;
      if (parent[pixel] === pixel) continue;
      // Exits come first, in the order in which they were gathered.
      queue[i] = queue[exits]!;
      queue[exits++] = pixel;
      this.basin[pixel] = settled;
    }
    if (exits > 0) {
      for (let head = 0, tail = exits; head < tail; head++) tail = this.#spread(plane, queue[head]!, tail);
      return;
    }
    const mode = this.#middleOf(plane, count);
    for (let i = 0; i < count; i++) parent[queue[i]!] = mode;
  }

  /** Breadth-first over equal values; fills the queue, marks `gathered`. */
  #gather(plane: Plane, start: number): number {
    const queue = this.#queue;
    queue[0] = start;
    this.basin[start] = gathered;
    let tail = 1;
    for (let head = 0; head < tail; head++) tail = this.#visit(plane, queue[head]!, tail, unvisited);
    return tail;
  }

  /** Points the gathered neighbours of a settled pixel to it and queues them. */
  #spread(plane: Plane, pixel: number, tail: number): number {
    return this.#visit(plane, pixel, tail, gathered);
  }

  #visit(plane: Plane, pixel: number, tail: number, wanted: number): number {
    const { values, offset, rowStride } = plane;
    const own = values[offset + pixel]!;
    const y = Math.floor(pixel / rowStride);
    const x = pixel - y * rowStride;
    const right = Math.min(x + 1, plane.width - 1);
    const bottom = Math.min(y + 1, plane.height - 1);
    for (let v = Math.max(y - 1, 0); v <= bottom; v++) {
      for (let u = Math.max(x - 1, 0); u <= right; u++) {
        const next = v * rowStride + u;
        if (values[offset + next] !== own || this.basin[next] !== wanted) continue;
        if (wanted === gathered) {
          this.#parent[next] = pixel;
          this.basin[next] = settled;
        } else {
          this.basin[next] = gathered;
        }
        this.#queue[tail++] = next;
      }
    }
    return tail;
  }

  /** Of the first `count` pixels queued, the one nearest to their centroid; of equals the first in scan order. */
  #middleOf({ rowStride }: Plane, count: number): number {
    const queue = this.#queue;
    let sumX = 0;
    let sumY = 0;
    for (let i = 0; i < count; i++) {
      const y = Math.floor(queue[i]! / rowStride);
      sumY += y;
      sumX += queue[i]! - y * rowStride;
    }
    let nearest = queue[0]!;
    let least = Number.POSITIVE_INFINITY;
    for (let i = 0; i < count; i++) {
      const pixel = queue[i]!;
      const y = Math.floor(pixel / rowStride);
      // In whole numbers (times count), so that the place on the map does not change how ties fall.
      const dx = (pixel - y * rowStride) * count - sumX;
      const dy = y * count - sumY;
      const distance = dx * dx + dy * dy;
      if (distance > least || (distance === least && pixel > nearest)) continue;
      least = distance;
      nearest = pixel;
    }
    return nearest;
  }

  /** Numbers the modes in scan order and sums up every basin, shortening the paths on the way. */
  #label({ values, offset }: Plane): void {
    const { active, activeCount, basin, modes, masses, areas } = this;
    const parent = this.#parent;
    let basins = 0;
    for (let i = 0; i < activeCount; i++) {
      const pixel = active[i]!;
      if (parent[pixel] !== pixel) continue;
      modes[basins] = pixel;
      masses[basins] = 0;
      areas[basins] = 0;
      basin[pixel] = basins++;
    }
    for (let i = 0; i < activeCount; i++) {
      const pixel = active[i]!;
      let root = pixel;
      while (parent[root] !== root) {
        const above = parent[parent[root]!]!;
        parent[root] = above;
        root = above;
      }
      const number = basin[root]!;
      basin[pixel] = number;
      masses[number] = masses[number]! + values[offset + pixel]!;
      areas[number] = areas[number]! + 1;
    }
    this.basinCount = basins;
  }
}
