import { cellClasses, densityClasses, isLeukocyteClass, leukocyteClasses } from "../core/index.js";
import {
  type CellStore,
  firstLeukocyteClass,
  flag,
  type LeukocyteEvidence,
  leukocyteNamedAt,
  leukocyteWeightAt,
  plainLeukocyte,
} from "./cellStore.js";
import type { CellView } from "./view.js";

/** A view that a border cuts says less about the class of a leukocyte than a whole one. */
const cutWeight = 0.25;

const leukocyteIndex = densityClasses.indexOf("leukocyte");

/** Log-probability of each density class: the confidence for the one found, the rest shared by the others. */
const addDensityEvidence = (store: CellStore, entry: number, view: CellView): void => {
  const confidence = Math.min(0.99, Math.max(0.34, view.cell.confidence));
  const others = Math.log((1 - confidence) / (densityClasses.length - 1));
  const { evidence0, evidence1, evidence2 } = store.columns;
  [evidence0, evidence1, evidence2].forEach((column, index) => {
    column[entry] = column[entry]! + (index === view.densityIndex ? Math.log(confidence) : others);
  });
};

const addLeukocyteEvidence = (store: CellStore, entry: number, view: CellView): void => {
  const { cellClass, leukocyteProbabilities } = view.cell;
  const named = isLeukocyteClass(cellClass) ? leukocyteClasses.indexOf(cellClass) : -1;
  if (leukocyteProbabilities === undefined && named < 0) return;
  const weight = view.cut ? cutWeight : 1;
  const evidence = store.leukocytes.get(entry) ?? new Float64Array(leukocyteNamedAt + 1);
  leukocyteClasses.forEach((name, index) => {
    const probability = leukocyteProbabilities?.[name] ?? (index === named ? 1 : 0);
    evidence[index] = evidence[index]! + weight * probability;
  });
  evidence[leukocyteWeightAt] = evidence[leukocyteWeightAt]! + weight;
  if (named >= 0) evidence[leukocyteNamedAt] = evidence[leukocyteNamedAt]! | (1 << named);
  store.leukocytes.set(entry, evidence);
};

/** The class of highest mean probability, if any view was sure enough to name it; else plain leukocyte. */
const leukocyteClassOf = (evidence: LeukocyteEvidence | undefined): number => {
  if (evidence === undefined) return plainLeukocyte;
  let best = 0;
  for (let index = 1; index < leukocyteClasses.length; index++) if (evidence[index]! > evidence[best]!) best = index;
  return (evidence[leukocyteNamedAt]! & (1 << best)) === 0 ? plainLeukocyte : firstLeukocyteClass + best;
};

const resolveClass = (store: CellStore, entry: number): void => {
  const sums = store.evidenceOf(entry);
  const density = sums.indexOf(Math.max(...sums));
  store.columns.cellClass[entry] = density === leukocyteIndex ? leukocyteClassOf(store.leukocytes.get(entry)) : density;
};

/**
 * What a view is worth as the one that stands for its cell: whole, then cut but counted by its field, then cut and not.
 * Two views that count a cell both show its right lower corner, so that one standing for it is always known again by the
 * other; of a cut view that does not count it, a later one that does may have no part in common.
 */
const standing = (cut: boolean, admitted: boolean): number => (cut ? (admitted ? 1 : 0) : 2);

const standingOf = (store: CellStore, entry: number): number =>
  standing(store.has(entry, flag.cut), store.has(entry, flag.admitted));

/** Lets a view of field number `field` speak for a cell on the slide: evidence, extent, the rule of the border. */
export const applyView = (store: CellStore, entry: number, view: CellView, field: number): void => {
  const { seen, expected, quality } = store.columns;
  const gain = standing(view.cut, view.admitted) - standingOf(store, entry);
  seen[entry] = seen[entry]! + 1;
  expected[entry] = expected[entry]! + 1;
  addDensityEvidence(store, entry, view);
  if (view.densityIndex === leukocyteIndex) addLeukocyteEvidence(store, entry, view);
  if (view.admitted) store.set(entry, flag.admitted, true);
  if (seen[entry] === 1 || gain > 0 || (gain === 0 && view.quality > quality[entry]!)) {
    store.move(entry, view.box);
    quality[entry] = view.quality;
    store.columns.field[entry] = field;
    store.set(entry, flag.cut, view.cut);
  }
  resolveClass(store, entry);
};

/** Puts what was seen of cell `gone` down to cell `kept`. */
export const mergeEntries = (store: CellStore, kept: number, gone: number): void => {
  const { evidence0, evidence1, evidence2, seen, expected } = store.columns;
  for (const column of [evidence0, evidence1, evidence2, seen, expected]) column[kept] = column[kept]! + column[gone]!;
  if (standingOf(store, gone) > standingOf(store, kept)) {
    store.move(kept, store.boxOf(gone));
    store.columns.quality[kept] = store.columns.quality[gone]!;
    store.columns.field[kept] = store.columns.field[gone]!;
    store.set(kept, flag.cut, store.has(gone, flag.cut));
  }
  if (store.has(gone, flag.admitted)) store.set(kept, flag.admitted, true);
  const other = store.leukocytes.get(gone);
  const own = store.leukocytes.get(kept);
  if (other !== undefined && own === undefined) store.leukocytes.set(kept, other);
  if (other !== undefined && own !== undefined) {
    for (let index = 0; index < leukocyteNamedAt; index++) own[index] = own[index]! + other[index]!;
    own[leukocyteNamedAt] = own[leukocyteNamedAt]! | other[leukocyteNamedAt]!;
  }
  store.remove(gone);
  resolveClass(store, kept);
};

/** Whether a cell is in the count: admitted by a field's border rule, and seen by enough of those that show it. */
export const isCounted = (store: CellStore, entry: number, minSeenShare: number): boolean =>
  store.has(entry, flag.admitted) &&
  !store.has(entry, flag.merged) &&
  store.columns.seen[entry]! >= minSeenShare * store.columns.expected[entry]!;

export const classNameOf = (store: CellStore, entry: number): (typeof cellClasses)[number] =>
  cellClasses[store.columns.cellClass[entry]!]!;
