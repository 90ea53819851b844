import { defer, map, type OperatorFunction } from "rxjs";
import type { Frame } from "../core/index.js";
import type { Detection } from "../detection/index.js";
import { type Counter, createCounter } from "./counter.js";
import type { Counts } from "./counts.js";
import type { CountedField, FieldOutcome, PlacedCell } from "./field.js";
import { type CountingOptions, countingOptions } from "./options.js";
import { luminanceThumbnail, type Thumbnail } from "./thumbnail.js";

/** What the station takes in: a frame and what the detector found in it. */
export interface DetectedField {
  readonly frame: Frame;
  readonly detection: Detection;
  /** Made before the frame's pixels were handed on; without it, it is made from the pixels if they are there. */
  readonly thumbnail?: Thumbnail;
}

/** What the station adds to it. */
export interface CountedResult {
  readonly counts: Counts;
  readonly placedCells: readonly PlacedCell[];
  readonly outcome: FieldOutcome;
}

export interface CountStationOptions extends Partial<CountingOptions> {
  /** A counter to go on with, as from `restoreCounter`; otherwise each subscription starts an empty one. */
  readonly counter?: Counter;
}

const toField = (detected: DetectedField, thumbnailPx: number): CountedField => {
  const { frame, detection } = detected;
  const { scale, models } = detection;
  const { stagePositionUm } = frame;
  const needed = stagePositionUm === undefined;
  const thumbnail = needed ? (detected.thumbnail ?? luminanceThumbnail(frame, thumbnailPx)) : undefined;
  return {
    sequence: frame.sequence,
    widthPx: frame.width,
    heightPx: frame.height,
    umPerPixel: scale.umPerPixel,
    scaleOrigin: scale.origin,
    cells: detection.cells,
    simulated: frame.simulated,
    models: models.classifier === undefined ? [models.detector] : [models.detector, models.classifier],
    ...(stagePositionUm === undefined ? {} : { stagePositionUm }),
    ...(thumbnail === undefined ? {} : { thumbnail }),
  };
};

/**
 * The station: each detected field in, the same with the counts after it out. Synchronous, one out for one in, in order.
 * @throws CytoError CONFIG_INVALID for an option out of its range
 */
export const count = <Detected extends DetectedField>(
  options: CountStationOptions = {},
): OperatorFunction<Detected, Detected & CountedResult> => {
  const { counter: given, ...rest } = options;
  const { thumbnailPx } = countingOptions(rest);
  return (detected$) =>
    defer(() => {
      const counter = given ?? createCounter(rest);
      return detected$.pipe(
        map((detected) => {
          const outcome = counter.add(toField(detected, thumbnailPx));
          return { ...detected, outcome, placedCells: outcome.placedCells, counts: counter.snapshot() };
        }),
      );
    });
};
