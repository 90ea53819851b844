import type { Command } from "commander";
import { CytoError, modelsDirectory } from "../core/index.js";
import type { DetectorModels } from "../detection/index.js";
import {
  type ClassComparison,
  findModel,
  type GateReport,
  judgeCandidate,
  type LoadedModel,
  loadClassifierModel,
  loadDetectorModel,
  loadModel,
  type ModelTallies,
  nextLevel,
  resolveModel,
} from "../registry/index.js";
import { openDataset } from "../training/datasets/index.js";
import { tallyModels } from "../training/evaluation/index.js";
import { askDaemon, daemonUrl, type LaboratoryOptions, openLaboratory, withDataDirectory } from "./laboratory.js";

interface CompareOptions extends LaboratoryOptions {
  readonly old?: string;
  readonly split: string;
  readonly json?: boolean;
}

const signed = (points: number): string => `${points < 0 ? "-" : "+"}${Math.abs(points).toFixed(2)}`;

const row = (where: string, { cellClass, difference, low, high, cells = 0, tested }: ClassComparison): string => {
  const judged = tested === false ? "watched" : "tested";
  const interval = `[${signed(low)}, ${signed(high)}]`;
  return `  ${where.padEnd(11)} ${cellClass.padEnd(22)} ${signed(difference).padStart(7)}  ${interval.padEnd(20)} ${String(cells).padStart(7)} cells  ${judged}`;
};

/** The gate's report for people. */
export const gateTable = (report: GateReport): string => {
  const { candidate, active, decision, reasons, alpha, pooled, classes, old, fields } = report;
  return [
    `${candidate} against ${active}: ${decision === "promote" ? "would be promoted" : "refused"}`,
    ...reasons.map((reason) => `  - ${reason}`),
    `P of the candidate less that of the other, points; intervals at the level ${alpha.toPrecision(2)}; ${fields.validation} fields, ${fields.old} old ones`,
    row("validation", pooled),
    ...classes.map((comparison) => row("validation", comparison)),
    ...(old ? [row("old", old.pooled), ...old.classes.map((comparison) => row("old", comparison))] : []),
  ].join("\n");
};

/** A model by folder, name or name@version: the laboratory's own first, then the shipped ones. */
const openNamed = async (spec: string, folders: readonly string[]): Promise<LoadedModel> => {
  let failure: unknown;
  for (const folder of folders) {
    try {
      return await loadModel(await resolveModel(folder, spec));
    } catch (error) {
      failure = error;
    }
  }
  throw failure;
};

/** A model with the shipped one of the other kind beside it. */
const pairOf = async ({ directory, manifest }: LoadedModel): Promise<DetectorModels> => {
  const beside = (name: string): Promise<string> => findModel(modelsDirectory(), name);
  if (manifest.kind === "detector") {
    const classifier = await loadClassifierModel(await beside("cells"));
    return { detector: await loadDetectorModel(directory), classifier };
  }
  return { detector: await loadDetectorModel(await beside("unet")), classifier: await loadClassifierModel(directory) };
};

const tallyData = async (models: readonly DetectorModels[], directory: string | undefined, split: string) => {
  if (directory === undefined) return models.map(() => []);
  const dataset = await openDataset(directory);
  const fields = await dataset.fields(split);
  const { stderr } = process;
  let done = 0;
  const onField = (): void => {
    if (stderr.isTTY) stderr.write(`\r${++done} of ${models.length * fields.length}`);
  };
  const tallies = [];
  for (const each of models) tallies.push(await tallyModels(each, { fields, classes: dataset.classes, onField }));
  if (stderr.isTTY) stderr.write("\n");
  return tallies;
};

const compareOnData = async (
  [candidate, active]: readonly [string, string],
  data: string,
  options: CompareOptions,
): Promise<GateReport> => {
  const { config, paths } = await openLaboratory(options);
  const folders = [paths.models, modelsDirectory()];
  const loaded = [await openNamed(candidate, folders), await openNamed(active, folders)] as const;
  const [first, second] = loaded;
  if (first.manifest.kind !== second.manifest.kind || !["detector", "classifier"].includes(first.manifest.kind))
    throw new CytoError("MODEL_INVALID", "two detectors, or two classifiers, can be compared");
  const models = [await pairOf(first), await pairOf(second)];
  const [validation, old] = [
    await tallyData(models, data, options.split),
    await tallyData(models, options.old, options.split),
  ];
  const { alpha, marginPoints } = config.training.gate;
  const tallies = (index: 0 | 1): ModelTallies => ({ validation: validation[index]!, old: old[index]! });
  const nameOf = ({ manifest }: LoadedModel): string => `${manifest.name}@${manifest.version}`;
  const atMs = Date.now();
  return judgeCandidate({
    ...{ candidate: nameOf(first), active: nameOf(second), marginPoints, atMs },
    tallies: { candidate: tallies(0), active: tallies(1) },
    alpha: nextLevel(alpha, [], atMs),
  });
};

const compareByDaemon = async (candidate: string, active: string, options: CompareOptions): Promise<GateReport> => {
  const url = await daemonUrl(await openLaboratory(options));
  if (url === undefined)
    throw new CytoError("USAGE", "no daemon works in the data directory", {
      remedy: "Name a data set to compare on: `cytostream models compare A B DATASET`.",
    });
  return (await askDaemon(url, `/v1/models/compare?${new URLSearchParams({ a: candidate, b: active })}`)) as GateReport;
};

const compare = async (
  candidate: string,
  active: string,
  data: string | undefined,
  options: CompareOptions,
): Promise<void> => {
  const report =
    data === undefined
      ? await compareByDaemon(candidate, active, options)
      : await compareOnData([candidate, active], data, options);
  process.stdout.write(`${options.json ? JSON.stringify(report, null, 2) : gateTable(report)}\n`);
  if (report.decision === "refuse") process.exitCode = 1;
};

export const addCompare = (models: Command): void => {
  withDataDirectory(models.command("compare"))
    .description(
      "Compares two models as the gate does, promoting neither: on a data set, or on the frozen validation fields of the daemon that runs. Exit code 1 where the gate would refuse.",
    )
    .argument("<candidate>", "name, name@version, or a folder")
    .argument("<active>", "what it is compared with")
    .argument("[dataset]", "folder of labelled pictures; the daemon's validation fields without")
    .option("--old <dataset>", "data on which no class may be worse by the margin")
    .option("--split <name>", "of the data sets", "val")
    .action(compare);
};
