import { join } from "node:path";
import type { CellClass } from "../../core/index.js";
import { taxonomy } from "../../core/index.js";
import { type DetectionFigures, meanRecallOf, paperClasses } from "./detectionScore.js";
import { armTitles, paperTable4 } from "./paper.js";
import { type RegimeName, rareClasses, regimeNames, regimes } from "./regimes.js";
import type { TextTable } from "./render.js";
import type { RunResult, Runs } from "./runs.js";
import { type Spread, spreadOf, spreadText } from "./spread.js";
import type { SheetRow } from "./strips.js";
import { type Arm, arms, type Plan, type ScoreUnit, seededArms } from "./units.js";

type Results = ReadonlyMap<string, RunResult>;

/** A figure of a run, percent; null where the run has none. */
type Column = readonly [heading: string, value: (figures: DetectionFigures, named: boolean) => number | null];

const classColumn = (cellClass: CellClass, index: number): Column => [
  `P${index + 1} ${taxonomy[cellClass].abbreviation}`,
  (figures, named) => (named || cellClass === "erythrocyte" ? (figures.named.raw.classes[cellClass]?.P ?? null) : null),
];

const percent = (part: number | null): number | null => (part === null ? null : 100 * part);

const columns: readonly Column[] = [
  ...paperClasses.map(classColumn),
  ["WBC", ({ density }) => density.raw.classes.leukocyte?.P ?? null],
  ["PLT", ({ density }) => density.raw.classes.platelet?.P ?? null],
  ["all", ({ named }) => named.raw.pooled.P],
  ["recall 5", ({ recallFive }) => percent(recallFive)],
  ["recall rare", (figures, named) => (named ? percent(meanRecallOf(figures, rareClasses)) : null)],
];

/** What a regime is about: names of rare cells, or finding cells. */
const aimOf = (regime: RegimeName): string => (regime === "rare" ? "recall rare" : "all");

export interface Table4Row {
  readonly regime: RegimeName;
  readonly arm: Arm;
  readonly alone: boolean;
  readonly scored: "named" | "other";
  readonly runs: number;
  /** By column, percent. */
  readonly figures: Readonly<Record<string, Spread | null>>;
  /** Points over RD in the regime's aim: P over all classes, in `rare` the mean recall of the rare ones. */
  readonly overRd: number | null;
}

const unitsOf = (plan: Plan): readonly ScoreUnit[] =>
  plan.units.filter((unit): unit is ScoreUnit => unit.kind === "score");

const figuresOf = (results: Results, unit: ScoreUnit): DetectionFigures | undefined =>
  results.get(unit.name)?.figures as DetectionFigures | undefined;

const rowOf = (units: readonly ScoreUnit[], results: Results): Table4Row => {
  const [{ regime, arm, alone, scored }] = units as readonly [ScoreUnit];
  const done = units.flatMap((unit) => {
    const figures = figuresOf(results, unit);
    return figures ? [{ unit, figures }] : [];
  });
  const figures = Object.fromEntries(
    columns.map(([heading, value]) => [
      heading,
      spreadOf(done.flatMap(({ unit, figures: own }) => value(own, unit.named) ?? [])),
    ]),
  );
  return { regime, arm, alone, scored, runs: done.length, figures, overRd: null };
};

/** One row for each arm in each regime, then those that learn from painted fields alone. */
export const table4Rows = (plan: Plan, results: Results): readonly Table4Row[] => {
  const units = unitsOf(plan);
  const rows = regimeNames.flatMap((regime) => {
    const own = arms.flatMap((arm) => {
      const group = units.filter((unit) => unit.regime === regime && unit.arm === arm && !unit.alone);
      return group.length > 0 ? [rowOf(group, results)] : [];
    });
    const aim = aimOf(regime);
    const base = own.find(({ arm }) => arm === "rd")?.figures[aim]?.mean;
    return own.map((row) => {
      const reached = row.figures[aim]?.mean;
      const overRd = row.arm === "rd" || base === undefined || reached === undefined ? null : reached - base;
      return { ...row, overRd };
    });
  });
  return [...rows, ...units.filter(({ alone }) => alone).map((unit) => rowOf([unit], results))];
};

const titleOf = ({ regime, arm, alone, scored }: Table4Row): string =>
  alone
    ? `painted alone, ${scored === "other" ? "other data set" : "classifier only"}`
    : `${regimes[regime].title}: ${armTitles[arm]}`;

/** Detectors trained on different sets, scored on validation fields; the paper's figures below. */
export const table4Text = (plan: Plan, results: Results, remarks: readonly string[]): TextTable => {
  const signed = (points: number | null): string =>
    points === null ? "-" : `${points < 0 ? "" : "+"}${points.toFixed(2)}`;
  const rows = table4Rows(plan, results).map((row) => [
    titleOf(row),
    ...columns.map(([heading]) => spreadText(row.figures[heading] ?? null, 1)),
    signed(row.overRd),
    String(row.runs),
  ]);
  const theirs = arms.flatMap((arm) => {
    const figures = paperTable4[arm];
    if (!figures) return [];
    const blank = new Array<string>(columns.length - figures.length + 2).fill("-");
    return [[`paper: ${armTitles[arm]}`, ...figures.map((figure) => figure.toFixed(1)), ...blank]];
  });
  const notes = [
    "P = 100 (T - M - e) / T, percent, protocol raw, scale from the labels; WBC: leukocytes as one class; all: pooled over the classes that are told apart.",
    `Mean and sample deviation over seeds; ${seededArms.map((arm) => armTitles[arm]).join(", ")} have all seeds, the others the first.`,
    "over RD: points of `all`; in `rare` of `recall rare`, the mean recall of eosinophils and basophils.",
    ...remarks,
  ];
  const heading = ["training set", ...columns.map(([name]) => name), "over RD", "runs"];
  return { title: "Table 4: detectors trained on different sets", heading, rows: [...rows, ...theirs], notes };
};

export const table4CsvHeading: readonly string[] = [
  ...["regime", "arm", "alone", "scored", "seed", "protocol", "depth", "class", "T", "M", "e", "P", "ap50", "recall"],
];

type CsvCell = string | number | null;

/** A row for each run, protocol, depth and class. */
export const table4Csv = (plan: Plan, results: Results): readonly (readonly CsvCell[])[] =>
  unitsOf(plan).flatMap((unit) => {
    const figures = figuresOf(results, unit);
    if (!figures) return [];
    const depths = unit.named ? (["named", "density"] as const) : (["density"] as const);
    return depths.flatMap((depth) =>
      (["raw", "fair"] as const).flatMap((protocol) => {
        const { pooled, classes } = figures[depth][protocol];
        const common = [unit.regime, unit.arm, String(unit.alone), unit.scored, unit.seed, protocol, depth];
        return [...Object.entries(classes), ["all", pooled] as const].map(([name, { T, M, e, P }]): CsvCell[] => {
          const [ap50, recall] = [figures.ap50[name as CellClass] ?? null, figures.recall[name as CellClass] ?? null];
          return [...common, name, T, M, e, P, depth === "density" ? ap50 : null, depth === "named" ? recall : null];
        });
      }),
    );
  });

/** Fields that were made for each detector, of the first seed. */
export const table4Sheet = (plan: Plan, runs: Runs, results: Results): readonly SheetRow[] => {
  const made = plan.units.filter((unit) => unit.kind === "detector" && unit.arm !== "rd" && results.has(unit.name));
  const shown = new Map<string, SheetRow>();
  for (const unit of made) {
    if (unit.kind !== "detector") continue;
    const title = `${unit.alone ? "alone" : unit.regime} ${unit.arm}`;
    if (!shown.has(title)) shown.set(title, { title, path: join(runs.folder(unit.name), "samples.png") });
  }
  return [...shown.values()];
};
