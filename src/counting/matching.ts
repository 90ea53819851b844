import { densityClasses } from "../core/index.js";
import { type CellStore, flag } from "./cellStore.js";
import { areaOf, intersect, isEmpty, type RectUm } from "./geometry.js";
import type { CountingOptions } from "./options.js";
import type { CellView } from "./view.js";

/** Half of the largest cell: how far its middle can be from the part of it that a border leaves to see. */
const reachUm = 12;

/** Cells seen as different kinds are taken as one only when their sizes differ by no more than this factor. */
const sizeFactor = 1.6;

export interface MatchRequest {
  readonly store: CellStore;
  readonly area: number;
  readonly views: readonly (CellView | undefined)[];
  /** Rectangle of the field that the views are from. */
  readonly rect: RectUm;
  readonly rectOfField: (field: number) => RectUm;
  /** Uncertainty of the field's place that is left, um. */
  readonly slackUm: number;
  readonly options: CountingOptions;
}

export interface Matches {
  /** By view: the number of the cell on the slide, -1 for a cell not seen before. */
  readonly entryOfView: Int32Array<ArrayBuffer>;
  /** Cells on the slide that turn out to be one, as [kept, gone]. */
  readonly merges: readonly (readonly [number, number])[];
}

interface Pair {
  readonly view: number;
  readonly entry: number;
  /** Distance over the distance allowed; 1 is added where the kinds differ, so that those come last. */
  readonly rank: number;
}

const entryDensityIndex = (store: CellStore, entry: number): number => {
  const [a, b, c] = store.evidenceOf(entry);
  return a >= b && a >= c ? 0 : b >= c ? 1 : 2;
};

/**
 * How well a view fits a cell on the slide, from 0 (same place) to 1; undefined where it cannot be the same cell. What
 * is compared are the parts that lie in both fields: a cell that a border cuts looks shifted, its common part does not.
 */
const rankOf = (request: MatchRequest, view: CellView, entry: number): number | undefined => {
  const { store, options } = request;
  const ofEntry = intersect(store.boxOf(entry), request.rect);
  const ofView = intersect(view.box, request.rectOfField(store.columns.field[entry]!));
  if (isEmpty(ofEntry) || isEmpty(ofView)) return undefined;
  const same = entryDensityIndex(store, entry) === view.densityIndex;
  const diameters = [store.diameterOf(entry), view.diameterUm] as const;
  const diameter = same ? Math.max(...diameters) : Math.min(...diameters);
  if (!same) {
    const sides = [Math.sqrt(areaOf(ofEntry)), Math.sqrt(areaOf(ofView))] as const;
    if (Math.max(...sides) > sizeFactor * Math.min(...sides)) return undefined;
  }
  const share = options.matchShare[densityClasses[view.densityIndex]!];
  const allowed = Math.max(options.matchFloorUm, share * diameter) + request.slackUm;
  const dx = (ofEntry.left + ofEntry.right - ofView.left - ofView.right) / 2;
  const dy = (ofEntry.top + ofEntry.bottom - ofView.top - ofView.bottom) / 2;
  const distance = Math.hypot(dx, dy);
  if (distance > allowed) return undefined;
  return distance / Math.max(allowed, 1e-9) + (same ? 0 : 1);
};

const candidatePairs = (request: MatchRequest): Pair[] => {
  const pairs: Pair[] = [];
  request.views.forEach((view, index) => {
    if (view === undefined) return;
    const { left, top, right, bottom } = view.box;
    const around = { left: left - reachUm, top: top - reachUm, right: right + reachUm, bottom: bottom + reachUm };
    request.store.near(request.area, around, (entry) => {
      const rank = rankOf(request, view, entry);
      if (rank !== undefined) pairs.push({ view: index, entry, rank });
    });
  });
  return pairs.sort((p, q) => p.rank - q.rank || p.entry - q.entry || p.view - q.view);
};

/** Two cells on the slide can be halves of one only if no part of them lies in the best fields of both. */
const areApart = (request: MatchRequest, first: number, second: number): boolean => {
  const { store, rectOfField } = request;
  const fieldOf = (entry: number): RectUm => rectOfField(store.columns.field[entry]!);
  if (!store.has(first, flag.cut) && !store.has(second, flag.cut)) return false;
  const both = intersect(fieldOf(first), fieldOf(second));
  return isEmpty(intersect(store.boxOf(first), both)) && isEmpty(intersect(store.boxOf(second), both));
};

/**
 * Which cell on the slide each view shows: one to one, nearest pairs first, the same kind before another. A cell that
 * two earlier fields saw the halves of, without a common part, is put together when a field shows it whole.
 */
export const matchViews = (request: MatchRequest): Matches => {
  const entryOfView = new Int32Array(request.views.length).fill(-1);
  const pairs = candidatePairs(request);
  const taken = new Set<number>();
  for (const { view, entry } of pairs) {
    if (entryOfView[view] !== -1 || taken.has(entry)) continue;
    entryOfView[view] = entry;
    taken.add(entry);
  }
  const merges: [number, number][] = [];
  for (const { view, entry, rank } of pairs) {
    const kept = entryOfView[view]!;
    if (rank > 1 || taken.has(entry) || !areApart(request, kept, entry)) continue;
    taken.add(entry);
    merges.push([kept, entry]);
  }
  return { entryOfView, merges };
};
