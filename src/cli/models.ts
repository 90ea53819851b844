import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { type Command, Option } from "commander";
import { CytoError, modelsDirectory } from "../core/index.js";
import { type ListedModel, listModels, resolveModel, verifyModel } from "../registry/index.js";
import { makeFeatures } from "../training/features/index.js";
import { addCompare } from "./compareModels.js";
import { type Laboratory, type LaboratoryOptions, openLaboratory } from "./laboratory.js";
import { activeModels, addProduction } from "./modelsInProduction.js";
import { collectByDataset } from "./trainArguments.js";

interface ModelsOptions {
  readonly dir: string;
  readonly json?: boolean;
}

/** What the commands say of one model. */
interface ModelReport {
  readonly name: string;
  readonly version: string;
  readonly directory: string;
  readonly isDefault: boolean;
  readonly inProduction?: boolean;
  readonly kind?: string;
  readonly precisions?: readonly string[];
  readonly sha256?: string;
  readonly ok: boolean;
  readonly error?: { readonly code: string; readonly message: string };
}

const reportOf = ({ manifest, fault, name, version, directory, isDefault }: ListedModel): ModelReport => ({
  name,
  version,
  directory,
  isDefault,
  ...(manifest
    ? {
        kind: manifest.kind,
        precisions: ["fp32", ...(manifest.variants ?? []).map(({ precision }) => precision)],
        sha256: manifest.sha256,
      }
    : {}),
  ok: fault === undefined,
  ...(fault ? { error: { code: fault.code, message: fault.message } } : {}),
});

const print = (reports: readonly ModelReport[], json: boolean, goodWord: string): void => {
  if (json) {
    process.stdout.write(`${JSON.stringify({ ok: reports.every(({ ok }) => ok), models: reports }, null, 2)}\n`);
    return;
  }
  for (const { name, version, isDefault, inProduction, kind, precisions, sha256, error } of reports) {
    const marks = `${isDefault ? "  default" : ""}${inProduction ? "  in production" : ""}`;
    const facts = error
      ? `${error.code}: ${error.message}`
      : `${kind}  ${precisions?.join(", ")}  ${sha256?.slice(0, 12)}${marks}`;
    process.stdout.write(`${error ? "BROKEN" : goodWord}  ${name} ${version}  ${facts}\n`);
  }
};

interface ListOptions extends LaboratoryOptions {
  readonly dir?: string;
  readonly json?: boolean;
}

/** Shipped models and the laboratory's own, with what is in production. */
const listLaboratory = async (laboratory: Laboratory): Promise<readonly ModelReport[]> => {
  const own = existsSync(laboratory.paths.models) ? await listModels(laboratory.paths.models) : [];
  const shipped = (await listModels(modelsDirectory())).map(reportOf);
  const active = await activeModels(laboratory);
  return [...shipped, ...own.map((model) => ({ ...reportOf(model), isDefault: false }))].map((report) =>
    active.includes(`${report.name}@${report.version}`) ? { ...report, inProduction: true } : report,
  );
};

const list = async (options: ListOptions): Promise<void> => {
  const { dir, json = false } = options;
  const reports =
    dir === undefined ? await listLaboratory(await openLaboratory(options)) : (await listModels(dir)).map(reportOf);
  print(reports, json, "found ");
};

const verifyOne = async (report: ModelReport): Promise<ModelReport> => {
  try {
    await verifyModel(report.directory);
    return report;
  } catch (error) {
    const { code, message } = CytoError.from(error, "MODEL_INVALID");
    return { ...report, ok: false, error: { code, message } };
  }
};

/** The models that are named, by name and version or folder; all of them where none is. */
const selected = async (specs: readonly string[], dir: string): Promise<ModelReport[]> => {
  if (specs.length === 0) return (await listModels(dir)).map(reportOf);
  const listed = await listModels(dir).catch(() => []);
  return Promise.all(
    specs.map(async (spec): Promise<ModelReport> => {
      const directory = await resolveModel(dir, spec);
      const known = listed.find((model) => model.directory === directory);
      if (known) return reportOf(known);
      return { name: spec, version: "", directory: resolve(directory), isDefault: false, ok: true };
    }),
  );
};

const verify = async (specs: readonly string[], options: ModelsOptions): Promise<void> => {
  const reports: ModelReport[] = [];
  for (const report of await selected(specs, options.dir)) reports.push(report.ok ? await verifyOne(report) : report);
  if (reports.length === 0) throw new CytoError("MODEL_NOT_FOUND", `no models in ${options.dir}`);
  print(reports, options.json ?? false, "sound ");
  if (reports.some(({ ok }) => !ok)) process.exitCode = 1;
};

const help = `
Examples:
  cytostream models list
  cytostream models verify
  cytostream models verify unet@1.2.0 runs/mine --json
  cytostream models compare unet@1.3.0-lab.1 unet@1.2.0 fields/ --old ../shared/data/oi-pbc
  cytostream models promote unet@1.3.0-lab.1 --reason 'seen on twenty slides'
  cytostream models rollback
  cytostream models history --at 2026-01-31T07:00
  cytostream models features --data smears/ --out models/features/1.1.0 --model-version 1.1.0`;

interface FeaturesOptions {
  readonly data: string[];
  readonly out: string;
  readonly detector: string;
  readonly umPerPixel: Record<string, number>;
  readonly modelVersion: string;
  readonly dir: string;
}

const features = async (options: FeaturesOptions): Promise<void> => {
  const { stderr } = process;
  const figures = await makeFeatures({
    detector: await resolveModel(options.dir, options.detector),
    datasets: options.data,
    scales: options.umPerPixel,
    out: options.out,
    version: options.modelVersion,
    command: `cytostream ${process.argv.slice(2).join(" ")}`,
    onField: (done, total) => {
      if (stderr.isTTY || done === total) stderr.write(`\r${done} of ${total} fields${done === total ? "\n" : ""}`);
    },
  });
  process.stdout.write(`features ${options.modelVersion} in ${options.out}: ${JSON.stringify(figures)}\n`);
};

export const register = (program: Command): void => {
  const models = program
    .command("models")
    .summary("list, verify, compare and promote models")
    .description("Trained networks, as shipped and as trained here; what is in production, and what was.")
    .addHelpText("after", help);
  models
    .command("list")
    .description(
      "Lists the shipped models and the laboratory's own, newest version first; `default` is what is taken where no version is asked for.",
    )
    .option("--dir <dir>", "this folder of models alone")
    .option("--config <file>", "YAML file (also the variable CYTOSTREAM_CONFIG)")
    .option("--data-dir <dir>", "data directory (also the variable CYTOSTREAM_DATA_DIR)")
    .option("--json", "print JSON")
    .action(list);
  addProduction(models);
  addCompare(models);
  models
    .command("verify")
    .description(
      "Checks manifests, hashes, classes, tensors, and runs each network once. Exit code 1 where one is broken.",
    )
    .argument("[model...]", "names, name@version, or folders; all of them without")
    .option("--dir <dir>", "folder of models", modelsDirectory())
    .option("--json", "print JSON")
    .action(verify);
  models
    .command("features")
    .description("Makes the network whose features Frechet distances are taken of, from a detector's way down.")
    .requiredOption("--data <DATASET...>", "folders of data sets; real patches of their training fields set its scale")
    .requiredOption("--out <DIR>", "folder for the model")
    .option("--detector <MODEL>", "name, name@version, or folder", "unet")
    .addOption(new Option("--um-per-pixel <DATASET=UM...>", "scale").argParser(collectByDataset).default({}))
    .option("--model-version <V>", "version that the model gets", "0.1.0")
    .option("--dir <dir>", "folder of models", modelsDirectory())
    .action(features);
};
