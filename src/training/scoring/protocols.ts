import { type Box, type CellClass, cellClasses, densityClassOf, type LabelledCell } from "../../core/index.js";
import { borderPx, mergeTwiceListed } from "../datasets/index.js";
import { type ClassDepth, classAt, type FieldResult, type FoundCell, matchCells, type TruthField } from "./matching.js";

/** `T` cells in all, `M` missed, `e` falsely found, `P` = 100 (T - M - e) / T in percent; null where T is 0. */
export interface Tally {
  readonly T: number;
  readonly M: number;
  readonly e: number;
  readonly P: number | null;
}

export interface ProtocolScore {
  readonly pooled: Tally;
  readonly classes: Readonly<Partial<Record<CellClass, Tally>>>;
}

/** `raw`: the labels as they are. `fair`: see `scoreProtocol`. */
export type Protocol = "raw" | "fair";

/** A box at the border whose side across it is under this part of the red cells' diameter is a sliver. */
const sliverPart = 0.4;

/**
 * Whether so little of a cell is in the field that annotators mark it at random: its box is within 2.5 px of a border and
 * its side across that border is under 0.4 of the field's red-cell diameter. Never where that diameter is not known.
 */
export const isSliver = (box: Box, { widthPx, heightPx, redCellDiameterPx = 0 }: Omit<TruthField, "cells" | "id">) => {
  const least = sliverPart * redCellDiameterPx;
  const atSide = box.left <= borderPx || box.right >= widthPx - borderPx;
  const atEnd = box.top <= borderPx || box.bottom >= heightPx - borderPx;
  return (atSide && box.right - box.left < least) || (atEnd && box.bottom - box.top < least);
};

/** What became of the cells of one field. */
export interface FieldOutcome {
  /** Truths that are demanded, in the labels' order. */
  readonly truths: readonly LabelledCell[];
  /** For each of them the index into the field's findings, or -1. */
  readonly foundOf: Int32Array;
  /** Findings held against the detector, as indices. */
  readonly falselyFound: readonly number[];
}

/** Matches one field by a protocol. */
export const judgeField = ({ truth, found }: FieldResult, protocol: Protocol, depth: ClassDepth): FieldOutcome => {
  const listed = protocol === "fair" ? mergeTwiceListed(truth.cells) : truth.cells;
  const ignored = (box: Box): boolean => protocol === "fair" && isSliver(box, truth);
  const truths = listed.filter(({ box }) => !ignored(box));
  const foundOf = matchCells(truths, found, depth);
  const taken = new Set(foundOf);
  let left = found.map((_, index) => index).filter((index) => !taken.has(index));
  if (protocol === "fair") {
    const slivers = listed.filter(({ box }) => ignored(box));
    const rest = left.map((index) => found[index]!);
    const excused = new Set(Array.from(matchCells(slivers, rest, depth), (index) => left[index]));
    const unlabelled = ({ cellClass }: FoundCell): boolean =>
      truth.incomplete?.includes(densityClassOf(cellClass)) ?? false;
    left = left.filter((index) => !excused.has(index) && !ignored(found[index]!.box) && !unlabelled(found[index]!));
  }
  return { truths, foundOf, falselyFound: left };
};

class Counter {
  readonly #counts = new Map<CellClass, { T: number; M: number; e: number }>();

  add(cellClass: CellClass, what: "T" | "M" | "e"): void {
    const counts = this.#counts.get(cellClass) ?? { T: 0, M: 0, e: 0 };
    counts[what]++;
    this.#counts.set(cellClass, counts);
  }

  score(classes: readonly CellClass[]): ProtocolScore {
    const named = cellClasses.filter((cellClass) => classes.includes(cellClass) || this.#counts.has(cellClass));
    const tallies = named.map((name) => [name, tallyOf(this.#counts.get(name) ?? { T: 0, M: 0, e: 0 })] as const);
    const sum = { T: 0, M: 0, e: 0 };
    for (const { T, M, e } of this.#counts.values()) {
      sum.T += T;
      sum.M += M;
      sum.e += e;
    }
    return { pooled: tallyOf(sum), classes: Object.fromEntries(tallies) };
  }
}

const tallyOf = ({ T, M, e }: { T: number; M: number; e: number }): Tally => ({
  T,
  M,
  e,
  P: T === 0 ? null : (100 * (T - M - e)) / T,
});

/**
 * Scores fields by a protocol. Under `raw` every label is demanded and every finding without a match is false. Under
 * `fair`, of cells listed twice one is demanded; slivers are not demanded, and a finding is not held against the detector
 * where it matches a sliver (one to one, after the demanded truths have been matched), is a sliver itself, or is of a class
 * that the labels are known to leave out in part.
 *
 * @param classes classes to list even where nothing of them was labelled or found
 */
export const scoreProtocol = (
  results: readonly FieldResult[],
  protocol: Protocol,
  { depth, classes = [] }: { readonly depth: ClassDepth; readonly classes?: readonly CellClass[] },
): ProtocolScore => {
  const counter = new Counter();
  for (const result of results) {
    const { truths, foundOf, falselyFound } = judgeField(result, protocol, depth);
    truths.forEach(({ cellClass }, index) => {
      counter.add(classAt(cellClass, depth), "T");
      if (foundOf[index] === -1) counter.add(classAt(cellClass, depth), "M");
    });
    for (const index of falselyFound) counter.add(classAt(result.found[index]!.cellClass, depth), "e");
  }
  return counter.score(classes);
};

/** Mean over the fields that have cells of a class of |found - true| / true; null where no field has. */
export const countError = (
  results: readonly FieldResult[],
  classes: readonly CellClass[],
  depth: ClassDepth,
): Readonly<Partial<Record<CellClass, number | null>>> => {
  const countOf = (cells: readonly Pick<FoundCell, "cellClass">[], wanted: CellClass): number =>
    cells.filter(({ cellClass }) => classAt(cellClass, depth) === wanted).length;
  const errorOf = (wanted: CellClass): number | null => {
    const errors = results.flatMap(({ truth, found }) => {
      const labelled = countOf(truth.cells, wanted);
      return labelled === 0 ? [] : [Math.abs(countOf(found, wanted) - labelled) / labelled];
    });
    return errors.length === 0 ? null : errors.reduce((sum, error) => sum + error, 0) / errors.length;
  };
  return Object.fromEntries(classes.map((cellClass) => [cellClass, errorOf(cellClass)]));
};
