import { type CellStore, flag } from "./cellStore.js";
import { gammaP } from "./gamma.js";
import type { PointUm } from "./geometry.js";
import type { CellView } from "./view.js";

/** Side of a bin of the votes, um: a few times the scatter of a cell's position between two fields. */
const binUm = 0.8;
/** Pairs this close to the common displacement agree with it. */
const inlierUm = 1.2;
/** A displacement is believed when chance gives so many agreeing pairs anywhere in the bound this seldom. */
const chanceLevel = 0.01;

export interface Agreement {
  /** By how much the field must move so that its cells fall on those already on the slide. */
  readonly offset: PointUm;
  /** Pairs of cells that agree on it. */
  readonly pairs: number;
  /** Views that have any cell on the slide within the bound: those that could have agreed. */
  readonly eligible: number;
  /** Whether so many agree that chance is ruled out. */
  readonly found: boolean;
}

interface Displacements {
  readonly x: number[];
  readonly y: number[];
  readonly eligible: number;
}

/** Displacements of all pairs of whole cells of a kind that are within the bound. */
const displacements = (
  store: CellStore,
  area: number,
  views: readonly (CellView | undefined)[],
  boundUm: number,
): Displacements => {
  const x: number[] = [];
  const y: number[] = [];
  let eligible = 0;
  for (const view of views) {
    if (view === undefined || view.cut) continue;
    const centreX = (view.box.left + view.box.right) / 2;
    const centreY = (view.box.top + view.box.bottom) / 2;
    const before = x.length;
    const around = {
      left: centreX - boundUm,
      top: centreY - boundUm,
      right: centreX + boundUm,
      bottom: centreY + boundUm,
    };
    const entries: number[] = [];
    store.near(area, around, (entry) => entries.push(entry));
    // In the order of their numbers: a restored store visits in another order, and sums would differ in the last digit.
    for (const entry of entries.sort((a, b) => a - b)) {
      const box = store.boxOf(entry);
      const dx = (box.left + box.right) / 2 - centreX;
      const dy = (box.top + box.bottom) / 2 - centreY;
      if (dx * dx + dy * dy > boundUm * boundUm || store.has(entry, flag.cut)) continue;
      const sums = store.evidenceOf(entry);
      if (sums.indexOf(Math.max(...sums)) !== view.densityIndex) continue;
      x.push(dx);
      y.push(dy);
    }
    if (x.length > before) eligible += 1;
  }
  return { x, y, eligible };
};

/** Middle of the bin that, with its neighbours at half weight, holds most displacements. */
const fullestPlace = ({ x, y }: Displacements, boundUm: number): PointUm => {
  const side = 2 * Math.ceil(boundUm / binUm) + 3;
  const votes = new Int32Array(side * side);
  const binOf = (value: number): number => Math.floor((value + boundUm) / binUm) + 1;
  for (let i = 0; i < x.length; i++) {
    const at = binOf(y[i]!) * side + binOf(x[i]!);
    for (const row of [-side, 0, side]) {
      for (const column of [-1, 0, 1]) {
        const bin = at + row + column;
        if (bin >= 0 && bin < votes.length) votes[bin] = votes[bin]! + (bin === at ? 2 : 1);
      }
    }
  }
  let best = 0;
  for (let i = 1; i < votes.length; i++) if (votes[i]! > votes[best]!) best = i;
  const middle = (bin: number): number => (bin - 0.5) * binUm - boundUm;
  return { x: middle(best % side), y: middle(Math.floor(best / side)) };
};

const meanAround = ({ x, y }: Displacements, centre: PointUm, radius: number): { offset: PointUm; pairs: number } => {
  let sumX = 0;
  let sumY = 0;
  let pairs = 0;
  for (let i = 0; i < x.length; i++) {
    if (Math.hypot(x[i]! - centre.x, y[i]! - centre.y) > radius) continue;
    sumX += x[i]!;
    sumY += y[i]!;
    pairs += 1;
  }
  return pairs === 0 ? { offset: centre, pairs } : { offset: { x: sumX / pairs, y: sumY / pairs }, pairs };
};

/** How often, at most, so many pairs would meet somewhere if the cells had nothing to do with each other. */
const chanceOf = (agreeing: number, pairs: number, boundUm: number): number => {
  const places = Math.max(1, (boundUm / inlierUm) ** 2);
  return places * gammaP(agreeing, pairs / places);
};

/**
 * The displacement within `boundUm` on which most cells of a field agree with the slide (a Hough vote of all pairs, then
 * the mean of those around the fullest place). A third of those
 * that could agree must (the others lie just outside the overlap), and more of them than chance explains: red cells lie about 10 um apart at random, so that a wrong
 * displacement gathers under a tenth of them.
 */
export const agreeOnOffset = (
  store: CellStore,
  area: number,
  views: readonly (CellView | undefined)[],
  boundUm: number,
): Agreement => {
  const pairs = displacements(store, area, views, boundUm);
  const none = { offset: { x: 0, y: 0 }, pairs: 0, eligible: pairs.eligible, found: false };
  if (boundUm <= 0 || pairs.x.length === 0) return none;
  let mean = meanAround(pairs, fullestPlace(pairs, boundUm), 2 * binUm);
  for (let n = 0; n < 3; n++) mean = meanAround(pairs, mean.offset, inlierUm);
  const length = Math.hypot(mean.offset.x, mean.offset.y);
  if (mean.pairs === 0 || length > boundUm) return none;
  const chance = chanceOf(mean.pairs, pairs.x.length, boundUm);
  const found = mean.pairs >= pairs.eligible / 3 && chance <= chanceLevel;
  return { offset: mean.offset, pairs: mean.pairs, eligible: pairs.eligible, found };
};
