import { type CellClass, cellClasses, differentialFive, leukocyteClasses, taxonomy } from "../core/index.js";
import type { ModelRef } from "../detection/index.js";
import { garwoodLimits, type Limits, ratioLimits, scaleLimits, wilsonLimits } from "./limits.js";
import type { Tally } from "./tally.js";

/** A number with its limits. */
export interface Estimate {
  readonly value: number;
  readonly limits: Limits;
}

export interface ClassCount {
  readonly count: number;
  /** Exact Poisson limits of the count. */
  readonly limits: Limits;
  /** Cells per mm2 of the scanned area; absent before any area was scanned. */
  readonly perMm2?: Estimate;
}

export interface DifferentialEntry {
  readonly cellClass: CellClass;
  readonly count: number;
  /** Per 100 of the differential's total, with Wilson limits; null while there is no such cell. */
  readonly percent: Estimate | null;
}

export interface Differential {
  readonly classes: readonly DifferentialEntry[];
  /** Cells of these classes: what the percentages are of. */
  readonly total: number;
}

export interface Ratio extends Estimate {
  readonly numerator: number;
  readonly denominator: number;
}

/** The counts of a slide so far: plain immutable data, ready for JSON. */
export interface Counts {
  /** Confidence level of all limits. */
  readonly level: number;
  /** True as soon as one field was simulated. */
  readonly simulated: boolean;
  /** Every model that found or named a cell in these counts. */
  readonly models: readonly ModelRef[];
  readonly lastSequence: number | null;
  readonly fields: {
    /** Fields whose cells are in the counts. */
    readonly counted: number;
    /** Fields that showed again what an earlier one had shown. */
    readonly repeated: number;
    /** Fields left out because nothing told where they were. */
    readonly unplaced: number;
    /** Of those counted, the ones that no overlap joined to an earlier field; their cells may be counted twice. */
    readonly separate: number;
  };
  /** Connected parts of the slide. */
  readonly areas: number;
  /** Union of the fields' counting frames. */
  readonly areaMm2: number;
  /** `estimated` when the scale of any field was estimated from its red cells; then so is every density. */
  readonly scaleOrigin: "known" | "estimated";
  /** Cells, all counted, whose places were given up to bound the memory: seen again they would count again. */
  readonly forgottenCells: number;
  /** By class; parents include their children. */
  readonly classes: Readonly<Record<CellClass, ClassCount>>;
  /** Leukocytes that no class was named for; in `classes.leukocyte`, in no differential. */
  readonly unsureLeukocytes: ClassCount & { readonly percentOfLeukocytes: Estimate | null };
  readonly differential: { readonly five: Differential; readonly seven: Differential };
  /** Null while the denominator is 0. */
  readonly ratios: {
    readonly erythrocytesPerPlatelet: Ratio | null;
    readonly erythrocytesPerLeukocyte: Ratio | null;
    readonly plateletsPerLeukocyte: Ratio | null;
    /** Erythroblasts per 100 leukocytes proper (erythroblasts not among them). */
    readonly erythroblastsPer100Leukocytes: Ratio | null;
  };
}

interface Basis {
  readonly areaMm2: number;
  readonly level: number;
}

const classCount = (count: number, { areaMm2, level }: Basis): ClassCount => {
  const limits = garwoodLimits(count, level);
  if (areaMm2 <= 0) return { count, limits };
  return { count, limits, perMm2: { value: count / areaMm2, limits: scaleLimits(limits, 1 / areaMm2) } };
};

const percent = (count: number, total: number, level: number): Estimate | null =>
  total === 0 ? null : { value: (100 * count) / total, limits: scaleLimits(wilsonLimits(count, total, level), 100) };

const differentialOf = (
  classes: readonly CellClass[],
  own: Readonly<Record<CellClass, number>>,
  level: number,
): Differential => {
  const total = classes.reduce((sum, cellClass) => sum + own[cellClass], 0);
  const entry = (cellClass: CellClass): DifferentialEntry => ({
    cellClass,
    count: own[cellClass],
    percent: percent(own[cellClass], total, level),
  });
  return { total, classes: classes.map(entry) };
};

const ratio = (numerator: number, denominator: number, level: number, factor = 1): Ratio | null =>
  denominator === 0
    ? null
    : {
        numerator,
        denominator,
        value: (factor * numerator) / denominator,
        limits: scaleLimits(ratioLimits(numerator, denominator, level), factor),
      };

/** Counts by own class and, adding children to their parents, in all. */
const withParents = (tally: Tally): { own: Record<CellClass, number>; all: Record<CellClass, number> } => {
  const pairs = cellClasses.map((name, index) => [name, tally.classes[index]!] as const);
  const own = Object.fromEntries(pairs) as Record<CellClass, number>;
  const all = { ...own };
  for (const [name, count] of pairs) {
    const { parent } = taxonomy[name];
    if (parent !== null) all[parent] += count;
  }
  return { own, all };
};

/**
 * The counts that a tally stands for. A pure function of some 60 numbers, its cost does not depend on the cells counted.
 * @param umPerPixel the scale for fields whose scale is estimated
 */
export const countsOf = (tally: Tally, level: number, umPerPixel = 0): Counts => {
  const areaMm2 = (tally.knownUm2 + tally.estimatedPx2 * umPerPixel ** 2) / 1e6;
  const basis = { areaMm2, level };
  const { own, all } = withParents(tally);
  const classes = Object.fromEntries(cellClasses.map((name) => [name, classCount(all[name], basis)]));
  const leukocytesProper = all.leukocyte - own.erythroblast;
  return {
    level,
    simulated: tally.simulated,
    models: tally.models,
    lastSequence: tally.lastSequence,
    fields: tally.fields,
    areas: tally.areas,
    areaMm2,
    scaleOrigin: tally.estimatedPx2 > 0 ? "estimated" : "known",
    forgottenCells: tally.forgottenCells,
    classes: classes as Record<CellClass, ClassCount>,
    unsureLeukocytes: {
      ...classCount(own.leukocyte, basis),
      percentOfLeukocytes: percent(own.leukocyte, all.leukocyte, level),
    },
    differential: {
      five: differentialOf(differentialFive, own, level),
      seven: differentialOf(leukocyteClasses, own, level),
    },
    ratios: {
      erythrocytesPerPlatelet: ratio(all.erythrocyte, all.platelet, level),
      erythrocytesPerLeukocyte: ratio(all.erythrocyte, leukocytesProper, level),
      plateletsPerLeukocyte: ratio(all.platelet, leukocytesProper, level),
      erythroblastsPer100Leukocytes: ratio(own.erythroblast, leukocytesProper, level, 100),
    },
  };
};
