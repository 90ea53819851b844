import { type Command, Option } from "commander";
import { trainClassifier, trainDetector } from "../training/index.js";
import { painterKinds } from "../training/painter/index.js";
import { canvasSide, collectByDataset, positive, wholeNumber } from "./trainArguments.js";
import { trainingProviderOption } from "./trainingProvider.js";
import { type CommonTrainOptions, runTraining } from "./trainingRun.js";
import { completePainterCommand, painterMinutes, painterSummaries } from "./trainPainter.js";

interface DetectorOptions extends CommonTrainOptions {
  readonly canvas?: number;
}

const examples = `
DATASET is a folder in YOLO (data.yaml, images/, labels/) or Pascal VOC layout. Its split "train" is learnt from; "val"
chooses thresholds and temperatures. OUT gets checkpoint.bin, losses.jsonl, losses.png and, at the end, the model in
model/. A run by --steps is the same each time for the same seed; one by --minutes fills the time it is given.
Interrupted, it keeps a checkpoint; --resume goes on from there, bit for bit.

Examples:
  cytostream train unet --data smears/ --out runs/unet --minutes 15
  cytostream train unet --data a/ b/ --share a=0.6 b=0.4 --out runs/both --steps 2000
  cytostream train cells --data smears/ --um-per-pixel smears=0.1 --out runs/cells --minutes 5
  cytostream train mcgan --data smears/ --out runs/mcgan --minutes 30
  cytostream evaluate smears/ --model runs/unet/model`;

interface NetworkCommand {
  readonly name: string;
  readonly summary: string;
  readonly defaultMinutes: number;
  readonly learningRate: string;
}

/** A `train` command with the options that all of them have. */
const commonCommand = (train: Command, { name, summary, defaultMinutes, learningRate }: NetworkCommand): Command =>
  train
    .command(name)
    .description(`Trains ${summary}.`)
    .requiredOption("--data <DATASET...>", "folders of labelled fields")
    .requiredOption("--out <DIR>", "folder for checkpoint, losses and model")
    .addOption(new Option("--minutes <N>", `wall-clock time, default ${defaultMinutes}`).argParser(positive))
    .addOption(new Option("--steps <N>", "number of steps instead").argParser(wholeNumber))
    .addOption(new Option("--seed <N>", "seed of everything random").argParser(wholeNumber).default(1))
    .addOption(
      new Option("--um-per-pixel <DATASET=UM...>", "scale of a data set; default: each field's red cells tell it")
        .argParser(collectByDataset)
        .default({}),
    )
    .addOption(new Option("--threads <N>", "threads of the engine, default all cores").argParser(wholeNumber))
    .addOption(trainingProviderOption())
    .option("--leave-out <FILE>", "names of fields, one a line, that are kept out of training and validation")
    .option("--from <DIR>", "start from the weights of a finished training in DIR instead of from nothing")
    .addOption(new Option("--learning-rate <N>", `highest learning rate, default ${learningRate}`).argParser(positive))
    .option("--resume", "go on from the checkpoint in OUT", false)
    .option("--model-version <V>", "version that the model gets", "0.1.0")
    .option("--json", "JSON lines on standard error, one object with the result on standard output", false);

const registerDetector = (train: Command): void => {
  const name = "unet";
  const defaultMinutes = 30;
  const summary = "the U-Net that maps fields to densities and extents";
  const share = "part of the samples by data set, default by number of fields";
  const canvas = "side of a training sample, px, a multiple of 16; default 176";
  commonCommand(train, { name, summary, defaultMinutes, learningRate: "0.002" })
    .addOption(new Option("--canvas <PX>", canvas).argParser(canvasSide))
    .addOption(new Option("--share <DATASET=PART...>", share).argParser(collectByDataset).default({}))
    .addHelpText("after", examples)
    .action((options: DetectorOptions) => {
      const { share: shares = {}, canvas: canvasPx } = options;
      const more = {
        ...(Object.keys(shares).length === 0 ? {} : { shares }),
        ...(canvasPx === undefined ? {} : { settings: { canvasPx } }),
      };
      const train = (request: Parameters<typeof trainDetector>[0]) => trainDetector({ ...request, ...more });
      return runTraining(name, options, { defaultMinutes, train });
    });
};

const registerClassifier = (train: Command): void => {
  const name = "cells";
  const defaultMinutes = 5;
  const summary = "the classifier that names leukocytes";
  commonCommand(train, { name, summary, defaultMinutes, learningRate: "0.002" })
    .addHelpText("after", examples)
    .action((options: CommonTrainOptions) => runTraining(name, options, { defaultMinutes, train: trainClassifier }));
};

export const register = (program: Command): void => {
  const train = program
    .command("train")
    .description("Trains a network on labelled fields.")
    .addHelpText("after", examples);
  registerDetector(train);
  registerClassifier(train);
  for (const kind of painterKinds) {
    const network = {
      name: kind,
      summary: painterSummaries[kind],
      defaultMinutes: painterMinutes,
      learningRate: "0.001",
    };
    completePainterCommand(commonCommand(train, network), kind);
  }
};
