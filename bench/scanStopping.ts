import { type CellClass, createRandom, differentialFive, type Random } from "../src/core/index.js";
import { wilsonLimits } from "../src/counting/index.js";
import { isNarrow, logEvidence, sequenceLimits, settingsFor } from "../src/scan/stopping/index.js";
import { type BenchContext, type BenchResult, columns, type Figure } from "./figures.js";

/** Bloods with their true shares of the five classes, and how narrow the limits are asked for. */
interface Blood {
  readonly name: string;
  /** In the order of `differentialFive`. */
  readonly shares: readonly number[];
  readonly halfWidthPercent: number;
}

const bloods: readonly Blood[] = [
  { name: "usual", shares: [0.58, 0.03, 0.006, 0.31, 0.074], halfWidthPercent: 5 },
  { name: "lymphocytosis", shares: [0.24, 0.02, 0.004, 0.69, 0.046], halfWidthPercent: 7 },
  { name: "eosinophilia", shares: [0.4, 0.3, 0.02, 0.2, 0.08], halfWidthPercent: 7 },
  { name: "neutrophilia", shares: [0.9, 0.005, 0.001, 0.06, 0.034], halfWidthPercent: 3 },
];

const level = 0.95;
/** Leukocytes in a field, on average. */
const perField = 2;
/** A rule is asked from the first field on which any leukocyte is. */
const mostFields = 20_000;

/** A whole number with a Poisson distribution of small mean (Knuth). */
const poisson = (random: Random, mean: number): number => {
  const least = Math.exp(-mean);
  let count = 0;
  for (let product = random.next(); product > least; product *= random.next()) count++;
  return count;
};

const draw = (random: Random, shares: readonly number[]): number => {
  let left = random.next();
  for (let index = 0; index < shares.length - 1; index++) {
    left -= shares[index]!;
    if (left < 0) return index;
  }
  return shares.length - 1;
};

interface Stop {
  readonly leukocytes: number;
  /** By class, whether the limits at the end hold the truth. */
  readonly holds: readonly boolean[];
  /** Whether they held at every look until then. */
  readonly always: boolean;
}

type Look = (counts: readonly number[], total: number) => boolean;

/** Counts field by field until a rule is met. */
const scanUntil = (
  random: Random,
  { shares }: Blood,
  rule: { readonly isMet: Look; readonly hold: (counts: readonly number[], total: number) => readonly boolean[] },
): Stop => {
  const counts = shares.map(() => 0);
  let total = 0;
  let always = true;
  for (let field = 0; field < mostFields; field++) {
    const found = poisson(random, perField);
    for (let cell = 0; cell < found; cell++) {
      const index = draw(random, shares);
      counts[index] = counts[index]! + 1;
      total++;
    }
    if (total === 0) continue;
    const holds = rule.hold(counts, total);
    always &&= holds.every(Boolean);
    if (rule.isMet(counts, total)) return { leukocytes: total, holds, always };
  }
  throw new Error(`no rule is met in ${mostFields} fields`);
};

/** The widest class decides most often: it is asked first. */
const widestFirst = (counts: readonly number[], total: number): number[] =>
  counts
    .map((_, index) => index)
    .sort((a, b) => Math.abs(counts[a]! / total - 0.5) - Math.abs(counts[b]! / total - 0.5));

const sequenceRule = ({ shares, halfWidthPercent }: Blood) => {
  const settings = settingsFor({ halfWidthPercent, level }, shares.length);
  const threshold = -Math.log(settings.alpha);
  return {
    isMet: (counts: readonly number[], total: number) =>
      widestFirst(counts, total).every((index) => isNarrow(counts[index]!, total, halfWidthPercent / 100, settings)),
    hold: (counts: readonly number[], total: number) =>
      shares.map((share, index) => logEvidence(counts[index]!, total, share, settings.concentration) < threshold),
  };
};

/** As is often done: the limits of each class as if one looked once, until they are narrow. */
const naiveRule = ({ shares, halfWidthPercent }: Blood) => {
  const limitsOf = (count: number, total: number) => wilsonLimits(count, total, level);
  return {
    isMet: (counts: readonly number[], total: number) =>
      widestFirst(counts, total).every((index) => {
        const { low, high } = limitsOf(counts[index]!, total);
        const share = counts[index]! / total;
        return Math.max(share - low, high! - share) <= halfWidthPercent / 100;
      }),
    hold: (counts: readonly number[], total: number) =>
      shares.map((share, index) => {
        const { low, high } = limitsOf(counts[index]!, total);
        return share >= low && share <= high!;
      }),
  };
};

interface Coverage {
  readonly scans: number;
  /** Shares of the scans. */
  readonly together: number;
  readonly always: number;
  readonly worstClass: number;
  readonly worstClassName: CellClass;
  readonly leukocytes: number;
}

const coverageOf = (stops: readonly Stop[]): Coverage => {
  const share = (isGood: (stop: Stop) => boolean): number => stops.filter(isGood).length / stops.length;
  const byClass = differentialFive.map((_, index) => share(({ holds }) => holds[index]!));
  const worstClass = Math.min(...byClass);
  return {
    scans: stops.length,
    together: share(({ holds }) => holds.every(Boolean)),
    always: share(({ always }) => always),
    worstClass,
    worstClassName: differentialFive[byClass.indexOf(worstClass)]!,
    leukocytes: stops.reduce((sum, { leukocytes }) => sum + leukocytes, 0) / stops.length,
  };
};

/** That the quick look and the limits that a record shows say the same, on what the simulation stops at. */
const checkLimits = (blood: Blood, { leukocytes }: Stop): void => {
  const settings = settingsFor({ halfWidthPercent: blood.halfWidthPercent, level }, blood.shares.length);
  for (const share of blood.shares) {
    const count = Math.round(share * leukocytes);
    const { low, high } = sequenceLimits(count, leukocytes, settings);
    const widest = Math.max(count / leukocytes - low, high - count / leukocytes);
    if (isNarrow(count, leukocytes, widest * 1.001, settings) && !isNarrow(count, leukocytes, widest * 0.999, settings))
      continue;
    throw new Error("the quick look and the limits differ");
  }
};

const percent = (share: number): string => `${(100 * share).toFixed(2)} %`;

const row = (name: string, halfWidthPercent: number, coverage: Coverage): string[] => [
  name,
  `${halfWidthPercent} %`,
  String(coverage.scans),
  percent(coverage.together),
  percent(coverage.always),
  percent(coverage.worstClass),
  coverage.leukocytes.toFixed(0),
];

/** The stop rule `limits`: whether the limits at the end of a scan hold the truth, beside the rule that looks as if once. */
export const scanStoppingBench = async ({ quick }: BenchContext): Promise<BenchResult> => {
  const scans = quick ? 200 : 2500;
  const random = createRandom(20);
  const all: { sequence: Stop[]; naive: Stop[] } = { sequence: [], naive: [] };
  const rows: string[][] = [];
  for (const blood of bloods) {
    const runs = { sequence: sequenceRule(blood), naive: naiveRule(blood) };
    for (const kind of ["sequence", "naive"] as const) {
      const stops = Array.from({ length: scans }, () => scanUntil(random, blood, runs[kind]));
      if (kind === "sequence") checkLimits(blood, stops[0]!);
      all[kind].push(...stops);
      rows.push(row(`${blood.name}, ${kind}`, blood.halfWidthPercent, coverageOf(stops)));
    }
  }
  const [sequence, naive] = [coverageOf(all.sequence), coverageOf(all.naive)];
  const how = `${sequence.scans} simulated scans of ${bloods.length} bloods, looked at after each field of ${perField} leukocytes on average, stopped when every class's 95 % limits are narrow enough`;
  const figures: Figure[] = [
    { name: "coverage.allClasses", value: 100 * sequence.together, unit: "%", atLeast: 94.5, how },
    { name: "coverage.everyLook", value: 100 * sequence.always, unit: "%", atLeast: 94.5, how },
    { name: "coverage.worstClass", value: 100 * sequence.worstClass, unit: "%", atLeast: 94.5, how },
    { name: "naive.allClasses", value: 100 * naive.together, unit: "%", how: `${how}; by Wilson's limits of one look` },
    { name: "naive.everyLook", value: 100 * naive.always, unit: "%", how: `${how}; by Wilson's limits of one look` },
    {
      name: "leukocytes.overNaive",
      value: sequence.leukocytes / naive.leukocytes,
      how: "mean leukocytes until the stop",
    },
  ];
  const head = ["blood, rule", "half width", "scans", "all hold", "at every look", "worst class", "leukocytes"];
  return { figures, text: columns([head, ...rows]), raw: { sequence, naive } };
};
