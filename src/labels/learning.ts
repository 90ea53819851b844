import { type Box, type CellClass, taxonomy } from "../core/index.js";
import type { Colour, StainMeasure } from "../pictures/index.js";
import type { FieldCell, ReviewOffer } from "./fieldRecord.js";

/** How sure a detector was of a field's cells. */
export interface Doubt {
  /** Sum over the cells of how unsure it was of each, 0 to 1. */
  readonly total: number;
  /** Cells of which it was more unsure than sure. */
  readonly cells: number;
  /** Confidence of the least sure one; null where no cell has any. */
  readonly least: number | null;
}

type Counts = Readonly<Partial<Record<CellClass, number>>>;

/** What speaks for looking at a field. */
export interface FieldEvidence {
  readonly counts: Counts;
  readonly doubt: Doubt;
  /** Cells that somebody has changed against the detector's proposal of this field. */
  readonly changed: number;
  /** Cells by which it differs from a confirmed look-alike; null where there is none. */
  readonly lookAlike: number | null;
  /** Of the fields of its slide that people have looked at: cells, and those that they changed. */
  readonly slide: { readonly cells: number; readonly changed: number };
  /** Distance of its stain from the nearest confirmed one, levels of 255; null where nothing is confirmed. */
  readonly stainDistance: number | null;
}

type Reason = ReviewOffer["reasons"][number];

const clamp = (value: number): number => Math.min(Math.max(value, 0), 1);

/** 0 for a sure cell or a sure absence, 1 for a coin toss. */
const doubtOf = ({ confidence, probabilities }: FieldCell): number => {
  const coin = confidence === undefined ? 0 : 1 - Math.abs(2 * confidence - 1);
  const shares = Object.values(probabilities ?? {}).filter((share) => share > 0);
  const sum = shares.reduce((total, share) => total + share, 0);
  if (shares.length < 2) return coin;
  // Entropy in parts of that of two equally likely classes: unsure between two is unsure.
  const entropy = shares.reduce((total, share) => total - (share / sum) * Math.log2(share / sum), 0);
  return clamp(Math.max(coin, entropy));
};

const surenessOf = ({ confidence, probabilities }: FieldCell): number =>
  Math.min(confidence ?? 1, probabilities === undefined ? 1 : Math.max(0, ...Object.values(probabilities)));

/** How sure a detector was of these cells. */
export const measureDoubt = (cells: readonly FieldCell[]): Doubt => {
  const told = cells.filter(({ confidence, probabilities }) => confidence !== undefined || probabilities !== undefined);
  const doubts = told.map(doubtOf);
  return {
    total: doubts.reduce((sum, doubt) => sum + doubt, 0),
    cells: doubts.filter((doubt) => doubt > 0.5).length,
    least: told.length === 0 ? null : told.reduce((least, cell) => Math.min(least, surenessOf(cell)), 1),
  };
};

const areaOf = ({ left, top, right, bottom }: Box): number => (right - left) * (bottom - top);

const overlap = (a: Box, b: Box): number => {
  const width = Math.min(a.right, b.right) - Math.max(a.left, b.left);
  const height = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
  if (width <= 0 || height <= 0) return 0;
  return (width * height) / (areaOf(a) + areaOf(b) - width * height);
};

/** Boxes of one cell overlap by at least this. */
const sameCellIou = 0.5;

/**
 * How many cells two readings of one picture differ by: those of the longer one that have no equal (same class, IoU of 0.5 or more)
 * in the other.
 */
export const cellsChanged = (before: readonly FieldCell[], after: readonly FieldCell[]): number => {
  const left = [...before].sort((a, b) => a.box.left - b.box.left);
  const taken = new Set<FieldCell>();
  let equal = 0;
  for (const cell of after) {
    for (const other of left) {
      if (other.box.left >= cell.box.right) break;
      if (other.cellClass !== cell.cellClass || taken.has(other) || overlap(other.box, cell.box) < sameCellIou)
        continue;
      taken.add(other);
      equal++;
      break;
    }
  }
  return Math.max(before.length, after.length) - equal;
};

/** How many cells two counts differ by, class by class. */
export const countsDiffer = (a: Counts, b: Counts): number => {
  const classes = new Set([...Object.keys(a), ...Object.keys(b)]) as Set<CellClass>;
  return [...classes].reduce((sum, name) => sum + Math.abs((a[name] ?? 0) - (b[name] ?? 0)), 0);
};

const colourDistance = (a: Colour, b: Colour): number =>
  Math.sqrt(((a.red - b.red) ** 2 + (a.green - b.green) ** 2 + (a.blue - b.blue) ** 2) / 3);

/** Distance of two stains, levels of 255: root mean square over the channels, the mean of the colours that both have. */
export const stainDistance = (a: StainMeasure, b: StainMeasure): number => {
  const distances = (["background", "redCells", "nuclei"] as const).flatMap((key) => {
    const [one, other] = [a[key], b[key]];
    return one === undefined || other === undefined ? [] : [colourDistance(one, other)];
  });
  return distances.reduce((sum, distance) => sum + distance, 0) / distances.length;
};

/** Half of the gain is reached at so many doubtful or differing cells. */
const halfAtCells = 3;
/** A stain so far from every confirmed one, in levels, is wholly new. */
const newStainLevels = 40;
/** A class with so many confirmed cells is half as worth looking for as one with none. */
const halfAtConfirmed = 30;

const saturating = (cells: number): number => cells / (cells + halfAtCells);

const plural = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? "" : "s"}`;

const uncertainty = ({ doubt }: FieldEvidence): Reason => {
  const least = doubt.least === null ? "" : `; the least sure one has ${Math.round(100 * doubt.least)} %`;
  const text =
    doubt.cells === 0
      ? `The detector was less than sure here${least}.`
      : `${plural(doubt.cells, "cell")} in doubt${least}.`;
  return { kind: "uncertainty", gain: saturating(doubt.total), text };
};

const disagreement = ({ changed, lookAlike, slide, counts }: FieldEvidence): Reason => {
  const cells = Object.values(counts).reduce((sum, count) => sum + count, 0);
  const slideRate = slide.cells === 0 ? 0 : slide.changed / slide.cells;
  // What people changed on the slide's other fields is to be expected here at the same rate.
  const candidates = [
    { cells: changed, text: `${plural(changed, "cell")} changed against the detector's proposal, not confirmed yet.` },
    { cells: lookAlike ?? 0, text: `A confirmed look-alike has other counts, by ${plural(lookAlike ?? 0, "cell")}.` },
    {
      cells: slideRate * cells,
      text: `On the same slide ${plural(slide.changed, "cell")} of ${slide.cells} had to be changed.`,
    },
  ];
  const best = candidates.reduce((most, next) => (next.cells > most.cells ? next : most));
  return { kind: "disagreement", gain: saturating(best.cells), text: best.text };
};

const rarity = ({ counts }: FieldEvidence, confirmed: Counts): Reason => {
  const present = (Object.keys(counts) as CellClass[]).filter((name) => (counts[name] ?? 0) > 0);
  const rarest = present.reduce<CellClass | undefined>(
    (least, name) => (least === undefined || (confirmed[name] ?? 0) < (confirmed[least] ?? 0) ? name : least),
    undefined,
  );
  if (rarest === undefined) return { kind: "rarity", gain: 0, text: "" };
  const known = confirmed[rarest] ?? 0;
  const label = taxonomy[rarest].label.toLowerCase();
  const text =
    known === 0
      ? `No ${label} has been confirmed yet.`
      : `Only ${plural(known, "confirmed cell")} of the class ${label}.`;
  return { kind: "rarity", gain: halfAtConfirmed / (halfAtConfirmed + known), text };
};

const novelty = ({ stainDistance: distance }: FieldEvidence): Reason => {
  if (distance === null) return { kind: "novelty", gain: 0, text: "" };
  const text = `Its stain is ${Math.round(distance)} levels from that of any confirmed field.`;
  return { kind: "novelty", gain: clamp(distance / newStainLevels), text };
};

/** Under this a reason is not worth a sentence. */
const leastGain = 0.05;

/**
 * What looking at a field is expected to bring, and why, the strongest reason first. Each reason gains 0 to 1; the whole is their sum.
 * It grows with doubtful and differing cells and with the stain's distance, and falls with the confirmed cells of the classes in it.
 * @param confirmed cells of each class in confirmed fields
 */
export const scoreField = (
  evidence: FieldEvidence,
  confirmed: Counts,
): { readonly gain: number; readonly reasons: readonly Reason[] } => {
  const all = [uncertainty(evidence), disagreement(evidence), rarity(evidence, confirmed), novelty(evidence)];
  const reasons = all.filter(({ gain }) => gain >= leastGain).sort((a, b) => b.gain - a.gain);
  return { gain: all.reduce((sum, { gain }) => sum + gain, 0), reasons };
};
