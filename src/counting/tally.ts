import { cellClasses } from "../core/index.js";
import type { ModelRef } from "../detection/index.js";

/** What the counts are made from: small, immutable, the same as JSON. */
export interface Tally {
  /** Cells in the count by their own class, in the order of `cellClasses`; parents do not include children here. */
  readonly classes: readonly number[];
  readonly fields: {
    readonly counted: number;
    readonly repeated: number;
    readonly unplaced: number;
    readonly separate: number;
  };
  readonly areas: number;
  /** Area of the fields whose scale is known. */
  readonly knownUm2: number;
  /** Area, in squared picture pixels, of those whose scale is estimated. */
  readonly estimatedPx2: number;
  /** Cells whose places were given up to bound the memory. */
  readonly forgottenCells: number;
  readonly simulated: boolean;
  readonly models: readonly ModelRef[];
  /** Sequence number of the last field taken in, repeated and unplaced ones too. */
  readonly lastSequence: number | null;
}

/** What one field changed. */
export type FieldChange = { readonly sequence: number; readonly areas: number } & (
  | {
      readonly kind: "counted";
      /** By class, cells that entered the count less those that left it. */
      readonly classes: ArrayLike<number>;
      readonly separate: boolean;
      readonly grownUm2: number;
      readonly forgottenCells: number;
      /** Present where the field's scale is estimated. */
      readonly estimatedUmPerPixel?: number;
      readonly simulated: boolean;
      readonly models: readonly ModelRef[];
    }
  | { readonly kind: "repeated" | "unplaced" }
);

export const emptyTally: Tally = {
  classes: cellClasses.map(() => 0),
  fields: { counted: 0, repeated: 0, unplaced: 0, separate: 0 },
  areas: 0,
  knownUm2: 0,
  estimatedPx2: 0,
  forgottenCells: 0,
  simulated: false,
  models: [],
  lastSequence: null,
};

const sameModel = (a: ModelRef, b: ModelRef): boolean =>
  a.sha256 === b.sha256 && a.name === b.name && a.version === b.version;

const joinModels = (known: readonly ModelRef[], given: readonly ModelRef[]): readonly ModelRef[] => {
  const fresh = given.filter((model) => !known.some((other) => sameModel(model, other)));
  return fresh.length === 0 ? known : [...known, ...fresh];
};

/** The reducer at the heart of the counter: pure, one field's change a step. */
export const reduceTally = (tally: Tally, change: FieldChange): Tally => {
  const { sequence, areas } = change;
  const { fields } = tally;
  if (change.kind !== "counted") {
    const { kind } = change;
    return { ...tally, areas, fields: { ...fields, [kind]: fields[kind] + 1 }, lastSequence: sequence };
  }
  const scale = change.estimatedUmPerPixel;
  return {
    classes: tally.classes.map((count, index) => count + change.classes[index]!),
    fields: { ...fields, counted: fields.counted + 1, separate: fields.separate + (change.separate ? 1 : 0) },
    areas,
    knownUm2: tally.knownUm2 + (scale === undefined ? change.grownUm2 : 0),
    estimatedPx2: tally.estimatedPx2 + (scale === undefined ? 0 : change.grownUm2 / scale ** 2),
    forgottenCells: change.forgottenCells,
    simulated: tally.simulated || change.simulated,
    models: joinModels(tally.models, change.models),
    lastSequence: sequence,
  };
};
