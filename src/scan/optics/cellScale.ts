import { CytoError, type Frame } from "../../core/index.js";
import type { Detection, DetectOptions, RedCellScale } from "../../detection/index.js";
import type { OpticsCalibration } from "../ports.js";

type Scale = Pick<OpticsCalibration, "objective" | "umPerPixel">;

/**
 * By how much the scale that red cells tell, whose sizes differ from person to person, may differ from the calibrated one. Objectives differ by
 * steps of half and more.
 */
const sameCellScale = 0.3;
/** Fields that the median is of, and those without which nothing is said. */
const remembered = 5;
const fewest = 3;
/** Fields between two searches that brought no doubt, at most: a search costs about ten fields. */
const longestRest = 32;

const isSame = (seenUmPerPixel: number, { umPerPixel }: Scale): boolean =>
  Math.abs(Math.log(seenUmPerPixel / umPerPixel)) <= Math.log(1 + sameCellScale);

/**
 * Holds the scale that red cells tell, um per pixel, against the calibration. Pure.
 * @throws CytoError OBJECTIVE_CHANGED
 */
export const checkCellScale = (scale: Scale, seenUmPerPixel: number): void => {
  if (isSame(seenUmPerPixel, scale)) return;
  const { objective, umPerPixel } = scale;
  throw new CytoError(
    "OBJECTIVE_CHANGED",
    `red cells look as at ${seenUmPerPixel.toFixed(3)} um per pixel, and ${objective} was calibrated at ${umPerPixel.toFixed(3)}`,
    { context: { umPerPixel, seenUmPerPixel } },
  );
};

export interface ObjectiveLook {
  /** The field where the stage stands; undefined where there is none. */
  take(): Promise<Frame | undefined>;
  detect(frame: Frame, signal: AbortSignal, options: Pick<DetectOptions, "redCells">): Promise<Detection>;
}

/**
 * Looks at one field, without a move, whether its red cells are as large as the calibration says. A field without red cells tells nothing, and
 * neither does a fault: what is wrong with camera or detector is told by what comes after.
 * @throws CytoError OBJECTIVE_CHANGED
 */
export const checkObjective = async (scale: Scale, look: ObjectiveLook, signal: AbortSignal): Promise<void> => {
  try {
    const frame = await look.take();
    if (frame === undefined) return;
    const known = { ...frame, umPerPixel: scale.umPerPixel };
    const { redCells } = await look.detect(known, signal, { redCells: "search" });
    if (redCells?.telling === true) checkCellScale(scale, redCells.umPerPixel);
  } catch (error) {
    if (signal.aborted || CytoError.from(error).code === "OBJECTIVE_CHANGED") throw error;
  }
};

const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1]!;

/**
 * Watches over a scan whether its red cells are as large as the calibration says. One field of odd cells, or without any, says nothing; the
 * median of several does. Does no I/O: it is told of each field in order.
 */
export class ScaleWatch {
  readonly #scale: Scale;
  #seen: number[] = [];
  #inDoubt = false;
  #rest = 0;
  #nextRest = 1;

  constructor(scale: Scale) {
    this.#scale = scale;
  }

  /** Whether the last field that told anything told another scale: what is seen until that is settled should not be counted. */
  get inDoubt(): boolean {
    return this.#inDoubt;
  }

  /** What to ask of the next field; every call is for another one. */
  ask(): "measure" | "search" {
    if (this.#inDoubt || this.#rest === 0) return "search";
    this.#rest--;
    return "measure";
  }

  /** @throws CytoError OBJECTIVE_CHANGED */
  observe({ umPerPixel, telling, searched }: RedCellScale): void {
    if (searched) {
      this.#rest = this.#nextRest;
      this.#nextRest = Math.min(2 * this.#nextRest, longestRest);
    } else if (telling) this.#nextRest = 1;
    if (!telling) return;
    this.#inDoubt = !isSame(umPerPixel, this.#scale);
    this.#seen = [...this.#seen, umPerPixel].slice(-remembered);
    if (this.#seen.length >= fewest) checkCellScale(this.#scale, median(this.#seen));
  }
}
