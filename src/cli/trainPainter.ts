import { type Command, Option } from "commander";
import { CytoError } from "../core/index.js";
import { type PainterKind, type PainterWeights, trainPainter } from "../training/painter/index.js";
import { collectByDataset, wholeNumber } from "./trainArguments.js";
import { type CommonTrainOptions, runTraining } from "./trainingRun.js";

interface PainterOptions extends CommonTrainOptions {
  readonly judge?: string;
  readonly masksFrom?: string[];
  readonly showEvery?: number;
  readonly weight: Partial<PainterWeights>;
}

export const painterMinutes = 20;

export const painterSummaries: Readonly<Record<PainterKind, string>> = {
  cgan: "a painter of fields taught by a discriminator alone",
  pix2pix: "a painter taught by a discriminator of patches and by likeness",
  "pix2pix-md": "a painter taught by a multi-scale discriminator and by likeness",
  mcgan: "a painter taught by a multi-scale discriminator, likeness, gradient similarity and the class of its cells",
};

const examples = `
A painter learns to paint the fields of the split "train" from their masks; the middles of the fields of "val" are painted
now and then and at the end. OUT gets checkpoint.bin, losses.jsonl, losses.png, samples/ (real, mask, painted under one
another), heldOut.jsonl and, at the end, the model in model/. See docs/painting.md.

Examples:
  cytostream train mcgan --data smears/ --out runs/mcgan --minutes 30
  cytostream train pix2pix --data a/ b/ --um-per-pixel b=0.0987 --out runs/pix2pix --steps 2000
  cytostream generate --model runs/mcgan/model --count 20 --out painted/`;

const weightNames = {
  adversarial: "adversarial",
  likeness: "likeness",
  "gradient-similarity": "gradientSimilarity",
  class: "cellClass",
} as const satisfies Record<string, keyof PainterWeights>;

const collectWeights = (text: string, known: Partial<PainterWeights>): Partial<PainterWeights> => {
  const [name = "", value] = text.split("=");
  const key = weightNames[name as keyof typeof weightNames];
  const weight = Number(value);
  if (!key || value === undefined || !(weight >= 0 && Number.isFinite(weight)))
    throw new CytoError(
      "USAGE",
      `${text} is not of the form LOSS=NUMBER with one of ${Object.keys(weightNames).join(", ")}`,
    );
  return { ...known, [key]: weight };
};

/** Adds what the painters' commands have over the other `train` commands, and their action. */
export const completePainterCommand = (command: Command, kind: PainterKind): void => {
  if (kind === "mcgan")
    command.option("--judge <DIR>", "model of the classifier that names painted leukocytes; default the shipped one");
  command
    .addOption(
      new Option(
        "--share <DATASET=PART...>",
        "part of the samples by data set, default by the root of the number of fields",
      )
        .argParser(collectByDataset)
        .default({}),
    )
    .addOption(
      new Option("--weight <LOSS=N...>", `weight of a loss: ${Object.keys(weightNames).join(", ")}`)
        .argParser(collectWeights)
        .default({}),
    )
    .option(
      "--masks-from <DATASET...>",
      "names of the data sets that outlines, statistics and stains in the model are taken from; default all",
    )
    .addOption(new Option("--show-every <N>", "steps from sample to sample, default 250").argParser(wholeNumber))
    .addHelpText("after", examples)
    .action((options: PainterOptions) => {
      const { judge, masksFrom, showEvery, weight, share = {}, threads } = options;
      return runTraining(kind, options, {
        defaultMinutes: painterMinutes,
        train: (request) =>
          trainPainter({
            ...request,
            kind,
            weights: weight,
            ...(Object.keys(share).length === 0 ? {} : { shares: share }),
            ...(judge === undefined ? {} : { judge }),
            ...(masksFrom === undefined ? {} : { masksFrom }),
            ...(showEvery === undefined || showEvery === 0 ? {} : { showEverySteps: showEvery }),
            ...(threads === undefined ? {} : { threads }),
          }),
      });
    });
};
