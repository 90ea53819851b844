import type { CellClass } from "../../core/index.js";
import type { Counts } from "../../counting/index.js";
import { concentrationFor, type SequenceSettings, sequenceLimits } from "./confidenceSequence.js";
import type { StopRules } from "./rules.js";

/** Limits of a class of the five-part differential, percent of it. */
export interface ClassLimits {
  readonly cellClass: CellClass;
  readonly count: number;
  /** Null before any cell. */
  readonly percent: number | null;
  readonly low: number;
  readonly high: number;
}

/** Limits of all classes together: that all of them hold, at every look and so at the end too, has at least the chance `level`. */
export interface DifferentialLimits {
  readonly level: number;
  readonly method: "beta-binomial confidence sequence";
  /** Leukocytes of the differential. */
  readonly total: number;
  readonly classes: readonly ClassLimits[];
  /** The farthest limit from its figure, percent; null before any cell. */
  readonly halfWidthPercent: number | null;
}

export type LimitsRule = NonNullable<StopRules["limits"]>;

/** The rule's alpha is shared out among the classes (Bonferroni): together they fail no more often than that. */
export const settingsFor = ({ halfWidthPercent, level }: LimitsRule, classes: number): SequenceSettings => {
  const alpha = (1 - level) / classes;
  return { alpha, concentration: concentrationFor(halfWidthPercent / 100, alpha) };
};

export const differentialLimits = (
  rule: LimitsRule,
  { classes, total }: Pick<Counts["differential"]["five"], "classes" | "total">,
): DifferentialLimits => {
  const settings = settingsFor(rule, classes.length);
  const limits = classes.map(({ cellClass, count }): ClassLimits => {
    const { low, high } = sequenceLimits(count, total, settings);
    return { cellClass, count, percent: total === 0 ? null : (100 * count) / total, low: 100 * low, high: 100 * high };
  });
  const widths = limits.flatMap(({ percent, low, high }) =>
    percent === null ? [] : [Math.max(percent - low, high - percent)],
  );
  return {
    level: rule.level,
    method: "beta-binomial confidence sequence",
    total,
    classes: limits,
    halfWidthPercent: widths.length === 0 ? null : Math.max(...widths),
  };
};
