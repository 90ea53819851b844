import { CytoError } from "../../core/index.js";

/** Of one class in one field: cells in truth, cells missed, and findings without a cell. */
export interface ClassTally {
  readonly T: number;
  readonly M: number;
  readonly e: number;
}

/** One labelled field scored for one model, by any protocol that gives every model the same `T`. */
export interface FieldTally {
  readonly id: string;
  /** Fields that share it are no independent witnesses (one picture twice, one small region): they count as one. */
  readonly group?: string;
  readonly classes: Readonly<Record<string, ClassTally>>;
}

/** What the gate compares models by: frozen validation fields of the new data, and fields of the old data. */
export interface ModelTallies {
  readonly validation: readonly FieldTally[];
  readonly old: readonly FieldTally[];
}

/** A field, or a group of fields, in which two models were compared: `cells` in truth, and how many errors fewer the candidate made. */
export interface PairedUnit {
  readonly cells: number;
  readonly gain: number;
}

export interface PairedTallies {
  readonly fields: number;
  readonly pooled: readonly PairedUnit[];
  /** By class, in the order of the classes' names. */
  readonly classes: ReadonlyMap<string, readonly PairedUnit[]>;
}

const none: ClassTally = { T: 0, M: 0, e: 0 };
const isCount = (value: number): boolean => Number.isSafeInteger(value) && value >= 0;

const unsound = (reason: string): CytoError => new CytoError("INTERNAL", `tallies that cannot be compared: ${reason}`);

const pairClass = (candidate: ClassTally, active: ClassTally, where: string): PairedUnit => {
  const counts = [candidate.T, candidate.M, candidate.e, active.T, active.M, active.e];
  if (!counts.every(isCount)) throw unsound(`${where} has counts that are none`);
  if (candidate.T !== active.T) throw unsound(`${where} has ${candidate.T} and ${active.T} true cells`);
  return { cells: active.T, gain: active.M + active.e - candidate.M - candidate.e };
};

/**
 * Pairs the tallies of two models field by field.
 * @throws CytoError INTERNAL where they are not of the same fields and the same truth
 */
export const pairTallies = (candidate: readonly FieldTally[], active: readonly FieldTally[]): PairedTallies => {
  if (candidate.length !== active.length) throw unsound(`${candidate.length} fields and ${active.length}`);
  const byId = new Map(active.map((field) => [field.id, field]));
  if (byId.size !== active.length) throw unsound("a field is there twice");
  const units = new Map<string, Map<string, PairedUnit>>();
  for (const field of candidate) {
    const other = byId.get(field.id);
    if (!other) throw unsound(`the field ${field.id} is on one side only`);
    const key = field.group === undefined ? `field ${field.id}` : `group ${field.group}`;
    const unit = units.get(key) ?? new Map<string, PairedUnit>();
    units.set(key, unit);
    for (const name of new Set([...Object.keys(field.classes), ...Object.keys(other.classes)])) {
      const added = pairClass(field.classes[name] ?? none, other.classes[name] ?? none, `${name} of field ${field.id}`);
      const before = unit.get(name) ?? { cells: 0, gain: 0 };
      unit.set(name, { cells: before.cells + added.cells, gain: before.gain + added.gain });
    }
  }
  const all = [...units.values()];
  const names = [...new Set(all.flatMap((unit) => [...unit.keys()]))].sort();
  return {
    fields: candidate.length,
    pooled: all.map((unit) => sumOf([...unit.values()])),
    classes: new Map(names.map((name) => [name, all.flatMap((unit) => unit.get(name) ?? [])])),
  };
};

/** Cells and gains together. */
export const sumOf = (units: readonly PairedUnit[]): PairedUnit => {
  let [cells, gain] = [0, 0];
  for (const unit of units) {
    cells += unit.cells;
    gain += unit.gain;
  }
  return { cells, gain };
};
