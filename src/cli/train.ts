import { readFile } from "node:fs/promises";
import { type Command, Option } from "commander";
import { CytoError } from "../core/index.js";
import { onnxruntimeEngine } from "../engine/index.js";
import { fieldMultiple } from "../networks/index.js";
import {
  type Duration,
  type StepReport,
  type TrainingListener,
  type TrainingRequest,
  type TrainingSummary,
  trainClassifier,
  trainDetector,
} from "../training/index.js";
import { createProgress, type Progress, writeLossPlot } from "../training/progress/index.js";
import { lossRecorder } from "./lossRecorder.js";
import { executionProvidersFor, type TrainingProvider, trainingProviderOption } from "./trainingProvider.js";

interface TrainOptions {
  readonly data: string[];
  readonly out: string;
  readonly minutes?: number;
  readonly steps?: number;
  readonly seed: number;
  readonly resume: boolean;
  readonly from?: string;
  readonly leaveOut?: string;
  readonly learningRate?: number;
  readonly json: boolean;
  readonly share?: Record<string, number>;
  readonly canvas?: number;
  readonly umPerPixel: Record<string, number>;
  readonly modelVersion: string;
  readonly threads?: number;
  readonly provider: TrainingProvider;
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
  cytostream evaluate smears/ --model runs/unet/model`;

const positive = (text: string): number => {
  const value = Number(text);
  if (!(value > 0)) throw new CytoError("USAGE", `${text} is not a positive number`);
  return value;
};

const wholeNumber = (text: string): number => {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 0) throw new CytoError("USAGE", `${text} is not a whole number`);
  return value;
};

const canvasSide = (text: string): number => {
  const value = wholeNumber(text);
  if (value < 64 || value % fieldMultiple !== 0) {
    throw new CytoError("USAGE", `${text} is not a multiple of ${fieldMultiple} from 64 on`);
  }
  return value;
};

const collectByDataset = (text: string, known: Record<string, number>): Record<string, number> => {
  const [name, value] = [text.slice(0, text.lastIndexOf("=")), Number(text.slice(text.lastIndexOf("=") + 1))];
  if (name === "" || !(value > 0)) throw new CytoError("USAGE", `${text} is not of the form DATASET=NUMBER`);
  return { ...known, [name]: value };
};

const defaultMinutes = { unet: 30, cells: 5 } as const;
type Network = keyof typeof defaultMinutes;

const durationOf = (network: Network, { minutes, steps }: TrainOptions): Duration => {
  if (minutes !== undefined && steps !== undefined) throw new CytoError("USAGE", "Give --minutes or --steps, not both");
  return steps === undefined ? { minutes: minutes ?? defaultMinutes[network] } : { steps };
};

/** The names in a file, one a line. @throws CytoError USAGE */
const readNames = async (path: string): Promise<readonly string[]> => {
  const text = await readFile(path, "utf8").catch((error: unknown) => {
    throw new CytoError("USAGE", `${path} cannot be read`, { cause: error });
  });
  return text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "");
};

const listenerOf = (progress: Progress, record: (report: StepReport) => void): TrainingListener => ({
  loaded: (done, total) => {
    if (done === total) progress.note(`${total} fields read`, { fields: total });
  },
  step: (report) => {
    record(report);
    progress.update(report);
  },
  stage: (name) => progress.note(name),
});

const run = async (network: Network, options: TrainOptions): Promise<TrainingSummary> => {
  const progress = createProgress({
    stream: process.stderr,
    json: options.json || !process.stderr.isTTY,
    label: network,
  });
  const recorder = await lossRecorder(options.out, options.resume);
  const interrupt = new AbortController();
  const onSignal = () => interrupt.abort();
  process.once("SIGINT", onSignal).once("SIGTERM", onSignal);
  const leaveOut = options.leaveOut === undefined ? undefined : await readNames(options.leaveOut);
  const request: TrainingRequest = {
    datasets: options.data,
    scales: options.umPerPixel,
    out: options.out,
    duration: durationOf(network, options),
    seed: options.seed,
    resume: options.resume,
    ...(options.from === undefined ? {} : { from: options.from }),
    ...(leaveOut === undefined ? {} : { leaveOut }),
    ...(options.learningRate === undefined ? {} : { learningRate: options.learningRate }),
    version: options.modelVersion,
    command: `cytostream ${process.argv.slice(2).join(" ")}`,
    listener: listenerOf(progress, recorder.record),
    signal: interrupt.signal,
    engine: onnxruntimeEngine({
      executionProviders: await executionProvidersFor(options.provider),
      ...(options.threads === undefined ? {} : { intraOpThreads: options.threads }),
    }),
  };
  try {
    return network === "unet"
      ? await trainDetector({ ...request, ...detectorOptions(options) })
      : await trainClassifier(request);
  } finally {
    process.removeListener("SIGINT", onSignal).removeListener("SIGTERM", onSignal);
    progress.end();
    await recorder.close();
    await writeLossPlot(`${options.out}/losses.png`, recorder.series(), { title: `train ${network}` });
  }
};

const detectorOptions = ({ share = {}, canvas }: TrainOptions) => ({
  ...(Object.keys(share).length === 0 ? {} : { shares: share }),
  ...(canvas === undefined ? {} : { settings: { canvasPx: canvas } }),
});

const print = (summary: TrainingSummary, json: boolean): void => {
  if (json) process.stdout.write(`${JSON.stringify(summary)}\n`);
  else {
    const state = summary.finished ? `finished; model in ${summary.model}` : "stopped; go on with --resume";
    process.stdout.write(`${summary.steps} steps in ${summary.seconds.toFixed(0)} s, ${state}\n`);
    for (const [name, value] of Object.entries(summary.figures)) process.stdout.write(`  ${name}  ${String(value)}\n`);
  }
};

const interrupted = 130;

export const register = (program: Command): void => {
  const train = program
    .command("train")
    .description("Trains a network on labelled fields.")
    .addHelpText("after", examples);
  const networks: readonly (readonly [Network, string])[] = [
    ["unet", "the U-Net that maps fields to densities and extents"],
    ["cells", "the classifier that names leukocytes"],
  ];
  for (const [network, summary] of networks) {
    const command = train
      .command(network)
      .description(`Trains ${summary}.`)
      .requiredOption("--data <DATASET...>", "folders of labelled fields")
      .requiredOption("--out <DIR>", "folder for checkpoint, losses and model")
      .addOption(new Option("--minutes <N>", `wall-clock time, default ${defaultMinutes[network]}`).argParser(positive))
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
      .addOption(new Option("--learning-rate <N>", "highest learning rate, default 0.002").argParser(positive))
      .option("--resume", "go on from the checkpoint in OUT", false)
      .option("--model-version <V>", "version that the model gets", "0.1.0")
      .option("--json", "JSON lines on standard error, one object with the result on standard output", false)
      .addHelpText("after", examples);
    if (network === "unet") {
      const share = "part of the samples by data set, default by number of fields";
      const canvas = "side of a training sample, px, a multiple of 16; default 176";
      command.addOption(new Option("--canvas <PX>", canvas).argParser(canvasSide));
      command.addOption(new Option("--share <DATASET=PART...>", share).argParser(collectByDataset).default({}));
    }
    command.action(async (options: TrainOptions) => {
      const result = await run(network, options);
      print(result, options.json);
      if (!result.finished) process.exitCode = interrupted;
    });
  }
};
