import { median } from "./redCells.js";
import { disagreement, enoughRedCells } from "./search.js";

/** What is assumed of the next frame of a source. */
export interface ScaleAssumption {
  /** Diameter of a red cell, px of the frame; undefined where nothing is known yet. */
  readonly redCellPx: number | undefined;
  /** Whether a frame with too few red cells may be searched over all scales, which costs several inferences. */
  readonly maySearch: boolean;
}

const remembered = 31;
const sourcesRemembered = 64;
const framesBetweenSearches = 30;
const sameScale = 0.15;

interface History {
  diametersPx: number[];
  framesSinceSearch: number;
  /** Whether the last frame had red cells enough: when they are gone at once, the objective may have changed. */
  hadEnough: boolean;
}

/**
 * Scale per source over time: the running median of what the red cells of its last 31 frames measure, so that one field
 * of odd cells does not move it. A measurement that is off by more than 15 % means another objective: the history starts
 * anew with it. At most 64 sources are remembered, the least recently seen is forgotten.
 */
export class ScaleTracker {
  readonly #histories = new Map<string, History>();

  assume(source: string): ScaleAssumption {
    const history = this.#histories.get(source);
    if (!history) return { redCellPx: undefined, maySearch: true };
    const redCellPx = history.diametersPx.length > 0 ? median(history.diametersPx) : undefined;
    return { redCellPx, maySearch: history.hadEnough || history.framesSinceSearch >= framesBetweenSearches };
  }

  /**
   * Takes in what a frame measured.
   * @param diameterPx median of its red cells, NaN without any
   * @param searched whether all scales were searched for it
   */
  observe(source: string, seen: { diameterPx: number; count: number; searched: boolean }): void {
    const history = this.#histories.get(source) ?? { diametersPx: [], framesSinceSearch: 0, hadEnough: false };
    this.#histories.delete(source);
    this.#histories.set(source, history);
    if (this.#histories.size > sourcesRemembered) this.#histories.delete(this.#histories.keys().next().value as string);
    history.framesSinceSearch = seen.searched ? 0 : history.framesSinceSearch + 1;
    history.hadEnough = seen.count >= enoughRedCells && seen.diameterPx > 0;
    if (!history.hadEnough) return;
    const known = median(history.diametersPx);
    if (disagreement(seen.diameterPx, known) > sameScale) history.diametersPx = [];
    history.diametersPx.push(seen.diameterPx);
    if (history.diametersPx.length > remembered) history.diametersPx.shift();
  }
}
