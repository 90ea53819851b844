import { basename, resolve } from "node:path";
import { type Command, Option } from "commander";
import {
  type CellClass,
  CytoError,
  cellClasses,
  createRandom,
  densityClassOf,
  modelsDirectory,
  parseCellClass,
} from "../core/index.js";
import { type ExecutionProvider, executionProviders } from "../detection/index.js";
import { resolveModel } from "../registry/index.js";
import { type LabelledField, openDataset } from "../training/datasets/index.js";
import {
  drawnSource,
  type FieldSource,
  generateFields,
  loadMaskedFields,
  openPainter,
  type Painter,
  realSource,
} from "../training/painter/index.js";
import { collectByDataset, wholeNumber } from "./trainArguments.js";

interface GenerateCommand {
  readonly model: string;
  readonly count: number;
  readonly out: string;
  readonly classes?: string[];
  readonly from?: string;
  readonly split: string;
  readonly umPerPixel: Record<string, number>;
  readonly seed: number;
  readonly size?: number;
  readonly provider: ExecutionProvider;
  readonly threads?: number;
  readonly json: boolean;
}

const examples = `
OUT becomes a data set in YOLO layout that \`train\` and \`evaluate\` read: images/train, labels/train, data.yaml; masks/train
shows the masks, painted.json says by what it was painted. The labels are those of the masks: what is painted is labelled
exactly. The same seed gives the same files.

Examples:
  cytostream generate --model runs/mcgan/model --count 100 --out painted/
  cytostream generate --model mcgan --count 50 --classes basophil erythroblast --size 128 --out rare/
  cytostream generate --model runs/mcgan/model --count 200 --from smears/ --seed 7 --out repainted/`;

const defaultSizePx = 256;

/** @throws CytoError USAGE for a name that the taxonomy has not */
const classesOf = (names: readonly string[] | undefined): readonly CellClass[] | undefined =>
  names?.map((name) => {
    const cellClass = parseCellClass(name);
    if (!cellClass)
      throw new CytoError("USAGE", `${name} is no class of cells`, {
        remedy: `Use some of: ${cellClasses.join(", ")}.`,
      });
    return cellClass;
  });

/** Of fields with the classes asked for, as many as are painted, chosen by the seed; more where some may be too small. */
const chooseFields = (
  fields: readonly LabelledField[],
  { count, size, seed }: GenerateCommand,
  classes: readonly CellClass[] = [],
): readonly LabelledField[] => {
  const named = fields.filter(
    ({ cells }) =>
      classes.length === 0 ||
      cells.some(({ cellClass }) => classes.includes(cellClass) || classes.includes(densityClassOf(cellClass))),
  );
  const random = createRandom(seed).fork(1);
  const wanted = size === undefined ? count : 2 * count + 20;
  const left = [...(named.length === 0 ? fields.slice(0, 1) : named)];
  return Array.from({ length: Math.min(wanted, left.length) }, () => left.splice(random.int(left.length), 1)[0]!);
};

const sourceOf = async (
  painter: Painter,
  options: GenerateCommand,
  classes: readonly CellClass[] | undefined,
): Promise<FieldSource> => {
  const { from, split, size, threads } = options;
  if (from === undefined) return drawnSource(painter, size ?? defaultSizePx, classes);
  const umPerPixel = options.umPerPixel[basename(resolve(from))];
  const dataset = await openDataset(from, umPerPixel === undefined ? {} : { umPerPixel });
  const fields = await dataset.fields(split);
  if (fields.every(({ cells }) => cells.length === 0))
    throw new CytoError(
      "DATASET_INVALID",
      `The split ${split} of ${dataset.name} has no labels: no mask can be made of it`,
    );
  const chosen = chooseFields(fields, options, classes);
  const masked = await loadMaskedFields(chosen, threads === undefined ? {} : { threads });
  return realSource(
    masked.map(({ mask }) => mask),
    { redCellPx: painter.redCellPx, sizePx: size, classes },
  );
};

const run = async (options: GenerateCommand): Promise<void> => {
  const { count, out, seed, provider, threads, from } = options;
  if (count === 0) throw new CytoError("USAGE", "--count 0 asks for nothing");
  if (options.size === 0) throw new CytoError("USAGE", "a picture cannot be 0 px wide");
  const classes = classesOf(options.classes);
  await using painter = await openPainter(await resolveModel(modelsDirectory(), options.model), { provider, threads });
  const source = await sourceOf(painter, options, classes);
  const { stderr } = process;
  const generated = await generateFields({
    painter,
    source,
    count,
    out,
    seed,
    about: { ...(classes ? { classes } : {}), ...(from === undefined ? {} : { from: basename(resolve(from)) }) },
    onField: stderr.isTTY
      ? (done, total) => stderr.write(`\r${done} of ${total}${done === total ? "\n" : ""}`)
      : undefined,
  });
  if (options.json) process.stdout.write(`${JSON.stringify({ out, ...generated })}\n`);
  else {
    const cells = Object.entries(generated.cells).map(([name, number]) => `${number} ${name}`);
    process.stdout.write(`${generated.fields} painted fields in ${out}: ${cells.join(", ")}\n`);
  }
};

export const register = (program: Command): void => {
  program
    .command("generate")
    .summary("paint labelled fields")
    .description("Paints a data set of labelled fields, from masks drawn at random or taken from real fields.")
    .requiredOption("--model <DIR>", "folder of a painter's model, or the name of a shipped one")
    .addOption(new Option("--count <N>", "number of fields").argParser(wholeNumber).makeOptionMandatory(true))
    .requiredOption("--out <DIR>", "folder for the data set")
    .option("--classes <NAME...>", "classes that are to be in every field, such as basophil")
    .option("--from <DATASET>", "take masks and stains from the fields of a labelled data set")
    .option("--split <NAME>", "which split of DATASET", "train")
    .addOption(
      new Option("--um-per-pixel <DATASET=UM...>", "scale of DATASET; default: each field's red cells tell it")
        .argParser(collectByDataset)
        .default({}),
    )
    .addOption(new Option("--seed <N>", "seed of everything random").argParser(wholeNumber).default(1))
    .addOption(
      new Option(
        "--size <PX>",
        `side of the pictures, px; default ${defaultSizePx}, with --from whole fields`,
      ).argParser(wholeNumber),
    )
    .addOption(new Option("--provider <NAME>", "where the painter runs").choices(executionProviders).default("cpu"))
    .addOption(new Option("--threads <N>", "threads of the painter, default all cores").argParser(wholeNumber))
    .option("--json", "one JSON object with the result on standard output", false)
    .addHelpText("after", examples)
    .action(run);
};
