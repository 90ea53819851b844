import { CytoError, type DensityClass } from "../core/index.js";

export interface CountingOptions {
  /** Two-sided confidence level of all limits. */
  readonly level: number;
  /** Largest error of a stage position; cells in the overlap may move a field by at most this. 0: take it as it is. */
  readonly stageErrorUm: number;
  /** Two views are of the same cell when they are closer than this share of its diameter. */
  readonly matchShare: Readonly<Record<DensityClass, number>>;
  /** The least such distance, for small cells. */
  readonly matchFloorUm: number;
  /** A cell counts when at least this share of the fields that show its place whole have seen it. */
  readonly minSeenShare: number;
  /** The counting frame is drawn in by this at the left and the top of each field. */
  readonly guardUm: number;
  /** A cell this close to a border of its field is taken as cut by it. */
  readonly borderTolerancePx: number;
  /** A field that shares at least this much with an earlier one is the same field again. */
  readonly repeatedOverlap: number;
  /** Longer side of the thumbnails that the station makes for registration. */
  readonly thumbnailPx: number;
  /** Pictures kept for registration, newest first. */
  readonly recentPictures: number;
  /**
   * Cells remembered by place. When there are more, the places of the older half are forgotten; what was counted stays
   * counted, but seen again after that it is counted again, area and all.
   */
  readonly maxCells: number;
}

export const defaultCountingOptions: CountingOptions = {
  level: 0.95,
  stageErrorUm: 5,
  matchShare: { erythrocyte: 0.4, leukocyte: 0.4, platelet: 0.5 },
  matchFloorUm: 1.2,
  minSeenShare: 0.25,
  guardUm: 0,
  borderTolerancePx: 2,
  repeatedOverlap: 0.98,
  thumbnailPx: 128,
  recentPictures: 2,
  maxCells: 1_500_000,
};

const within = (low: number, high: number) => (value: number) => value >= low && value <= high;

const ranges: Record<Exclude<keyof CountingOptions, "matchShare">, (value: number) => boolean> = {
  level: (value) => value > 0 && value < 1,
  stageErrorUm: within(0, 1000),
  matchFloorUm: within(0, 100),
  minSeenShare: within(0, 1),
  guardUm: within(0, 1000),
  borderTolerancePx: within(0, 100),
  repeatedOverlap: (value) => value > 0 && value <= 1,
  thumbnailPx: within(16, 1024),
  recentPictures: (value) => Number.isInteger(value) && value >= 1 && value <= 64,
  maxCells: (value) => Number.isInteger(value) && value >= 1000 && value <= 50_000_000,
};

/** @throws CytoError CONFIG_INVALID naming the option that is out of its range */
export const countingOptions = (given: Partial<CountingOptions> = {}): CountingOptions => {
  const options = { ...defaultCountingOptions, ...given };
  for (const [name, valid] of Object.entries(ranges) as [keyof typeof ranges, (value: number) => boolean][]) {
    if (!valid(options[name])) throw new CytoError("CONFIG_INVALID", `counting option ${name} is out of range`);
  }
  for (const [name, share] of Object.entries(options.matchShare)) {
    if (!within(0, 2)(share))
      throw new CytoError("CONFIG_INVALID", `counting option matchShare.${name} is out of range`);
  }
  return options;
};
