import { CytoError, type Frame } from "../../core/index.js";
import type { PointUm } from "../../counting/index.js";
import type { FocusMode, SlidePositionUm } from "../desk.js";
import type { FrameSource, OpticsCalibration, StageControl } from "../ports.js";
import { type FieldFocus, type FocusControl, slideMapping, uncalibrated } from "../run/index.js";
import { autofocus } from "./autofocus.js";
import { type FocusMap, type FocusPoint, focusMapThrough } from "./map.js";

export interface FocusControlOptions {
  readonly stage: StageControl;
  readonly frames: FrameSource;
  readonly calibration: () => OpticsCalibration | undefined;
}

/** How far the first search of a scan looks, and those that know about where, um to either side. */
const firstReachUm = 15;
const nextReachUm = 6;
/** Places of a map: so many across the longer side, at most; and a place every so many um. */
const mapSide = 4;
const mapSpacingUm = 900;
/** A field this much duller than the best lately is looked at again. */
const dullShare = 0.6;
const remembered = 20;
/** Fields between two searches for the sake of quality: where cells are sparse, searching again and again brings nothing. */
const restFields = 5;

/** Of a plan's places the ones nearest to a grid over them, each once. */
export const mapPlaces = (centres: readonly PointUm[]): readonly PointUm[] => {
  const [xs, ys] = [centres.map(({ x }) => x), centres.map(({ y }) => y)];
  const [left, right, top, bottom] = [xs, ys].flatMap((values) => [
    values.reduce((a, b) => Math.min(a, b)),
    values.reduce((a, b) => Math.max(a, b)),
  ]) as [number, number, number, number];
  const along = (length: number): number => Math.min(mapSide, 2 + Math.floor(length / mapSpacingUm));
  const [columns, rows] = [along(right - left), along(bottom - top)];
  const chosen = new Set<PointUm>();
  for (let row = 0; row < rows; row++)
    for (let step = 0; step < columns; step++) {
      // To and fro, so that the stage goes no way twice.
      const column = row % 2 === 0 ? step : columns - 1 - step;
      const place = {
        x: left + (column * (right - left)) / (columns - 1),
        y: top + (row * (bottom - top)) / (rows - 1),
      };
      const far = ({ x, y }: PointUm): number => (x - place.x) ** 2 + (y - place.y) ** 2;
      chosen.add(centres.reduce((nearest, centre) => (far(centre) < far(nearest) ? centre : nearest)));
    }
  return [...chosen];
};

class ScanFocus implements FocusControl {
  readonly #options: FocusControlOptions;
  #mode: Exclude<FocusMode, "none"> = "each";
  #map: FocusMap | undefined;
  /** What the newest search found against the map, um: the slide, or the room, grows warm. */
  #driftUm = 0;
  #lastUm: number | undefined;
  #sharpness: number[] = [];
  #dull = false;
  #rest = 0;

  constructor(options: FocusControlOptions) {
    this.#options = options;
  }

  async prepare(
    mode: Exclude<FocusMode, "none">,
    centres: readonly SlidePositionUm[],
    signal: AbortSignal,
  ): Promise<void> {
    this.#mode = mode;
    this.#map = undefined;
    this.#driftUm = 0;
    this.#lastUm = undefined;
    this.#sharpness = [];
    this.#dull = false;
    if (mode !== "map") return;
    const points: FocusPoint[] = [];
    let failure: unknown;
    for (const place of mapPlaces(centres)) {
      await this.#goTo(place, signal);
      try {
        const centreUm = points.length === 0 ? undefined : focusMapThrough(points).at(place);
        points.push({
          ...place,
          z: await this.#search(points.length === 0 ? firstReachUm : nextReachUm, signal, centreUm),
        });
      } catch (error) {
        // A place without cells tells nothing; another may.
        if (CytoError.from(error).code !== "FOCUS_FAILED") throw error;
        failure = error;
      }
    }
    if (points.length === 0) throw failure ?? new CytoError("FOCUS_FAILED", "there are no places to find the focus at");
    this.#map = focusMapThrough(points);
  }

  predict(position: SlidePositionUm): number | undefined {
    return this.#map === undefined ? this.#lastUm : this.#map.at(position) + this.#driftUm;
  }

  async atField(position: SlidePositionUm, signal: AbortSignal): Promise<FieldFocus | undefined> {
    const due = this.#mode === "each" || this.#dull;
    if (!due) return undefined;
    this.#dull = false;
    this.#rest = restFields;
    const first = this.#lastUm === undefined && this.#map === undefined;
    try {
      const zUm = await this.#search(first ? firstReachUm : nextReachUm, signal);
      if (this.#map !== undefined) this.#driftUm = zUm - this.#map.at(position);
      this.#lastUm = zUm;
      return { zUm, refocused: true };
    } catch (error) {
      // One field without cells does not end a scan whose focus is about known.
      if (first || CytoError.from(error).code !== "FOCUS_FAILED") throw error;
      return undefined;
    }
  }

  quality(_frame: Frame, sharpness: number): void {
    this.#rest = Math.max(0, this.#rest - 1);
    const usual = [...this.#sharpness].sort((a, b) => a - b)[Math.floor(0.75 * this.#sharpness.length)];
    this.#dull =
      this.#rest === 0 && usual !== undefined && this.#sharpness.length >= 4 && sharpness < dullShare * usual;
    this.#sharpness = [...this.#sharpness, sharpness].slice(-remembered);
  }

  async #goTo(place: PointUm, signal: AbortSignal): Promise<void> {
    const calibration = this.#options.calibration();
    const mapping = calibration === undefined ? uncalibrated : slideMapping(calibration);
    await this.#options.stage.moveTo(mapping.toStage(place), signal);
  }

  async #search(reachUm: number, signal: AbortSignal, centreUm?: number): Promise<number> {
    const { stage, frames } = this.#options;
    const { zUm } = await autofocus({
      stage,
      frames,
      reachUm,
      signal,
      ...(centreUm === undefined ? {} : { centreUm }),
    });
    return zUm;
  }
}

/** The focus of scans: each field for itself, or by a map, looked for again where pictures grow dull. */
export const createFocusControl = (options: FocusControlOptions): FocusControl => new ScanFocus(options);
