import { cellClasses, densityClasses, leukocyteClasses } from "../core/index.js";
import type { RectUm } from "./geometry.js";

const columnTypes = {
  left: Float64Array,
  top: Float64Array,
  right: Float64Array,
  bottom: Float64Array,
  quality: Float32Array,
  /** Sum of log-probabilities over the views, one column a density class. */
  evidence0: Float32Array,
  evidence1: Float32Array,
  evidence2: Float32Array,
  area: Int32Array,
  /** Number of the field that gave the best view. */
  field: Int32Array,
  /** Fields that saw the cell, and fields that should have. */
  seen: Int32Array,
  expected: Int32Array,
  cellClass: Uint8Array,
  flags: Uint8Array,
} as const;

export type ColumnName = keyof typeof columnTypes;
export const columnNames = Object.keys(columnTypes) as ColumnName[];
export type Columns = { [Name in ColumnName]: InstanceType<(typeof columnTypes)[Name]> };

/** Bits of the `flags` column. */
export const flag = {
  /** Some field counts the cell by the rule of its border. */
  admitted: 1,
  /** It turned out to be another view of a cell that is also here. */
  merged: 2,
  /** The best view is cut by a border. */
  cut: 4,
} as const;

/**
 * What the views of a leukocyte say of its class: weighted sums of probabilities in the order of `leukocyteClasses`,
 * then the sum of weights, then the bits of the classes that some view has named.
 */
export type LeukocyteEvidence = Float64Array<ArrayBuffer>;
export const leukocyteWeightAt = leukocyteClasses.length;
export const leukocyteNamedAt = leukocyteClasses.length + 1;

/** Side of a bin of the spatial hash: about the largest cell. */
const binUm = 16;

const makeColumns = (capacity: number): Columns => {
  const made = columnNames.map((name) => [name, new columnTypes[name](capacity)]);
  return Object.fromEntries(made) as Columns;
};

/** All cells of a slide in columns of numbers, found by place through a hash of bins. About 80 bytes a cell. */
export class CellStore {
  columns: Columns = makeColumns(1024);
  readonly leukocytes = new Map<number, LeukocyteEvidence>();
  #size = 0;
  #next = new Int32Array(1024);
  #heads = new Int32Array(1024).fill(-1);

  get size(): number {
    return this.#size;
  }

  boxOf(entry: number): RectUm {
    const { left, top, right, bottom } = this.columns;
    return { left: left[entry]!, top: top[entry]!, right: right[entry]!, bottom: bottom[entry]! };
  }

  diameterOf(entry: number): number {
    const { left, top, right, bottom } = this.columns;
    return Math.max(right[entry]! - left[entry]!, bottom[entry]! - top[entry]!);
  }

  evidenceOf(entry: number): [number, number, number] {
    const { evidence0, evidence1, evidence2 } = this.columns;
    return [evidence0[entry]!, evidence1[entry]!, evidence2[entry]!];
  }

  has(entry: number, bit: number): boolean {
    return (this.columns.flags[entry]! & bit) !== 0;
  }

  set(entry: number, bit: number, on: boolean): void {
    const { flags } = this.columns;
    flags[entry] = on ? flags[entry]! | bit : flags[entry]! & ~bit;
  }

  /** Adds a cell without evidence yet. */
  add(area: number, box: RectUm): number {
    if (this.#size === this.columns.area.length) this.#grow();
    const entry = this.#size++;
    this.columns.area[entry] = area;
    this.#writeBox(entry, box);
    this.#link(entry);
    return entry;
  }

  /** Gives a cell another extent. */
  move(entry: number, box: RectUm): void {
    this.#unlink(entry);
    this.#writeBox(entry, box);
    this.#link(entry);
  }

  /** Takes a cell out of sight for good; its number is not used again. */
  remove(entry: number): void {
    this.#unlink(entry);
    this.set(entry, flag.merged, true);
    this.leukocytes.delete(entry);
  }

  /** Calls `visit` for each cell of an area whose box's middle lies in a bin that `rect` touches: a superset. */
  near(area: number, rect: RectUm, visit: (entry: number) => void): void {
    const lastX = Math.floor(rect.right / binUm);
    const lastY = Math.floor(rect.bottom / binUm);
    for (let binY = Math.floor(rect.top / binUm); binY <= lastY; binY++) {
      for (let binX = Math.floor(rect.left / binUm); binX <= lastX; binX++) {
        for (let entry = this.#heads[this.#bucket(area, binX, binY)]!; entry >= 0; entry = this.#next[entry]!) {
          if (this.#binX(entry) === binX && this.#binY(entry) === binY && this.columns.area[entry] === area)
            visit(entry);
        }
      }
    }
  }

  /** The cells from number `first` on, numbered anew; none may have its best view in a field before `firstField`. */
  from(first: number, firstField: number): CellStore {
    const columns = Object.fromEntries(
      columnNames.map((name) => [name, this.columns[name].slice(first, this.#size)]),
    ) as Columns;
    columns.field = columns.field.map((field) => field - firstField);
    const kept = [...this.leukocytes].filter(([entry]) => entry >= first);
    return CellStore.fromColumns(
      columns,
      kept.map(([entry, evidence]) => [entry - first, evidence]),
    );
  }

  /** Rebuilds a store from its columns (as long as each other) and leukocyte evidence. */
  static fromColumns(columns: Columns, leukocytes: Iterable<[number, LeukocyteEvidence]>): CellStore {
    const store = new CellStore();
    const size = columns.area.length;
    store.#allocate(Math.max(1024, 2 ** Math.ceil(Math.log2(size + 1))));
    for (const name of columnNames) store.columns[name].set(columns[name]);
    store.#size = size;
    for (let entry = 0; entry < size; entry++) if (!store.has(entry, flag.merged)) store.#link(entry);
    for (const [entry, evidence] of leukocytes) store.leukocytes.set(entry, evidence);
    return store;
  }

  #writeBox(entry: number, box: RectUm): void {
    const { left, top, right, bottom } = this.columns;
    left[entry] = box.left;
    top[entry] = box.top;
    right[entry] = box.right;
    bottom[entry] = box.bottom;
  }

  #binX(entry: number): number {
    return Math.floor((this.columns.left[entry]! + this.columns.right[entry]!) / 2 / binUm);
  }

  #binY(entry: number): number {
    return Math.floor((this.columns.top[entry]! + this.columns.bottom[entry]!) / 2 / binUm);
  }

  #bucket(area: number, binX: number, binY: number): number {
    let mixed = Math.imul(binX, 0x9e3779b1) ^ Math.imul(binY, 0x85ebca6b) ^ Math.imul(area, 0xc2b2ae35);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x27d4eb2d);
    return (mixed ^ (mixed >>> 13)) & (this.#heads.length - 1);
  }

  #link(entry: number): void {
    const bucket = this.#bucket(this.columns.area[entry]!, this.#binX(entry), this.#binY(entry));
    this.#next[entry] = this.#heads[bucket]!;
    this.#heads[bucket] = entry;
  }

  #unlink(entry: number): void {
    const bucket = this.#bucket(this.columns.area[entry]!, this.#binX(entry), this.#binY(entry));
    let at = this.#heads[bucket]!;
    if (at === entry) {
      this.#heads[bucket] = this.#next[entry]!;
      return;
    }
    while (this.#next[at] !== entry) at = this.#next[at]!;
    this.#next[at] = this.#next[entry]!;
  }

  #allocate(capacity: number): void {
    const old = this.columns;
    this.columns = makeColumns(capacity);
    for (const name of columnNames) this.columns[name].set(old[name].subarray(0, capacity));
    this.#next = new Int32Array(capacity);
    this.#heads = new Int32Array(capacity).fill(-1);
  }

  #grow(): void {
    this.#allocate(this.columns.area.length * 2);
    for (let entry = 0; entry < this.#size; entry++) if (!this.has(entry, flag.merged)) this.#link(entry);
  }
}

/** Index in `cellClasses` of the density classes, which come first there. */
export const plainLeukocyte = cellClasses.indexOf("leukocyte");
export const firstLeukocyteClass = densityClasses.length;
