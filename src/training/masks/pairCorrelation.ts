import { type DensityClass, densityClasses, densityClassOf, type LabelledCell, type Random } from "../../core/index.js";
import { isCut } from "../datasets/scale.js";

/** Distances are told apart in steps of a tenth of the two cells' mean diameter, up to two of them. */
export const pairBins = 20;
const binsPerDiameter = 10;
/** Places drawn by chance for each pair. */
const chances = 4;
/** Fields that are looked at, evenly chosen: pairs are many. */
const mostFields = 500;

/** Pairs that are added to both counts, so that a few of a rare kind tell little. */
const prior = 1;

/** Unordered pairs of the density map's classes. */
export const pairNames = [
  "erythrocyte-erythrocyte",
  "erythrocyte-leukocyte",
  "erythrocyte-platelet",
  "leukocyte-leukocyte",
  "leukocyte-platelet",
  "platelet-platelet",
] as const;
export type PairName = (typeof pairNames)[number];

export const pairNameOf = (a: DensityClass, b: DensityClass): PairName =>
  (densityClasses.indexOf(a) <= densityClasses.indexOf(b) ? `${a}-${b}` : `${b}-${a}`) as PairName;

/** A cell as neighbours see it: a disc. */
export interface Disc {
  readonly densityClass: DensityClass;
  readonly x: number;
  readonly y: number;
  readonly diameter: number;
}

/** The bin of the distance of two discs; `pairBins` or more for those far apart. */
export const pairBinOf = (a: Disc, b: Disc): number =>
  Math.floor((Math.hypot(a.x - b.x, a.y - b.y) / ((a.diameter + b.diameter) / 2)) * binsPerDiameter);

export interface PairField {
  readonly widthPx: number;
  readonly heightPx: number;
  readonly cells: readonly LabelledCell[];
}

const discsOf = ({ widthPx, heightPx, cells }: PairField): readonly Disc[] =>
  cells
    .filter(({ box }) => !isCut(box, widthPx, heightPx))
    .map(({ cellClass, box: { left, top, right, bottom } }) => ({
      densityClass: densityClassOf(cellClass),
      x: (left + right) / 2,
      y: (top + bottom) / 2,
      diameter: Math.sqrt((right - left) * (bottom - top)),
    }));

/** A disc of the same size wholly in the field, anywhere. */
const anywhere = (disc: Disc, { widthPx, heightPx }: PairField, random: Random): Disc => ({
  ...disc,
  x: disc.diameter / 2 + random.next() * Math.max(widthPx - disc.diameter, 0),
  y: disc.diameter / 2 + random.next() * Math.max(heightPx - disc.diameter, 0),
});

/**
 * Pair correlation of whole cells: pairs at a distance over those that there would be were the same cells thrown into
 * the same fields at random. Where neither is seen it is 1.
 */
export const correlatePairs = (fields: readonly PairField[], random: Random): Record<PairName, number[]> => {
  const seen = new Map(pairNames.map((name) => [name, new Float64Array(pairBins)]));
  const chance = new Map(pairNames.map((name) => [name, new Float64Array(pairBins)]));
  const add = (counts: Map<PairName, Float64Array>, a: Disc, b: Disc, share: number): void => {
    const bin = pairBinOf(a, b);
    const bins = counts.get(pairNameOf(a.densityClass, b.densityClass))!;
    if (bin < pairBins) bins[bin] = bins[bin]! + share;
  };
  const step = Math.max(fields.length / mostFields, 1);
  for (let at = 0; at < fields.length; at += step) {
    const field = fields[Math.floor(at)]!;
    const discs = discsOf(field);
    discs.forEach((a, index) => {
      for (const b of discs.slice(0, index)) {
        add(seen, a, b, 1);
        for (let draw = 0; draw < chances; draw++)
          add(chance, anywhere(a, field, random), anywhere(b, field, random), 1 / chances);
      }
    });
  }
  const ratio = (name: PairName): number[] =>
    Array.from(seen.get(name)!, (count, bin) =>
      Number(((count + prior) / (chance.get(name)![bin]! + prior)).toPrecision(3)),
    );
  return Object.fromEntries(pairNames.map((name) => [name, ratio(name)])) as Record<PairName, number[]>;
};
