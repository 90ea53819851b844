import { join, resolve } from "node:path";
import { type Command, InvalidArgumentError, Option } from "commander";
import { CytoError, modelsDirectory } from "../core/index.js";
import { type DetectorModels, executionProviders, type ProviderChoice } from "../detection/index.js";
import { findModel, loadClassifierModel, loadDetectorModel } from "../registry/index.js";
import { type LabelledField, openDataset, openMaskCrops } from "../training/datasets/index.js";
import {
  type Evaluation,
  evaluate,
  evaluationTable,
  type ScaleChoice,
  writeErrorPictures,
} from "../training/evaluation/index.js";

interface EvaluateOptions {
  readonly split?: string;
  readonly model?: string;
  /** False by --no-classifier. */
  readonly classifier?: string | boolean;
  readonly provider: ProviderChoice;
  readonly umPerPixel?: number;
  readonly scale?: "labels" | "estimated";
  readonly json?: boolean;
  readonly errors?: string;
}

interface Labelled {
  readonly name: string;
  readonly split?: string;
  readonly fields: readonly LabelledField[];
  readonly classes: Parameters<typeof evaluate>[0]["classes"];
  readonly remarks: readonly string[];
}

const positive = (text: string): number => {
  const value = Number(text);
  if (!(value > 0 && Number.isFinite(value))) throw new InvalidArgumentError("a number over 0 is due");
  return value;
};

const openModels = async ({ model, classifier }: EvaluateOptions): Promise<DetectorModels> => {
  const detector = await loadDetectorModel(model ? resolve(model) : await findModel(modelsDirectory(), "unet"));
  if (classifier === false) return { detector };
  const folder = typeof classifier === "string" ? resolve(classifier) : await findModel(modelsDirectory(), "cells");
  return { detector, classifier: await loadClassifierModel(folder) };
};

/** A data set in a known layout, or a folder of single leukocytes with masks. */
const openLabelled = async (directory: string, split: string | undefined): Promise<Labelled> => {
  try {
    const dataset = await openDataset(directory);
    const chosen = split ?? (dataset.splits.includes("val") ? "val" : dataset.splits[0]!);
    const fields = await dataset.fields(chosen);
    return { name: dataset.name, split: chosen, fields, classes: dataset.classes, remarks: dataset.remarks };
  } catch (error) {
    if (split !== undefined || !(error instanceof CytoError) || error.context.reason !== "layout") throw error;
    const fields = await openMaskCrops(directory).catch(() => Promise.reject(error));
    const classes = [...new Set(fields.flatMap(({ cells }) => cells.map(({ cellClass }) => cellClass)))];
    return { name: resolve(directory).split(/[\\/]/).at(-1)!, fields, classes, remarks: [] };
  }
};

const scaleOf = ({ umPerPixel, scale }: EvaluateOptions, { fields, name }: Labelled): ScaleChoice => {
  if (umPerPixel !== undefined) return umPerPixel;
  const told = fields.every((field) => field.umPerPixel !== undefined);
  if (scale === "labels" && !told)
    throw new CytoError("USAGE", `the labels of ${name} do not tell the scale`, {
      remedy: "Use --scale estimated or --um-per-pixel.",
    });
  return scale ?? (told ? "labels" : "estimated");
};

/** The object that --json prints. */
const jsonOf = (evaluation: Evaluation, labelled: Labelled) => {
  const { results: _, models, provider, scale, msPerField, fields, ...figures } = evaluation;
  return {
    dataset: labelled.name,
    ...(labelled.split ? { split: labelled.split } : {}),
    fields,
    model: models.detector,
    ...(models.classifier ? { classifier: models.classifier } : {}),
    provider,
    scale,
    ...figures,
    msPerField,
    remarks: labelled.remarks,
  };
};

const run = async (directory: string, options: EvaluateOptions): Promise<void> => {
  const labelled = await openLabelled(directory, options.split);
  const models = await openModels(options);
  const { stderr } = process;
  const evaluation = await evaluate({
    fields: labelled.fields,
    classes: labelled.classes,
    models,
    scale: scaleOf(options, labelled),
    provider: options.provider,
    onField: stderr.isTTY
      ? (done, total) => stderr.write(`\r${done} of ${total}${done === total ? "\n" : ""}`)
      : undefined,
  });
  const heading = labelled.split ? `${labelled.name} ${labelled.split}` : labelled.name;
  if (options.json) process.stdout.write(`${JSON.stringify(jsonOf(evaluation, labelled))}\n`);
  else {
    for (const remark of labelled.remarks) stderr.write(`${remark}\n`);
    process.stdout.write(`${evaluationTable(evaluation, heading)}\n`);
  }
  if (options.errors === undefined) return;
  const shown = await writeErrorPictures(options.errors, evaluation.results, {
    title: heading,
    depth: evaluation.depth,
  });
  stderr.write(`${shown} fields with errors: ${join(options.errors, "index.html")}\n`);
};

const help = `
DATASET is a folder in YOLO (data.yaml, images/, labels/) or Pascal VOC (JPEGImages, Annotations,
ImageSets) layout, or of single leukocytes with masks (labels.csv). Both protocols are always printed:
raw takes the labels as they are; fair merges cells listed twice and leaves out slivers at the border.
docs/datasets.md defines them and every figure.

Examples:
  cytostream evaluate ../shared/data/txl-pbc
  cytostream evaluate ../shared/data/txl-pbc --scale estimated     what a microscope of unknown scale would get
  cytostream evaluate ../shared/data/oi-pbc --split val --json | jq .leukocytes.recallSeven
  cytostream evaluate fields/ --model models/unet/1.2.0 --errors wrong/`;

export const register = (program: Command): void => {
  program
    .command("evaluate")
    .argument("<dataset>", "folder of labelled pictures")
    .summary("score the detector on labelled fields")
    .description("Runs the detector over labelled fields and scores what it finds.")
    .option("--split <name>", "which split; val, else the first, unless given")
    .option("--model <dir>", "folder of the detector's model; the newest unet that is shipped unless given")
    .option("--classifier <dir>", "folder of the classifier's model; the newest cells that is shipped unless given")
    .option("--no-classifier", "leave leukocytes unnamed")
    .addOption(
      new Option("--provider <name>", "execution provider").choices(["auto", ...executionProviders]).default("auto"),
    )
    .addOption(
      new Option("--um-per-pixel <n>", "object-side size of a pixel, for all fields")
        .argParser(positive)
        .conflicts("scale"),
    )
    .addOption(
      new Option(
        "--scale <origin>",
        "um per pixel from the labelled red cells or from the picture alone; labels where they tell it",
      ).choices(["labels", "estimated"]),
    )
    .option("--json", "print one JSON object")
    .option("--errors <dir>", "write pictures of missed and falsely found cells, and an index.html")
    .addHelpText("after", help)
    .action((directory: string, options: EvaluateOptions) => run(directory, options));
};
