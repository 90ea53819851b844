import type { StageAxis, StageLimitsUm, StagePositionUm, StageTargetUm } from "../../../drivers/index.js";
import { CytoError } from "../../core/index.js";

export type PlayUm = Readonly<Record<StageAxis, number>>;

const axes = ["x", "y", "z"] as const;

/** By how much further off than its play an axis begins its approach. */
const margin = 1.5;

/**
 * How an axis came to where it is: only after a rising way is its play taken up. Undefined: not known, as after opening.
 */
export type Approached = Partial<Readonly<Record<StageAxis, "rising">>>;

export interface Approach {
  /** The places to go to, one after the other: one or two. */
  readonly legs: readonly StageTargetUm[];
  readonly approached: Approached;
}

interface Situation {
  readonly now: StagePositionUm;
  readonly approached: Approached;
  readonly playUm: PlayUm;
  readonly limitsUm: StageLimitsUm;
}

const outside = (axis: StageAxis, wanted: number, why: string): CytoError =>
  new CytoError("STAGE_LIMIT", `${axis} ${wanted.toFixed(1)} um ${why}.`, { context: { axis, wanted } });

const checkLimits = (target: StageTargetUm, limitsUm: StageLimitsUm, why: string): void => {
  for (const axis of axes) {
    const [wanted, range] = [target[axis], limitsUm[axis]];
    if (wanted === undefined) continue;
    if (!Number.isFinite(wanted)) throw outside(axis, wanted, "is no place");
    if (range !== undefined && (wanted < range.min || wanted > range.max)) throw outside(axis, wanted, why);
  }
};

/**
 * The way to a target such that every axis with play arrives rising: a falling axis, or one that is not known to have come rising, goes
 * further off first. Pure.
 * @throws CytoError STAGE_LIMIT where the target, or the place from which it is approached, lies outside of the limits
 */
export const approach = (target: StageTargetUm, { now, approached, playUm, limitsUm }: Situation): Approach => {
  checkLimits(target, limitsUm, "is outside of the limits");
  const before: Partial<Record<StageAxis, number>> = {};
  const risen: Partial<Record<StageAxis, "rising">> = { ...approached };
  for (const axis of axes) {
    const wanted = target[axis];
    if (wanted === undefined || playUm[axis] === 0) continue;
    const from = now[axis] ?? Number.POSITIVE_INFINITY;
    const settled = wanted === from && approached[axis] === "rising";
    const rises = wanted > from && (approached[axis] === "rising" || wanted - from >= playUm[axis]);
    if (!settled && !rises) before[axis] = wanted - margin * playUm[axis];
    risen[axis] = "rising";
  }
  if (Object.keys(before).length === 0) return { legs: [target], approached: risen };
  checkLimits(
    before,
    limitsUm,
    "is outside of the limits, and the target is approached from there to take up the play",
  );
  return { legs: [{ ...target, ...before }, target], approached: risen };
};
