import { type Command, InvalidArgumentError, Option } from "commander";
import { CytoError, modelsDirectory } from "../core/index.js";
import { resolveModel } from "../registry/index.js";
import type { TrainingListener } from "../training/index.js";
import { createProgress, type Progress } from "../training/progress/index.js";
import {
  type Arm,
  arms,
  assembleTable,
  defaultReproductionSettings,
  listRuns,
  type Painting,
  type Plan,
  paintings,
  performRuns,
  type RegimeName,
  type RunListener,
  type RunRequest,
  regimeNames,
  type TableName,
  table2Plan,
  table4Plan,
} from "../training/reproduction/index.js";
import { canvasSide, collectByDataset, part, positive, wholeNumber } from "./trainArguments.js";
import { type EngineChoice, trainingEngineFor, trainingEngineOption } from "./trainingEngine.js";
import { trainingProviderOption } from "./trainingProvider.js";

interface CommonOptions extends EngineChoice {
  readonly data?: string[];
  readonly out: string;
  readonly umPerPixel: Record<string, number>;
  readonly minutes?: number;
  readonly seeds: number[];
  readonly painterSteps: number;
  readonly cellsSteps: number;
  readonly painterFields: number;
  readonly painterSide: number;
  readonly painterBatch: number;
  readonly fields?: number;
  readonly features: string;
  readonly only?: string[];
  readonly list: boolean;
  readonly assemble: boolean;
  readonly redo: boolean;
  readonly json: boolean;
}

interface Table2Options extends CommonOptions {
  readonly paintings: Painting[];
}

interface Table4Options extends CommonOptions {
  readonly regimes: RegimeName[];
  readonly arms: Arm[];
  readonly alone: boolean;
  readonly steps: number;
  readonly canvas: number;
  readonly batch: number;
  readonly paintedRatio: number;
  readonly madeFields?: number;
}

const defaults = defaultReproductionSettings;

const settingsOf = (options: CommonOptions & Partial<Table4Options>): RunRequest["settings"] => ({
  painterSteps: options.painterSteps,
  cellsSteps: options.cellsSteps,
  painterFields: options.painterFields,
  painterSidePx: options.painterSide,
  painterBatch: options.painterBatch,
  detectorSteps: options.steps ?? defaults.detectorSteps,
  canvasPx: options.canvas ?? defaults.canvasPx,
  batch: options.batch ?? defaults.batch,
  ratio: options.paintedRatio ?? defaults.ratio,
  madeFields: options.madeFields,
  mostFields: options.fields,
});

/** Data sets by what the plan calls them. @throws CytoError USAGE */
const dataOf = (table: TableName, { data = [] }: CommonOptions): RunRequest["data"] => {
  if (table === "table2") {
    if (data.length === 0) throw new CytoError("USAGE", "--data names the data sets");
    return { all: data };
  }
  const [named, other] = data;
  if (data.length !== 2 || named === undefined || other === undefined)
    throw new CytoError(
      "USAGE",
      "--data names two data sets: one whose labels name leukocytes, then another laboratory's",
    );
  return { named: [named], other: [other] };
};

/** Shows each run in turn. */
class Display implements TrainingListener, RunListener {
  #progress: Progress | undefined;
  #prefix = "";

  constructor(private readonly json: boolean) {}

  readonly run: RunListener["run"] = (name, state, { at, of }) => {
    if (state === "begins") {
      this.#prefix = `${at}/${of}`;
      this.#progress = createProgress({
        stream: process.stderr,
        json: this.json || !process.stderr.isTTY,
        label: name,
      });
      this.#progress.note(`${this.#prefix} ${name}`, { run: name, at, of });
      return;
    }
    this.end();
    if (this.json) process.stderr.write(`${JSON.stringify({ run: name, state, at, of })}\n`);
    else process.stderr.write(`${at}/${of} ${name}: ${state === "found" ? "done before" : state}\n`);
  };

  readonly loaded: TrainingListener["loaded"] = (done, total) => {
    if (done === total) this.#progress?.note(`${total} fields read`, { fields: total });
  };

  readonly step: TrainingListener["step"] = (report) => this.#progress?.update(report);

  readonly stage: TrainingListener["stage"] = (name) => this.#progress?.note(name);

  end(): void {
    this.#progress?.end();
    this.#progress = undefined;
  }
}

const train = async (table: TableName, plan: Plan, options: CommonOptions): Promise<boolean> => {
  const interrupt = new AbortController();
  const onSignal = () => interrupt.abort();
  const display = new Display(options.json);
  const { features, threads } = options;
  process.once("SIGINT", onSignal).once("SIGTERM", onSignal);
  try {
    return await performRuns({
      plan,
      out: options.out,
      data: dataOf(table, options),
      scales: options.umPerPixel,
      settings: settingsOf(options),
      features: features.endsWith(".onnx") ? features : await resolveModel(modelsDirectory(), features),
      engine: await trainingEngineFor(options),
      threads,
      only: options.only,
      minutes: options.minutes,
      redo: options.redo,
      command: `cytostream ${process.argv.slice(2).join(" ")}`,
      listener: display,
      progress: display,
      signal: interrupt.signal,
    });
  } finally {
    display.end();
    process.removeListener("SIGINT", onSignal).removeListener("SIGTERM", onSignal);
  }
};

const list = async (plan: Plan, { out, json }: CommonOptions): Promise<void> => {
  const runs = await listRuns(plan, out);
  if (json) process.stdout.write(`${JSON.stringify(runs)}\n`);
  else
    for (const { stage, name, state, needs } of runs)
      process.stdout.write(`${stage}\t${name}\t${state}${needs.length > 0 ? `\tneeds ${needs.join(", ")}` : ""}\n`);
};

const unfinished = 130;

const run = async (table: TableName, plan: Plan, options: CommonOptions): Promise<void> => {
  if (options.list) return list(plan, options);
  const done = options.assemble || (await train(table, plan, options));
  if (!done) process.exitCode = unfinished;
  // Other processes may be at other runs: the table is put together when all are done.
  if (options.only !== undefined && !options.assemble) {
    process.stdout.write(options.json ? `${JSON.stringify({ runs: options.only, done })}\n` : "");
    return;
  }
  const { text, ...rest } = await assembleTable(table, plan, options.out);
  if (options.json) process.stdout.write(`${JSON.stringify(rest)}\n`);
  else {
    const left = rest.missing.length;
    process.stdout.write(`\n${text}${left > 0 ? `\n${left} runs are not done; the same command goes on.\n` : ""}`);
    process.stdout.write(`\n${rest.files.join("\n")}\n`);
  }
};

const seed = (text: string, known: number[] | undefined): number[] => [...(known ?? []), wholeNumber(text)];

/** Collects names, of which the first replaces the default. */
const oneOf =
  <Name extends string>(names: readonly Name[], given: Name[] = []) =>
  (text: string): Name[] => {
    const name = names.find((known) => known === text);
    if (name === undefined) throw new InvalidArgumentError(`Allowed are ${names.join(", ")}.`);
    given.push(name);
    return given;
  };

const common = (command: Command): Command =>
  command
    .requiredOption("--out <DIR>", "folder for the runs and the table")
    .option("--data <DATASET...>", "folders of data sets with the splits train and val")
    .addOption(
      new Option("--um-per-pixel <DATASET=UM...>", "scale of a data set; default: each field's red cells tell it")
        .argParser(collectByDataset)
        .default({}),
    )
    .addOption(new Option("--minutes <N>", "time for this call; called again it goes on").argParser(positive))
    .addOption(new Option("--seeds <N...>", "seeds, default 1 2 3").argParser(seed))
    .addOption(
      new Option("--painter-steps <N>", "of each painter").argParser(wholeNumber).default(defaults.painterSteps),
    )
    .addOption(
      new Option("--painter-fields <N>", "training fields of a data set that it sees, at most")
        .argParser(wholeNumber)
        .default(defaults.painterFields),
    )
    .addOption(new Option("--painter-side <PX>", "of a sample").argParser(canvasSide).default(defaults.painterSidePx))
    .addOption(
      new Option("--painter-batch <N>", "samples a step").argParser(wholeNumber).default(defaults.painterBatch),
    )
    .addOption(
      new Option("--cells-steps <N>", "of each classifier").argParser(wholeNumber).default(defaults.cellsSteps),
    )
    .addOption(new Option("--fields <N>", "validation fields of each data set, default all").argParser(wholeNumber))
    .option("--only <RUN...>", "these runs and what they need, instead of all; --list names the runs")
    .option("--list", "list the runs with the stage in which each can be done, and do nothing", false)
    .option("--assemble", "put the table together from the runs that are done, reading nothing else", false)
    .option("--redo", "throw away runs that were begun with other settings", false)
    .option("--features <MODEL>", "for FID: a model of features, or an ONNX file of your own", "features")
    .addOption(new Option("--threads <N>", "threads of the engine, default all cores").argParser(wholeNumber))
    .addOption(trainingEngineOption())
    .addOption(trainingProviderOption())
    .option("--json", "JSON lines on standard error, one object with the table on standard output", false);

const help = `
Stopped and started again it goes on: finished runs, each a folder in OUT/runs, are not repeated, and a training that was
stopped goes on from its checkpoint. OUT gets the table as Markdown, CSV and a contact sheet. docs/reproduction.md says
what each figure is.

Examples:
  cytostream reproduce table2 --data a/ b/ --out runs/table2 --minutes 60
  cytostream reproduce table4 --data named/ other/ --out runs/table4 --regimes rare --arms rd mcgan copy-paste
  cytostream reproduce table4 --out runs/table4 --list
  cytostream reproduce table4 --data named/ other/ --out runs/table4 --only detector-mcgan-named-eight-1 --threads 1
  cytostream reproduce table4 --out runs/table4 --assemble`;

const defaultSeeds = [1, 2, 3];

export const register = (program: Command): void => {
  const reproduce = program
    .command("reproduce")
    .summary("make the tables of the method's paper again")
    .description("Trains what a table of the method's paper compares, scores it and prints the table.")
    .addHelpText("after", help);
  common(reproduce.command("table2").description("Painted pictures of held-out masks: PSNR, SSIM, FID."))
    .addOption(
      new Option("--paintings <NAME...>", `of ${paintings.join(", ")}; all`).argParser(oneOf<Painting>(paintings)),
    )
    .addHelpText("after", help)
    .action((options: Table2Options) => {
      const { seeds = defaultSeeds, paintings: wanted = paintings } = options;
      return run("table2", table2Plan({ seeds, paintings: wanted }), options);
    });
  common(reproduce.command("table4").description("Detectors trained on different sets: P by class."))
    .addOption(
      new Option("--regimes <NAME...>", `of ${regimeNames.join(", ")}; all`).argParser(oneOf<RegimeName>(regimeNames)),
    )
    .addOption(new Option("--arms <NAME...>", `of ${arms.join(", ")}; all`).argParser(oneOf<Arm>(arms)))
    .option("--no-alone", "leave out the networks that learn from painted fields alone")
    .addOption(new Option("--steps <N>", "of each detector").argParser(wholeNumber).default(defaults.detectorSteps))
    .addOption(new Option("--canvas <PX>", "of a detector's sample").argParser(canvasSide).default(defaults.canvasPx))
    .addOption(new Option("--batch <N>", "samples a step of a detector").argParser(wholeNumber).default(defaults.batch))
    .addOption(
      new Option("--painted-ratio <R>", "part of the samples that is made").argParser(part).default(defaults.ratio),
    )
    .addOption(new Option("--made-fields <N>", "fields made for a training; default by steps").argParser(wholeNumber))
    .addHelpText("after", help)
    .action((options: Table4Options) => {
      const { seeds = defaultSeeds, regimes = regimeNames, arms: wanted = arms, alone } = options;
      return run("table4", table4Plan({ seeds, regimes, arms: wanted, alone }), options);
    });
};
