import { type CellClass, createRandom } from "../../core/index.js";
import { fieldsShowing } from "../augmentation/index.js";
import type { LabelledField } from "../datasets/index.js";
import { evenlySpaced } from "../features/index.js";
import type { FieldChoice } from "../fields.js";

/** How much of a data set's labels a training is given. */
export const regimeNames = ["all", "eight", "rare", "stain"] as const;
export type RegimeName = (typeof regimeNames)[number];

/** Regime `eight` has so many fields. */
export const fewFields = 8;
/** Regime `rare` names so many cells of each of these classes; the others of the class are leukocytes without a name. */
export const rareCells = 10;
export const rareClasses: readonly CellClass[] = ["eosinophil", "basophil"];

export interface Regime {
  readonly title: string;
  /** Data set whose validation fields are scored: the one whose labels name leukocytes, or the other laboratory's. */
  readonly scored: "named" | "other";
  /** Whether leukocytes are named by class; else red cells, leukocytes and platelets are told apart. */
  readonly named: boolean;
  /** Regime whose detector it shares, where its own labels make no other. */
  readonly detector: RegimeName;
  /** Regime whose painters it shares. */
  readonly painters: RegimeName;
}

export const regimes: Readonly<Record<RegimeName, Regime>> = {
  all: { title: "all fields", scored: "named", named: true, detector: "all", painters: "all" },
  eight: { title: "eight fields", scored: "named", named: false, detector: "eight", painters: "eight" },
  rare: {
    title: "rare: ten cells each of eosinophils and basophils",
    scored: "named",
    named: true,
    detector: "all",
    painters: "rare",
  },
  stain: { title: "new stain", scored: "other", named: false, detector: "stain", painters: "all" },
};

/** The order is that of the seed, whatever the order of the items. */
const shuffled = <Item>(items: readonly Item[], seed: number): Item[] => {
  const random = createRandom(seed);
  const order = [...items];
  for (let last = order.length - 1; last > 0; last--) {
    const other = random.int(last + 1);
    [order[last], order[other]] = [order[other]!, order[last]!];
  }
  return order;
};

const chooseFew = (fields: readonly LabelledField[]): readonly LabelledField[] => {
  const byId = [...fields].sort((a, b) => (a.id < b.id ? -1 : 1));
  return shuffled(byId, 1).slice(0, fewFields);
};

const keyOf = (field: LabelledField, cell: number): string => `${field.dataset}/${field.id}#${cell}`;

const unnameRare = (fields: readonly LabelledField[]): readonly LabelledField[] => {
  const named = new Set<string>();
  for (const rare of rareClasses) {
    const all = fields.flatMap((field) =>
      field.cells.flatMap(({ cellClass }, cell) => (cellClass === rare ? [keyOf(field, cell)] : [])),
    );
    for (const key of shuffled(all.sort(), 1).slice(0, rareCells)) named.add(key);
  }
  return fields.map((field) => {
    const cells = field.cells.map((cell, index) =>
      rareClasses.includes(cell.cellClass) && !named.has(keyOf(field, index))
        ? { ...cell, cellClass: "leukocyte" as const }
        : cell,
    );
    return { ...field, cells };
  });
};

const trainingFields: Readonly<Record<RegimeName, (fields: readonly LabelledField[]) => readonly LabelledField[]>> = {
  all: (fields) => fields,
  stain: (fields) => fields,
  eight: chooseFew,
  rare: unnameRare,
};

/** At most so many fields; of those with names of rare classes none is lost. */
const fewerFields = (regime: RegimeName, fields: readonly LabelledField[], most: number): readonly LabelledField[] => {
  const kept = regime === "rare" ? fieldsShowing(fields, rareClasses) : [];
  const others = fields.filter((field) => !kept.includes(field));
  return [...kept, ...evenlySpaced(others, Math.max(most - kept.length, 0))];
};

export interface ChoiceOptions {
  /** Whether validation fields are kept, as they are, or left out. */
  readonly validation: boolean;
  /** Training fields of a data set, at most, evenly spaced among those of the regime; default all. */
  readonly most?: number | undefined;
}

/** What a training of a regime learns from. */
export const choiceOf = (regime: RegimeName, { validation, most }: ChoiceOptions): FieldChoice => ({
  name: `${regime}${validation ? "" : ", training fields only"}${most === undefined ? "" : `, at most ${most}`}`,
  choose: (fields, split) => {
    if (split === "val") return validation ? fields : [];
    const chosen = trainingFields[regime](fields);
    return most === undefined ? chosen : fewerFields(regime, chosen, most);
  },
});
