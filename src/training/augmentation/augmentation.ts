import type { CellClass, LabelledCell, Random } from "../../core/index.js";
import { CytoError, cellClasses, densityClasses, densityClassOf } from "../../core/index.js";
import type { Picture } from "../../pictures/index.js";
import type { StoredField } from "../datasets/fieldPictures.js";

/** Stands in the place of a painter's folder: real cells are cut out by their outlines and pasted into real fields. */
export const copyPaste = "copy-paste";

/** Fields that nobody labelled, made to be learnt from beside the real ones. */
export interface Augmentation {
  /** Folder of a painter's model, or `copy-paste`. */
  readonly painter: string;
  /** Part of the samples that is made, over 0; 1 leaves the real ones out. */
  readonly ratio: number;
  /**
   * Folder of a data set in whose stains fields are made: those of the pictures of its training split, whose labels are
   * not looked at. Default: the stains of the fields that are trained on.
   */
  readonly stains?: string | undefined;
  /** Fields that are made before the first step; default by ratio and number of samples. */
  readonly fields?: number | undefined;
  /** Threads of the painter; default onnxruntime's own choice. */
  readonly threads?: number | undefined;
}

/** @throws CytoError USAGE for a ratio that cannot be one */
export const requireRatio = (ratio: number): number => {
  if (ratio > 0 && ratio <= 1) return ratio;
  throw new CytoError("USAGE", `the painted part of the samples is ${ratio}: over 0 and at most 1 is due`);
};

/** What a made field is to be. */
export interface WantedField {
  /** Number of the field in its pool, from 0. */
  readonly index: number;
  /** Decides everything random about it. */
  readonly random: Random;
  /** Greatest side, px at 32 px a red cell. */
  readonly sidePx: number;
  /** Classes of which it shall show a cell; leukocytes are of these alone where the mask is drawn. */
  readonly classes?: readonly CellClass[] | undefined;
}

/** Makes labelled fields. Owner of native memory where it paints: dispose it. */
export interface FieldMaker extends AsyncDisposable {
  /** What decides its fields, for fingerprints; JSON-serialisable. */
  readonly identity: unknown;
  make(wanted: WantedField): Promise<StoredField>;
}

/** A made picture with its labels as a field of a sampler. */
export const storedFieldOf = (
  picture: Picture,
  cells: readonly LabelledCell[],
  { id, redCellPx }: { readonly id: string; readonly redCellPx: number },
): StoredField => ({
  id,
  dataset: "painted",
  width: picture.width,
  height: picture.height,
  pixels: picture.pixels,
  redCellPx,
  boxes: Float32Array.from(cells.flatMap(({ box }) => [box.left, box.top, box.right, box.bottom])),
  classes: Uint8Array.from(cells, ({ cellClass }) => densityClasses.indexOf(densityClassOf(cellClass))),
  cellClasses: Uint8Array.from(cells, ({ cellClass }) => cellClasses.indexOf(cellClass)),
  incomplete: densityClasses.map(() => false),
});

/** Each made field is varied anew about so often. */
const reuse = 10;
const [fewestFields, mostFields] = [16, 600];
/** A training by the clock is taken to make so many steps a minute. */
const stepsPerMinute = 90;

/** Number of fields to make for a training. */
export const poolSize = (
  { ratio, fields }: Augmentation,
  { batch, duration }: { batch: number; duration: { readonly steps: number } | { readonly minutes: number } },
): number => {
  if (fields !== undefined) return fields;
  const steps = "steps" in duration ? duration.steps : duration.minutes * stepsPerMinute;
  return Math.min(Math.max(Math.ceil((ratio * steps * batch) / reuse), fewestFields), mostFields);
};
