import { CytoError } from "../../core/index.js";
import type { FocusReport } from "../desk.js";
import type { FrameSource, StageControl } from "../ports.js";
import { type FocusRange, type FocusSample, nextFocusStep } from "./search.js";
import { sharpnessOf } from "./sharpness.js";

export interface AutofocusOptions {
  readonly stage: StageControl;
  readonly frames: FrameSource;
  /** How far to either side of where it stands, um. */
  readonly reachUm: number;
  /** Middle of the range, um; where the stage stands unless given. */
  readonly centreUm?: number;
  readonly signal?: AbortSignal;
}

/**
 * Brings the field into focus: at most ten pictures, then the stage stands at the best plane. Where none is found it goes back.
 * @throws CytoError FOCUS_FAILED, STAGE_UNSUPPORTED without a focus drive, and the stage's and the camera's codes
 */
export const autofocus = async (options: AutofocusOptions): Promise<FocusReport> => {
  const { stage, frames, reachUm, signal } = options;
  if (!stage.hasFocus) throw new CytoError("STAGE_UNSUPPORTED", `The stage ${stage.name} has no focus drive.`);
  const home = stage.status.positionUm?.z;
  const centreUm = options.centreUm ?? home;
  if (centreUm === undefined) throw new CytoError("STAGE_UNREFERENCED", "the stage has not told how high it is");
  const range: FocusRange = { centreUm, reachUm };
  const samples: FocusSample[] = [];
  const search = async (): Promise<FocusReport> => {
    for (;;) {
      const step = nextFocusStep(samples, range);
      if (step.kind === "none") throw new CytoError("FOCUS_FAILED", step.why, { context: { samples } });
      const { z = step.zUm } = await stage.moveTo({ z: step.zUm }, signal);
      if (step.kind === "found") {
        const sharpness = Math.max(...samples.map((sample) => sample.sharpness));
        return { zUm: z, sharpness, frames: samples.length };
      }
      samples.push({ zUm: z, sharpness: sharpnessOf(await frames.take(signal)) });
    }
  };
  try {
    return await search();
  } catch (error) {
    const { code } = CytoError.from(error);
    // A range that reaches beyond the limits ends as a search that finds nothing; after any other fault nothing moves.
    const wentInVain = samples.length > 0 && (code === "FOCUS_FAILED" || code === "STAGE_LIMIT");
    if (wentInVain && home !== undefined) await stage.moveTo({ z: home }, signal);
    throw error;
  }
};
