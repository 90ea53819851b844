import type { ClassComparison, GateReport } from "../desk.js";
import { pairedInterval, permutationTail, scoreOfEqual } from "./paired.js";
import { studentQuantile } from "./studentT.js";
import { type ModelTallies, type PairedTallies, type PairedUnit, pairTallies, sumOf } from "./tallies.js";

export interface GateQuestion {
  /** `name@version` of both. */
  readonly candidate: string;
  readonly active: string;
  readonly tallies: { readonly candidate: ModelTallies; readonly active: ModelTallies };
  /** Level of this test, from `nextLevel`. */
  readonly alpha: number;
  /** Points of P by which no class may be worse. */
  readonly marginPoints: number;
  readonly atMs: number;
}

/** Classes that have too few cells, taken together. */
export const fewCells = "few-cells";
/** In a class that is only watched a loss counts as shown from this level on. */
const watchLevel = 0.05;
/** Errors that one of two good models makes and the other does not, a cell. */
const usualDiscordance = 0.08;
/** Standard errors over the critical value that give a power of 80 %. */
const powerMargin = 0.84;
const manyUnits = 200;

/** Cells from which on a candidate as good as the active model passes the test of the margin four times of five. */
export const cellsNeeded = (alpha: number, marginPoints: number): number => {
  if (marginPoints === 0) return Number.POSITIVE_INFINITY;
  const critical = studentQuantile(alpha, manyUnits) + powerMargin;
  return Math.ceil((critical ** 2 * usualDiscordance) / (marginPoints / 100) ** 2);
};

const signed = (points: number): string => `${points < 0 ? "-" : "+"}${Math.abs(points).toFixed(2)}`;
const spoken = ({ difference, low, high }: ClassComparison): string =>
  `${signed(difference)} points [${signed(low)}, ${signed(high)}]`;

interface Verdict {
  readonly comparison: ClassComparison;
  readonly refusal?: string;
}

type Rule = Pick<GateQuestion, "alpha" | "marginPoints">;

/** Not worse by the margin: shown, where there are cells enough for that; else not seen to be. */
const judgeMargin = (name: string, where: string, units: readonly PairedUnit[], rule: Rule): Verdict => {
  const { cells } = sumOf(units);
  const tested = cells >= cellsNeeded(rule.alpha, rule.marginPoints);
  const comparison = { cellClass: name, ...pairedInterval(units, rule.alpha), cells, tested };
  const { difference, low } = comparison;
  const least = -rule.marginPoints;
  if (tested)
    return low > least
      ? { comparison }
      : {
          comparison,
          refusal: `${name} on ${where} may be worse by more than ${rule.marginPoints} points: ${spoken(comparison)}`,
        };
  const worse = difference < least && scoreOfEqual(units) < -studentQuantile(watchLevel, manyUnits);
  if (!worse) return { comparison };
  const seen = `${name} on ${where} was seen to be worse by more than ${rule.marginPoints} points`;
  return { comparison, refusal: `${seen}: ${signed(difference)} of ${cells} cells, too few for more than watching` };
};

const judgeClasses = (paired: PairedTallies, where: string, rule: Rule): Verdict[] => {
  const named = [...paired.classes].filter(([, units]) => units.some(({ cells, gain }) => cells > 0 || gain !== 0));
  const verdicts = named.map(([name, units]) => judgeMargin(name, where, units, rule));
  const few = named.filter((_class, index) => verdicts[index]!.comparison.tested === false);
  if (few.length > 1)
    verdicts.push(
      judgeMargin(
        fewCells,
        where,
        few.flatMap(([, units]) => units),
        rule,
      ),
    );
  return verdicts;
};

/** Better on the validation fields: shown by the interval and by the permutation test. */
const judgePooled = ({ pooled }: PairedTallies, alpha: number): Verdict => {
  const { cells } = sumOf(pooled);
  const comparison = { cellClass: "pooled", ...pairedInterval(pooled, alpha), cells, tested: true };
  const chance = permutationTail(pooled);
  if (comparison.low >= 0 && comparison.difference > 0 && chance <= alpha) return { comparison };
  const level = `${alpha.toPrecision(2)} is due`;
  return {
    comparison,
    refusal: `not shown to be better on the validation fields: ${spoken(comparison)}, permutation test p = ${chance.toPrecision(2)} where ${level}`,
  };
};

/**
 * Compares a candidate with the model in production. Promoted only where all of this holds:
 *
 * 1. *Superiority.* "P pooled over the validation fields is not better" is refused at level `alpha`, by an exact sign-flip permutation test
 *    and by a score interval that allows for errors that cluster in fields. So a candidate that is worse, or only equal, is promoted
 *    with a chance of at most `alpha`.
 * 2. *Non-inferiority.* "Worse by `marginPoints` or more" is refused at level `alpha` for every class of the validation fields, and on the
 *    old fields for every class and pooled. All must be refused, so the chance of promoting where any of them is true stays at most
 *    `alpha` (intersection-union test).
 * 3. *Too few cells.* A class in which an equal candidate would fail 2. by chance more than one time in five (`cellsNeeded`) is watched
 *    instead: it keeps the candidate out where P was seen to fall by more than the margin and chance makes such a fall one time in 20. All
 *    classes that are watched are judged once more together. Watching limits harm, it is no test at level `alpha`: `tested` says which it was.
 *
 * Pure: equal tallies give equal reports.
 */
export const judgeCandidate = (question: GateQuestion): GateReport => {
  const { candidate, active, tallies, alpha, atMs } = question;
  const validation = pairTallies(tallies.candidate.validation, tallies.active.validation);
  const old = pairTallies(tallies.candidate.old, tallies.active.old);
  const fields = { validation: validation.fields, old: old.fields };
  const head = { candidate, active, alpha, fields, atMs };
  // With nothing left to spend, the figures are still told, at the level of one test in a thousand.
  const shownAlpha = alpha > 0 ? alpha : 0.001;
  const rule = { alpha: shownAlpha, marginPoints: question.marginPoints };
  const pooled = judgePooled(validation, shownAlpha);
  const classes = judgeClasses(validation, "the validation fields", rule);
  const oldPooled = judgeMargin("pooled", "the old fields", old.pooled, rule);
  const oldClasses = judgeClasses(old, "the old fields", rule);
  const spent = alpha > 0 ? [] : ["the tests of the last 365 days have used up the year's alpha"];
  const refusals = [pooled, ...classes, oldPooled, ...oldClasses].flatMap(({ refusal }) => refusal ?? []);
  const reasons = [...spent, ...refusals];
  return {
    ...head,
    decision: reasons.length === 0 ? "promote" : "refuse",
    reasons: reasons.length > 0 ? reasons : [`better on the validation fields: ${spoken(pooled.comparison)}`],
    pooled: pooled.comparison,
    classes: classes.map(({ comparison }) => comparison),
    ...(old.fields > 0
      ? { old: { pooled: oldPooled.comparison, classes: oldClasses.map(({ comparison }) => comparison) } }
      : {}),
  };
};
