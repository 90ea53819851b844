import { type Command, Option } from "commander";
import { type CellClass, CytoError, cellClasses } from "../core/index.js";
import {
  exportLabels,
  type FieldRecord,
  importLabels,
  type LabelFormat,
  labelFormats,
  type ReviewState,
  reviewStates,
} from "../labels/index.js";
import { handInLabels, pathsOf, printResult, readLabels } from "./dataDirectory.js";
import { type DataDirectoryOptions, withDataDirectory } from "./laboratory.js";
import { positiveWhole } from "./trainArguments.js";

const examples = `
Formats: yolo (data.yaml, images/, labels/), voc (JPEGImages, Annotations), coco (annotations.json), geojson (QuPath: a file a
picture), csv (labels.csv: picture, class, left, top, right, bottom). docs/labels.md describes them.
Where the daemon runs, labels are handed to it; everything else looks on beside it.

Examples:
  cytostream labels import smears/ --author AB
  cytostream labels import smears/annotations.json --whole
  cytostream labels export out/ --format yolo
  cytostream labels list --state proposed corrected --class eosinophil
  cytostream labels next --limit 5
  cytostream labels stats --json`;

interface ImportOptions extends DataDirectoryOptions {
  readonly format?: LabelFormat;
  readonly author: string;
  readonly state: ReviewState;
  readonly whole: boolean;
}

const importAction = async (path: string, options: ImportOptions): Promise<void> => {
  const { format, author, state, whole } = options;
  const { stderr } = process;
  const onField = (done: number): void => {
    if (stderr.isTTY) stderr.write(`\r${done} fields`);
  };
  const report = await handInLabels(await pathsOf(options), (intake) =>
    importLabels(intake, { path, format, author, state, whole, onField }),
  );
  if (stderr.isTTY) stderr.write("\r");
  for (const { place, message } of report.faults) stderr.write(`${place}: ${message}\n`);
  const { imported, repeated, cells, faults } = report;
  printResult(report, options.json, () => [
    `${imported} fields with ${cells} cells from ${report.format}${repeated > 0 ? `, ${repeated} of them there before` : ""}`,
    ...(faults.length > 0 ? [`${faults.length} rows could not be taken${whole ? ", so nothing was" : ""}`] : []),
  ]);
  if (faults.length > 0) process.exitCode = whole ? 65 : 1;
};

interface ExportOptions extends DataDirectoryOptions {
  readonly format: LabelFormat;
  readonly state: ReviewState[];
}

const exportAction = async (path: string, options: ExportOptions): Promise<void> => {
  const { format, state: states } = options;
  const report = await readLabels(await pathsOf(options), (desk) => exportLabels(desk, { path, format, states }));
  for (const field of report.missing) process.stderr.write(`field ${field}: its picture's file is missing\n`);
  printResult(report, options.json, () => [
    `${report.fields} fields with ${report.cells} cells as ${format} in ${path}`,
  ]);
  if (report.missing.length > 0) process.exitCode = 1;
};

const statsAction = async (options: DataDirectoryOptions): Promise<void> => {
  const stats = await readLabels(await pathsOf(options), (desk) => desk.stats());
  printResult(stats, options.json, () => [
    ...Object.entries(stats.fields).map(([state, count]) => `${state.padEnd(22)} ${count} fields`),
    ...Object.entries(stats.cells).map(([name, count]) => `${name.padEnd(22)} ${count} confirmed cells`),
    `${stats.authors} people or models, ${stats.groups} groups of look-alikes, ${(stats.bytes / 2 ** 20).toFixed(1)} MiB of pictures`,
  ]);
};

const facts = ({ field, revision, state, cells, author, atMs, group }: FieldRecord): string =>
  `${field}  ${state.padEnd(12)} revision ${revision}  ${cells.length} cells  ${author}  ${new Date(atMs).toISOString()}${group === undefined ? "" : `  ${group}`}`;

interface LimitOptions extends DataDirectoryOptions {
  readonly limit: number;
}

const nextAction = async (options: LimitOptions): Promise<void> => {
  const offers = await readLabels(await pathsOf(options), (desk) => desk.next(options.limit));
  printResult({ offers }, options.json, () =>
    offers.flatMap(({ field, gain, reasons }) => [
      `${gain.toFixed(2)}  ${facts(field)}`,
      ...reasons.map(({ kind, text }) => `      ${kind}: ${text}`),
    ]),
  );
};

interface ListOptions extends LimitOptions {
  readonly state?: ReviewState[];
  readonly class?: CellClass;
  readonly group?: string;
  readonly after?: string;
}

const listAction = async (options: ListOptions): Promise<void> => {
  const { state: states, class: cellClass, group, limit, after } = options;
  const query = { states, cellClass, group, limit, after };
  const page = await readLabels(await pathsOf(options), (desk) => desk.list(query));
  printResult(page, options.json, () => [
    ...page.fields.map(facts),
    ...(page.cursor === undefined ? [] : [`more: --after ${page.cursor}`]),
  ]);
};

const showAction = async (id: string, options: DataDirectoryOptions): Promise<void> => {
  const revisions = await readLabels(await pathsOf(options), (desk) => desk.revisions(id));
  if (revisions.length === 0) throw new CytoError("LABEL_FIELD_UNKNOWN", `there is no field ${id}`);
  printResult({ revisions }, options.json, () =>
    revisions.flatMap((record) => [
      facts(record),
      ...Object.entries(record.origin).map(([key, value]) => `  ${key}: ${value}`),
      `  picture ${record.picture.sha256} (${record.picture.widthPx} x ${record.picture.heightPx})`,
      ...record.cells.map(({ cellClass, box: { left, top, right, bottom } }) => {
        const sides = [left, top, right, bottom].map((side) => side.toFixed(1)).join(" ");
        return `  ${cellClass.padEnd(22)} ${sides}`;
      }),
    ]),
  );
};

const limitOption = (standard: number): Option =>
  new Option("--limit <N>", "as many at most, 1 to 1000").argParser(positiveWhole).default(standard);

const registerHandling = (labels: Command): void => {
  withDataDirectory(labels.command("import <PATH>"))
    .description("Takes the labelled pictures of a data set. Rows that cannot be taken are named; exit code 1 then.")
    .addOption(new Option("--format <format>", "default: as recognised").choices(labelFormats))
    .option("--author <name>", "whose labels they are", "import")
    .addOption(new Option("--state <state>", "their review state").choices(reviewStates).default("confirmed"))
    .option("--whole", "take nothing where one row cannot be taken (exit code 65)", false)
    .action(importAction);
  withDataDirectory(labels.command("export <PATH>"))
    .description("Writes labelled fields and their pictures into a new folder.")
    .addOption(new Option("--format <format>", "format").choices(labelFormats).makeOptionMandatory())
    .addOption(new Option("--state <state...>", "of these states").choices(reviewStates).default(["confirmed"]))
    .action(exportAction);
};

export const register = (program: Command): void => {
  const labels = program
    .command("labels")
    .summary("labelled fields: import, export, statistics, what to review next")
    .description("The labelled fields of the laboratory.")
    .addHelpText("after", examples);
  registerHandling(labels);
  withDataDirectory(labels.command("stats"))
    .description("Counts fields, confirmed cells, pictures.")
    .action(statsAction);
  withDataDirectory(labels.command("next"))
    .description("The fields whose review brings most, and why.")
    .addOption(limitOption(10))
    .action(nextAction);
  withDataDirectory(labels.command("list"))
    .description("Lists fields, the newest change first.")
    .addOption(new Option("--state <state...>", "of these states").choices(reviewStates))
    .addOption(new Option("--class <class>", "with a cell of this class").choices(cellClasses))
    .option("--group <group>", "look-alikes of this group")
    .option("--after <cursor>", "go on behind the page before")
    .addOption(limitOption(50))
    .action(listAction);
  withDataDirectory(labels.command("show <ID>")).description("All revisions of a field.").action(showAction);
};
