import { basename } from "node:path";
import type { CellClass } from "../src/core/index.js";
import type { DetectorModels } from "../src/detection/index.js";
import { type LabelledField, openDataset, openMaskCrops } from "../src/training/datasets/index.js";
import { type Evaluation, evaluate, evaluationTable, type ScaleChoice } from "../src/training/evaluation/index.js";
import type { Tally } from "../src/training/scoring/index.js";
import { type BenchContext, type BenchResult, columns, type Figure } from "./figures.js";
import { benchModels } from "./models.js";
import { type DataSetName, dataSetPath } from "./pictures.js";

interface Labelled {
  readonly name: string;
  readonly fields: readonly LabelledField[];
  readonly classes: readonly CellClass[];
}

/** A part of the accuracy figures: one data set at one scale. */
interface Trial {
  readonly key: string;
  readonly dataset: DataSetName;
  readonly scale: ScaleChoice;
  readonly figures: (evaluation: Evaluation) => readonly Figure[];
  readonly text?: (evaluation: Evaluation) => readonly string[];
}

/** Object-side size of a pixel of the collection `oi-pbc`: its median labelled red cell is 76 px, 7.5 um. */
const oiPbcUmPerPixel = 0.0987;

const openVal = async (directory: string): Promise<Labelled> => {
  const dataset = await openDataset(directory);
  return { name: `${dataset.name} val`, fields: await dataset.fields("val"), classes: dataset.classes };
};

const openCrops = async (directory: string): Promise<Labelled> => {
  const fields = await openMaskCrops(directory);
  const classes = [...new Set(fields.flatMap(({ cells }) => cells.map(({ cellClass }) => cellClass)))];
  return { name: basename(directory), fields, classes };
};

const known = (value: number | null | undefined): number | undefined => value ?? undefined;

const recallPercent = (tally: Tally | undefined): number | undefined =>
  tally && tally.T > 0 ? (100 * (tally.T - tally.M)) / tally.T : undefined;

const txlPbc = ({ raw, fair, ap50, countError }: Evaluation): Figure[] => {
  const how = "as `cytostream evaluate ../shared/data/txl-pbc --split val`, um per pixel from the labels' red cells";
  const figure = (name: string, value: number | null | undefined, atLeast: number): Figure => ({
    name: `txl-pbc.${name}`,
    ...{ value: known(value), unit: "%", atLeast, how },
  });
  const red = known(countError.erythrocyte);
  return [
    figure("raw.P", raw.pooled.P, 92),
    figure("fair.P", fair.pooled.P, 95),
    figure("fair.P.leukocyte", fair.classes.leukocyte?.P, 97),
    figure("fair.P.erythrocyte", fair.classes.erythrocyte?.P, 95),
    figure("fair.P.platelet", fair.classes.platelet?.P, 85),
    figure("ap50.leukocyte", ap50.classes.leukocyte, 96),
    figure("ap50.erythrocyte", ap50.classes.erythrocyte, 97.5),
    figure("ap50.platelet", ap50.classes.platelet, 90),
    {
      name: "txl-pbc.countError.erythrocyte",
      ...{ value: red === undefined ? undefined : 100 * red, unit: "%", atMost: 4, how },
    },
  ];
};

const txlPbcEstimated = ({ raw, fair }: Evaluation): Figure[] =>
  Object.entries({ raw, fair }).map(([name, { pooled }]) => ({
    name: `txl-pbc.estimatedScale.${name}.P`,
    value: known(pooled.P),
    unit: "%",
    how: "the same, the scale estimated from each picture alone",
  }));

const bccd = ({ raw, density }: Evaluation): Figure[] => {
  const { classes } = (density ?? { raw }).raw;
  const how = "as `cytostream evaluate ../shared/data/bccd --split val`: found of those labelled";
  const found = classes.leukocyte && classes.leukocyte.T - classes.leukocyte.M;
  return [
    {
      name: "bccd.leukocytesFound",
      ...{ value: found, unit: `of ${classes.leukocyte?.T ?? 0}`, atLeast: 60, how },
    },
    { name: "bccd.recall.platelet", value: recallPercent(classes.platelet), unit: "%", atLeast: 85, how },
  ];
};

const oiPbc = (evaluation: Evaluation): Figure[] =>
  oiPbcFigures(
    evaluation,
    "oi-pbc",
    "as `cytostream evaluate ../shared/data/oi-pbc --split val`, um per pixel from the labels' red cells",
  );

/** The same at the one scale that the collection has by its description. */
const oiPbcOneScale = (evaluation: Evaluation): Figure[] => {
  const how = `as \`cytostream evaluate ../shared/data/oi-pbc --split val --um-per-pixel ${oiPbcUmPerPixel}\``;
  return oiPbcFigures(evaluation, "oi-pbc.oneScale", how);
};

const oiPbcFigures = ({ ap50, density, leukocytes }: Evaluation, key: string, how: string): Figure[] => {
  const ap = (density ?? { ap50 }).ap50.classes;
  const figure = (name: string, value: number | null | undefined, atLeast: number, unit?: string): Figure => ({
    name: `${key}.${name}`,
    ...{ value: known(value), atLeast, how },
    ...(unit ? { unit } : {}),
  });
  return [
    figure("ap50.erythrocyte", ap.erythrocyte, 97.5, "%"),
    figure("ap50.platelet", ap.platelet, 92, "%"),
    figure("ap50.leukocyte", ap.leukocyte, 98, "%"),
    figure("recallFive", leukocytes?.recallFive, 0.96),
    figure("recallSeven", leukocytes?.recallSeven, 0.945),
    figure("ap50.worstAgainstYolo", worstAgainstYolo(ap50.classes), -0.02),
  ];
};

/** AP50 that YOLOv11n is published to reach on the collection of `oi-pbc` (Abou Ali et al., arXiv:2509.24595). */
export const yoloV11n: Readonly<Partial<Record<CellClass, number>>> = {
  basophil: 0.976,
  eosinophil: 0.965,
  lymphocyte: 0.909,
  monocyte: 0.937,
  erythroblast: 0.922,
  platelet: 0.956,
  erythrocyte: 0.978,
};

type ApByClass = Readonly<Partial<Record<CellClass, number | null>>>;

const yoloClasses = Object.entries(yoloV11n) as [CellClass, number][];

/** The least difference to the published figures over their classes, as fractions. */
export const worstAgainstYolo = (ap: ApByClass): number =>
  Math.min(...yoloClasses.map(([name, theirs]) => (ap[name] ?? 0) / 100 - theirs));

const yoloTable = ({ ap50 }: Evaluation): string[] => [
  "AP50 by class, next to what YOLOv11n is published to reach (arXiv:2509.24595)",
  ...columns([
    ["", "here", "YOLOv11n", "difference"],
    ...yoloClasses.map(([name, theirs]) => {
      const ours = (ap50.classes[name] ?? 0) / 100;
      return [name, ours.toFixed(3), theirs.toFixed(3), (ours - theirs).toFixed(3)];
    }),
  ]),
];

const wbcMasks = ({ leukocytes }: Evaluation): Figure[] => [
  {
    name: "wbc-masks.recallFive",
    value: known(leukocytes?.recallFive),
    how: "as `cytostream evaluate ../shared/data/wbc-masks`: crops of another laboratory, no goal",
  },
];

const trials: readonly Trial[] = [
  { key: "txl-pbc", dataset: "txl-pbc", scale: "labels", figures: txlPbc },
  { key: "txl-pbc.estimatedScale", dataset: "txl-pbc", scale: "estimated", figures: txlPbcEstimated },
  { key: "bccd", dataset: "bccd", scale: "labels", figures: bccd },
  { key: "oi-pbc", dataset: "oi-pbc", scale: "labels", figures: oiPbc, text: yoloTable },
  { key: "oi-pbc.oneScale", dataset: "oi-pbc", scale: oiPbcUmPerPixel, figures: oiPbcOneScale, text: yoloTable },
  { key: "wbc-masks", dataset: "wbc-masks", scale: "labels", figures: wbcMasks },
];

const evaluateTrial = async (
  { dataset, scale }: Trial,
  directory: string,
  models: DetectorModels,
): Promise<{ evaluation: Evaluation; name: string }> => {
  const { name, fields, classes } = await (dataset === "wbc-masks" ? openCrops : openVal)(directory);
  return { name, evaluation: await evaluate({ fields, classes, models, scale, provider: "cpu" }) };
};

/** How far P falls where the scale is estimated instead of told. */
const lossFigures = (figures: readonly Figure[]): Figure[] =>
  ["raw", "fair"].flatMap((protocol) => {
    const valueNamed = (name: string) => figures.find((figure) => figure.name === name)?.value;
    const told = valueNamed(`txl-pbc.${protocol}.P`);
    const estimated = valueNamed(`txl-pbc.estimatedScale.${protocol}.P`);
    if (told === undefined || estimated === undefined) return [];
    const name = `txl-pbc.estimatedScale.${protocol}.loss`;
    const how = "P with the labels' scale less P with the estimated one";
    return [{ name, value: told - estimated, unit: "points", atMost: 0.6, how }];
  });

export const accuracyBench = async (context: BenchContext): Promise<BenchResult> => {
  const models = await benchModels(context.models);
  const figures: Figure[] = [];
  const text: string[] = [];
  const raw: Record<string, unknown> = {};
  for (const trial of trials) {
    const directory = dataSetPath(trial.dataset);
    if (directory === undefined) {
      text.push(`SKIPPED ${trial.key}: the data set ${trial.dataset} is not there`, "");
      continue;
    }
    const { evaluation, name } = await evaluateTrial(trial, directory, models);
    const { results: _, ...rest } = evaluation;
    figures.push(...trial.figures(evaluation));
    text.push(evaluationTable(evaluation, name), ...(trial.text?.(evaluation) ?? []), "");
    raw[trial.key] = rest;
  }
  return { figures: [...figures, ...lossFigures(figures)], text, raw };
};
