import { differentialFive } from "../../core/index.js";
import type { Counts } from "../../counting/index.js";
import { type DifferentialLimits, differentialLimits } from "./differentialLimits.js";
import type { StopProgress, StopRules } from "./rules.js";

/** What the rules look at. */
export interface ScanSoFar {
  readonly fieldsDone: number;
  /** Time during which the scan ran, pauses not among it. */
  readonly activeMs: number;
  /** Absent before the first field. */
  readonly counts?: Counts | undefined;
}

export interface StopVerdict {
  /** One for each rule that was given. */
  readonly progress: readonly StopProgress[];
  /** A sentence on the first rule that is met; undefined where none is. */
  readonly endedBy?: string;
  /** Where limits were asked for. */
  readonly limits?: DifferentialLimits;
}

/** Leukocytes proper: erythroblasts are nucleated, but no leukocytes. */
const leukocytesOf = (counts: Counts | undefined): number =>
  counts === undefined ? 0 : counts.classes.leukocyte.count - counts.classes.erythroblast.count;

const noCells = {
  classes: differentialFive.map((cellClass) => ({ cellClass, count: 0, percent: null })),
  total: 0,
};

const atLeast = (rule: StopProgress["rule"], value: number, goal: number): StopProgress => ({
  rule,
  value,
  goal,
  met: value >= goal,
});

const sentences: Readonly<Record<StopProgress["rule"], (goal: number) => string>> = {
  leukocytes: (goal) => `${goal} leukocytes are counted`,
  fields: (goal) => `${goal} fields are counted`,
  areaMm2: (goal) => `${goal} mm2 are counted`,
  minutes: (goal) => `it ran for ${goal} minutes`,
  limits: (goal) => `the confidence limits of every class lie within ${goal} percent`,
};

/** How far each rule is; the same for the same counts. */
export const evaluateStop = (rules: StopRules, soFar: ScanSoFar): StopVerdict => {
  const { counts } = soFar;
  const progress: StopProgress[] = [];
  if (rules.leukocytes !== undefined) progress.push(atLeast("leukocytes", leukocytesOf(counts), rules.leukocytes));
  if (rules.fields !== undefined) progress.push(atLeast("fields", soFar.fieldsDone, rules.fields));
  if (rules.areaMm2 !== undefined) progress.push(atLeast("areaMm2", counts?.areaMm2 ?? 0, rules.areaMm2));
  if (rules.minutes !== undefined) progress.push(atLeast("minutes", soFar.activeMs / 60_000, rules.minutes));
  let limits: DifferentialLimits | undefined;
  if (rules.limits !== undefined) {
    limits = differentialLimits(rules.limits, counts?.differential.five ?? noCells);
    const { halfWidthPercent: value } = limits;
    const goal = rules.limits.halfWidthPercent;
    progress.push({ rule: "limits", value, goal, met: value !== null && value <= goal });
  }
  const met = progress.find((one) => one.met);
  return {
    progress,
    ...(met === undefined ? {} : { endedBy: sentences[met.rule](met.goal) }),
    ...(limits === undefined ? {} : { limits }),
  };
};
