import { z } from "zod";
import {
  type Cell,
  cellClasses,
  densityClasses,
  type ErrorCode,
  errorTable,
  leukocyteClasses,
} from "../../core/index.js";
import type { CountedField } from "../../counting/index.js";
import { focusModes, scanStates } from "../desk.js";
import { scanPlanSchema } from "../plan/index.js";
import { stopRulesSchema } from "../stopping/index.js";

/** `scan.json`: what a scan is, written once, before anything moves. */
export const scanHeaderSchema = z.strictObject({
  version: z.literal(1),
  id: z.string(),
  slide: z.string(),
  setup: z.strictObject({
    camera: z.string(),
    stage: z.string(),
    objective: z.string(),
    umPerPixel: z.number().positive(),
    fieldWidthPx: z.int().positive(),
    fieldHeightPx: z.int().positive(),
    simulated: z.boolean(),
  }),
  plan: scanPlanSchema,
  stop: stopRulesSchema,
  focus: z.enum(focusModes),
  by: z.string(),
  startedAtMs: z.number(),
  /** Of the whole scan: calibrated again meanwhile, its fields still lie in one plane. */
  calibration: z.strictObject({
    objective: z.string(),
    umPerPixel: z.number().positive(),
    toSlide: z.tuple([z.number(), z.number(), z.number(), z.number()]),
    rotationDegrees: z.number(),
    mirrored: z.boolean(),
    residualPx: z.number(),
    fieldWidthPx: z.int().positive(),
    fieldHeightPx: z.int().positive(),
    atMs: z.number(),
  }),
  /** Options of the counter, all of them: a replay counts as the scan did. */
  counting: z.strictObject({
    level: z.number(),
    stageErrorUm: z.number(),
    matchShare: z.record(z.enum(densityClasses), z.number()),
    matchFloorUm: z.number(),
    minSeenShare: z.number(),
    guardUm: z.number(),
    borderTolerancePx: z.number(),
    repeatedOverlap: z.number(),
    thumbnailPx: z.number(),
    recentPictures: z.number(),
    maxCells: z.number(),
  }),
  pictures: z.strictObject({ quality: z.int(), maxSidePx: z.int() }),
});
export type ScanHeader = z.output<typeof scanHeaderSchema>;

const point = z.strictObject({ x: z.number(), y: z.number() });
const index = z.int().nonnegative();
const codes = Object.keys(errorTable) as [ErrorCode, ...ErrorCode[]];

/** A field that is done, with all that the counter needs to count it again. */
const fieldEntry = z.strictObject({
  kind: z.literal("field"),
  /** Its number in the plan: rows come in order, without gaps. */
  index,
  atMs: z.number(),
  /** Time that the scan has run. */
  activeMs: z.number(),
  capturedAtMs: z.number(),
  /** Where the stage said it stood, its own coordinates. */
  stageUm: z.strictObject({ x: z.number(), y: z.number(), z: z.number().optional() }),
  /** The same on the slide. */
  positionUm: point,
  widthPx: z.int().positive(),
  heightPx: z.int().positive(),
  umPerPixel: z.number().positive(),
  scaleOrigin: z.enum(["frame", "config", "estimated"]),
  simulated: z.boolean(),
  source: z.string(),
  models: z.array(z.strictObject({ name: z.string(), version: z.string(), sha256: z.string() })),
  sharpness: z.number(),
  refocused: z.boolean(),
  /** Cells as rows of numbers: see `packCell`. */
  cells: z.array(z.array(z.number())),
});
export type FieldEntry = z.output<typeof fieldEntry>;

const coarseEntry = z.strictObject({
  kind: z.literal("coarse"),
  index,
  atMs: z.number(),
  activeMs: z.number(),
  /** Where the stage stood; its picture is kept where this is known. */
  stageUm: z.strictObject({ x: z.number(), y: z.number(), z: z.number().optional() }).optional(),
  layer: z.strictObject({ perMm2: z.number(), coveredShare: z.number(), overlappingShare: z.number() }),
});

export type CoarseEntry = z.output<typeof coarseEntry>;

const stateEntry = z.strictObject({
  kind: z.literal("state"),
  state: z.enum(scanStates),
  atMs: z.number(),
  activeMs: z.number(),
  endedBy: z.string().optional(),
  failure: z.strictObject({ code: z.enum(codes), message: z.string() }).optional(),
});
export type StateEntry = z.output<typeof stateEntry>;

/** A line of a scan's journal. */
export const scanEntrySchema = z.discriminatedUnion("kind", [fieldEntry, coarseEntry, stateEntry]);
export type ScanEntry = z.output<typeof scanEntrySchema>;

const hundredth = (value: number): number => Math.round(value * 100) / 100;
const tenThousandth = (value: number): number => Math.round(value * 1e4) / 1e4;

/**
 * A cell as a row: class and density class by their numbers in `cellClasses` and `densityClasses`; centre x, y and box left, top, right, bottom, px;
 * confidence; mass; then the probabilities in the order of `leukocyteClasses`, if any. Rounded to 0.01 px and 0.0001: the scan counts
 * what it has written, so that a replay counts the same.
 */
export const packCell = (cell: Cell): number[] => {
  const { centre, box, leukocyteProbabilities } = cell;
  return [
    cellClasses.indexOf(cell.cellClass),
    densityClasses.indexOf(cell.densityClass),
    ...[centre.x, centre.y, box.left, box.top, box.right, box.bottom].map(hundredth),
    tenThousandth(cell.confidence),
    hundredth(cell.mass),
    ...(leukocyteProbabilities === undefined
      ? []
      : leukocyteClasses.map((name) => tenThousandth(leukocyteProbabilities[name]))),
  ];
};

const probabilitiesAt = 10;

export const unpackCell = (row: readonly number[]): Cell => {
  const [cellClass = 0, densityClass = 0, x = 0, y = 0, left = 0, top = 0, right = 0, bottom = 0] = row;
  const probabilities = row.slice(probabilitiesAt);
  const named = leukocyteClasses.map((name, at) => [name, probabilities[at] ?? 0] as const);
  return {
    cellClass: cellClasses[cellClass]!,
    densityClass: densityClasses[densityClass]!,
    centre: { x, y },
    box: { left, top, right, bottom },
    confidence: row[8] ?? 0,
    mass: row[9] ?? 0,
    ...(probabilities.length === 0
      ? {}
      : { leukocyteProbabilities: Object.fromEntries(named) as NonNullable<Cell["leukocyteProbabilities"]> }),
  };
};

/** Cells whose numbers are none cannot be written, and are no cells. */
export const packCells = (cells: readonly Cell[]): number[][] =>
  cells.map(packCell).filter((row) => row.every(Number.isFinite));

/** What the counter takes in of a field that is written down. */
export const countedFieldOf = (entry: FieldEntry): CountedField => ({
  sequence: entry.index,
  widthPx: entry.widthPx,
  heightPx: entry.heightPx,
  umPerPixel: entry.umPerPixel,
  scaleOrigin: entry.scaleOrigin,
  stagePositionUm: entry.positionUm,
  cells: entry.cells.map(unpackCell),
  simulated: entry.simulated,
  models: entry.models,
});
