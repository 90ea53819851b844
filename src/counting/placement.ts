import type { CellStore } from "./cellStore.js";
import type { CountedField, Placement } from "./field.js";
import { contains, type PointUm } from "./geometry.js";
import type { CountingOptions } from "./options.js";
import { type Agreement, agreeOnOffset } from "./refinement.js";
import { type PreparedPicture, preparePicture, type ShiftCandidate, shiftCandidates } from "./registration.js";
import { fieldRect, viewsOf } from "./view.js";

/** A field whose place is known, with its picture if there was one. */
export interface RecentField {
  readonly picture?: PreparedPicture;
  readonly widthPx: number;
  readonly heightPx: number;
  readonly placement: Placement;
}

/** What placing the next field depends on, apart from the cells on the slide. */
export interface PlacementState {
  /** Area 0 is the stage's; those begun without one are numbered from 1. */
  readonly nextArea: number;
  readonly stageUsed: boolean;
  /** Newest first. */
  readonly recent: readonly RecentField[];
  /** Estimated scales of the latest fields, um per pixel. */
  readonly scaleEstimates: readonly number[];
}

export const initialPlacementState: PlacementState = { nextArea: 1, stageUsed: false, recent: [], scaleEstimates: [] };

/** Connected parts of the slide so far. */
export const areasUsed = (state: PlacementState): number => state.nextArea - 1 + (state.stageUsed ? 1 : 0);

const keptEstimates = 255;
/** Grey levels of detail below which a picture shows nothing to go by. */
const leastContrast = 1;
/** Correlation at which two pictures show the same place; between the two, cells must confirm it. Measured: docs. */
const sureSimilarity = 0.72;
const likelySimilarity = 0.45;
/** Overlaps smaller than this are never believed without the cells. */
const sureOverlap = 0.15;
const leastOverlap = 0.08;
/** Cells in a common part from which on their disagreement refutes a displacement. */
const tellingCells = 8;

export const medianOf = (values: readonly number[]): number | undefined => {
  if (values.length === 0) return undefined;
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
};

interface Attempt {
  readonly field: CountedField;
  readonly store: CellStore;
  readonly options: CountingOptions;
  readonly umPerPixel: number;
}

export interface Placed {
  readonly state: PlacementState;
  readonly placement: Placement | undefined;
}

/** Pairs of cells that place a field when its picture does not, and the share of the cells in common that they must be. */
const placingPairs = 12;
const placingShare = 0.6;
/** Larger fields are searched this far only: the work grows with the fourth power of it. */
const farthestReachUm = 250;

const agreementAt = (attempt: Attempt, placement: Placement, boundUm: number): Agreement =>
  agreeOnOffset(attempt.store, placement.area, viewsOf(attempt.field, placement, attempt.options), boundUm);

/** Whole cells of a field that another field must show as well. */
const cellsInBoth = (attempt: Attempt, placement: Placement, other: RecentField): number => {
  const rect = fieldRect(other, other.placement);
  const views = viewsOf(attempt.field, placement, attempt.options);
  return views.filter((view) => view !== undefined && !view.cut && contains(rect, view.box)).length;
};

const moved = (placement: Placement, { offset, pairs }: Pick<Agreement, "offset" | "pairs">): Placement => ({
  ...placement,
  centreUm: { x: placement.centreUm.x + offset.x, y: placement.centreUm.y + offset.y },
  refinement: { ...offset, pairs },
});

const placeByStage = (attempt: Attempt, position: PointUm): Placement => {
  const placement: Placement = {
    area: 0,
    centreUm: { x: position.x, y: position.y },
    method: "stage",
    umPerPixel: attempt.umPerPixel,
  };
  // Earlier fields may be as far off as this one, to the other side.
  const boundUm = 2 * attempt.options.stageErrorUm;
  if (boundUm === 0) return placement;
  const agreement = agreementAt(attempt, placement, boundUm);
  return agreement.found ? moved(placement, agreement) : placement;
};

type PicturedField = RecentField & { readonly picture: PreparedPicture };

const hasDetail = (field: RecentField): field is PicturedField =>
  field.picture !== undefined && field.picture.contrast >= leastContrast;

/** The place that a displacement gives a field, or undefined where picture or cells speak against it. */
const judge = (attempt: Attempt, recent: PicturedField, shift: ShiftCandidate): Placement | undefined => {
  if (shift.similarity < likelySimilarity) return undefined;
  const { area, umPerPixel, centreUm } = recent.placement;
  const umPerThumbnailPx = (recent.widthPx * umPerPixel) / recent.picture.thumbnail.width;
  const placement: Placement = {
    area,
    centreUm: { x: centreUm.x + shift.dx * umPerThumbnailPx, y: centreUm.y + shift.dy * umPerThumbnailPx },
    method: "registration",
    umPerPixel,
    similarity: shift.similarity,
    peakRatio: shift.peakRatio,
  };
  const agreement = agreementAt(attempt, placement, Math.max(2, 2.5 * umPerThumbnailPx));
  if (agreement.found) return moved(placement, agreement);
  const sure = shift.similarity >= sureSimilarity && shift.overlap >= sureOverlap;
  return sure && cellsInBoth(attempt, placement, recent) < tellingCells ? placement : undefined;
};

/** The place by the first recent picture, newest first, that the field overlaps with. */
const placeByPicture = (
  attempt: Attempt,
  picture: PreparedPicture | undefined,
  recents: readonly RecentField[],
): Placement | undefined => {
  if (picture === undefined || picture.contrast < leastContrast) return undefined;
  for (const recent of recents) {
    if (!hasDetail(recent)) continue;
    for (const shift of shiftCandidates(recent.picture, picture, { minOverlap: leastOverlap, wanted: 4 })) {
      const placement = judge(attempt, recent, shift);
      if (placement !== undefined) return placement;
    }
  }
  return undefined;
};

/** The place by the pattern of the cells alone: one displacement of many against those of the newest field. */
const placeByCells = (attempt: Attempt, recent: RecentField | undefined): Placement | undefined => {
  if (recent === undefined || attempt.field.cells.length < placingPairs) return undefined;
  const { area, umPerPixel, centreUm } = recent.placement;
  const beside: Placement = { area, centreUm, method: "registration", umPerPixel };
  const reachUm = Math.min(farthestReachUm, Math.max(recent.widthPx, recent.heightPx) * umPerPixel);
  const { offset, pairs } = agreementAt(attempt, beside, reachUm);
  if (pairs < placingPairs) return undefined;
  const placement = moved(beside, { offset, pairs });
  return pairs >= placingShare * cellsInBoth(attempt, placement, recent) ? placement : undefined;
};

/** An area of its own around the field, or undefined where it shows nothing by which later fields could be told. */
const placeApart = (attempt: Attempt, state: PlacementState, picture: PreparedPicture | undefined): Placed => {
  const featureless = picture === undefined || picture.contrast < leastContrast;
  if (featureless && attempt.field.cells.length === 0) return { state, placement: undefined };
  const method = areasUsed(state) === 0 ? "origin" : "separate";
  const placement: Placement = {
    area: state.nextArea,
    centreUm: { x: 0, y: 0 },
    method,
    umPerPixel: attempt.umPerPixel,
  };
  return { state: { ...state, nextArea: state.nextArea + 1 }, placement };
};

const remember = (placed: Placed, picture: PreparedPicture | undefined, attempt: Attempt): Placed => {
  if (placed.placement === undefined) return placed;
  const { widthPx, heightPx } = attempt.field;
  const pictured = picture === undefined ? {} : { picture };
  const entry = { ...pictured, widthPx, heightPx, placement: placed.placement };
  const recent = [entry, ...placed.state.recent].slice(0, attempt.options.recentPictures);
  return { ...placed, state: { ...placed.state, recent } };
};

/** The scale to place a field with: known ones as they are, estimates as the median of the latest. */
const withScale = (state: PlacementState, field: CountedField): { state: PlacementState; umPerPixel: number } => {
  if (field.scaleOrigin !== "estimated") return { state, umPerPixel: field.umPerPixel };
  const scaleEstimates = [...state.scaleEstimates, field.umPerPixel].slice(-keptEstimates);
  return { state: { ...state, scaleEstimates }, umPerPixel: medianOf(scaleEstimates)! };
};

/** Fields of another known scale are from another objective: what they share cannot be told by a displacement. */
const fits = (recent: RecentField, field: CountedField): boolean =>
  recent.widthPx === field.widthPx &&
  recent.heightPx === field.heightPx &&
  (field.scaleOrigin === "estimated" || Math.abs(recent.placement.umPerPixel / field.umPerPixel - 1) < 0.01);

/**
 * Finds the place of a field: a pure step from state to state. By the stage, corrected by the cells in the overlap; else
 * by registering the picture with recent ones; else by the pattern of its cells; else in an area of its own.
 */
export const placeField = (
  before: PlacementState,
  field: CountedField,
  store: CellStore,
  options: CountingOptions,
): Placed => {
  const { state, umPerPixel } = withScale(before, field);
  const attempt = { field, store, options, umPerPixel };
  if (field.stagePositionUm !== undefined) {
    const placement = placeByStage(attempt, field.stagePositionUm);
    return { state: { ...state, stageUsed: true }, placement };
  }
  const picture = field.thumbnail === undefined ? undefined : preparePicture(field.thumbnail);
  const alike = state.recent.filter((recent) => fits(recent, field));
  const placement = placeByPicture(attempt, picture, alike) ?? placeByCells(attempt, alike[0]);
  const placed = placement === undefined ? placeApart(attempt, state, picture) : { state, placement };
  return remember(placed, picture, attempt);
};
