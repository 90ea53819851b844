import { type CellClass, taxonomy } from "../../core/index.js";
import { type DepthScore, type LeukocyteScore, leukocyteAnswers, type Tally } from "../scoring/index.js";
import type { Evaluation } from "./evaluate.js";

type Row = readonly string[];

/** Columns aligned: the first to the left, the rest to the right. */
const align = (rows: readonly Row[]): string[] => {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows.map((row) =>
    row.map((cell, column) => (column === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[column]!))).join("  "),
  );
};

const figure = (value: number | null | undefined, digits = 2): string =>
  value === null || value === undefined ? "-" : value.toFixed(digits);

const percent = (value: number | null | undefined): string =>
  value === null || value === undefined ? "-" : `${(100 * value).toFixed(1)} %`;

const tallyCells = (tally: Tally | undefined): Row =>
  tally ? [`${tally.T}`, `${tally.M}`, `${tally.e}`, figure(tally.P)] : ["-", "-", "-", "-"];

/** Both protocols, AP and count error, class by class. */
const depthTable = (score: DepthScore): string[] => {
  const classes = Object.keys(score.raw.classes) as CellClass[];
  const header = ["", "T", "M", "e", "raw P", "T", "M", "e", "fair P", "AP50", "count error"];
  const rows = classes.map((name) => [
    taxonomy[name].label,
    ...tallyCells(score.raw.classes[name]),
    ...tallyCells(score.fair.classes[name]),
    figure(score.ap50.classes[name]),
    percent(score.countError[name]),
  ]);
  const all = ["all", ...tallyCells(score.raw.pooled), ...tallyCells(score.fair.pooled), figure(score.ap50.mean), ""];
  return align([header, ...rows, all]);
};

const leukocyteTable = ({ confusion, recall, recallFive, recallSeven, likeliest }: LeukocyteScore): string[] => {
  const names = Object.keys(confusion) as (keyof typeof confusion)[];
  const short = (name: string): string =>
    name === "missed" ? "missed" : name === "leukocyte" ? "unsure" : taxonomy[name as CellClass].abbreviation;
  const rows = names.map((name) => [
    taxonomy[name].label,
    ...leukocyteAnswers.map((answer) => String(confusion[name][answer])),
    figure(recall[name], 3),
  ]);
  return [
    "Leukocytes: labelled (down) and taken for (across)",
    ...align([["", ...leukocyteAnswers.map(short), "recall"], ...rows]),
    `mean recall over the five of the differential ${figure(recallFive, 3)}, over all seven ${figure(recallSeven, 3)}`,
    `  unsure taken for the likeliest: ${figure(likeliest.recallFive, 3)}, ${figure(likeliest.recallSeven, 3)}`,
  ];
};

const scaleLine = ({ origin, agreement }: Evaluation["scale"]): string => {
  if (origin === "labels") return "scale: um per pixel from the labels' median red cell of each field";
  if (origin === "given") return "scale: um per pixel as given";
  const against = agreement
    ? `; against the labels: median error ${percent(agreement.medianError)}, ${percent(agreement.within8Percent)} of the fields within 8 %`
    : "";
  return `scale: um per pixel estimated from each picture${against}`;
};

/** An evaluation as a table for people. */
export const evaluationTable = (evaluation: Evaluation, heading: string): string => {
  const { models, provider, msPerField, fields } = evaluation;
  const named = [models.detector, models.classifier].flatMap((ref) => (ref ? [`${ref.name} ${ref.version}`] : []));
  return [
    `${heading}: ${fields} fields, ${named.join(" and ")} on ${provider}, ${figure(msPerField, 1)} ms a field`,
    scaleLine(evaluation.scale),
    "",
    ...depthTable(evaluation),
    ...(evaluation.density ? ["", "Leukocytes as one class", ...depthTable(evaluation.density)] : []),
    ...(evaluation.leukocytes ? ["", ...leukocyteTable(evaluation.leukocytes)] : []),
    "",
    "T cells in all, M missed, e falsely found, P = 100 (T - M - e) / T; docs/datasets.md defines raw and fair.",
  ].join("\n");
};
