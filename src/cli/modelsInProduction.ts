import { type Command, InvalidArgumentError } from "commander";
import { modelsDirectory } from "../core/index.js";
import {
  entryOf,
  inProductionAt,
  type ModelEntry,
  ModelShelf,
  type Promotion,
  readPromotions,
  type ShelvedModel,
} from "../registry/index.js";
import {
  askDaemon,
  daemonUrl,
  type Laboratory,
  type LaboratoryOptions,
  openLaboratory,
  userName,
  withDataDirectory,
  withDesk,
} from "./laboratory.js";

interface Options extends LaboratoryOptions {
  readonly json?: boolean;
}

/** Ids of what is in production in a data directory, by its journal; nobody is asked, nothing is opened. */
export const activeModels = async ({ paths }: Laboratory): Promise<readonly string[]> =>
  inProductionAt(await readPromotions(paths.promotions), Number.POSITIVE_INFINITY).map(({ model }) => model);

const shelfOf = ({ paths }: Laboratory): ModelShelf =>
  new ModelShelf({ laboratory: paths.models, shipped: modelsDirectory() });

const showText = ({ name, version, kind, origin, sha256, active, lineage, figures, card }: ModelEntry): string =>
  [
    `${name}@${version}  ${kind}  ${origin}${active ? "  in production" : ""}`,
    `sha256 ${sha256}`,
    ...(lineage
      ? [
          `from ${lineage.parent} (${lineage.parentSha256.slice(0, 12)}), data ${lineage.dataSha256.slice(0, 12)}, seed ${lineage.seed}`,
          `trained ${new Date(lineage.trainedAtMs).toISOString()} by job ${lineage.job}, cytostream ${lineage.codeVersion}`,
        ]
      : []),
    `figures ${JSON.stringify(figures)}`,
    "",
    card.trimEnd(),
  ].join("\n");

/** The model of an id; of a bare name what is in production, else the newest. */
const find = async (laboratory: Laboratory, spec: string): Promise<ShelvedModel> => {
  const shelf = shelfOf(laboratory);
  if (spec.includes("@")) return shelf.find(spec);
  const active = (await activeModels(laboratory)).find((id) => id.startsWith(`${spec}@`));
  const newest = (await shelf.all()).find(({ manifest }) => manifest.name === spec)?.id;
  return shelf.find(active ?? newest ?? spec);
};

const show = async (spec: string, options: Options): Promise<void> => {
  const laboratory = await openLaboratory(options);
  const model = await find(laboratory, spec);
  const entry = await entryOf(model, (await activeModels(laboratory)).includes(model.id));
  process.stdout.write(`${options.json ? JSON.stringify(entry, null, 2) : showText(entry)}\n`);
};

const line = ({ atMs, kind, model, sha256, before, by, reason }: Promotion): string => {
  const from = before === undefined ? "" : ` (before: ${before})`;
  return `${new Date(atMs).toISOString()}  ${kind.padEnd(9)}  ${model} ${sha256.slice(0, 12)}${from}  by ${by}: ${reason}`;
};

const history = async (options: Options & { readonly at?: number }): Promise<void> => {
  const entries = await readPromotions((await openLaboratory(options)).paths.promotions);
  const asked: readonly Promotion[] =
    options.at === undefined ? entries.toReversed() : inProductionAt(entries, options.at);
  process.stdout.write(
    options.json ? `${JSON.stringify(asked, null, 2)}\n` : asked.map((each) => `${line(each)}\n`).join(""),
  );
};

const tell = (promotion: Promotion, { json }: Options): void =>
  void process.stdout.write(`${json ? JSON.stringify(promotion, null, 2) : line(promotion)}\n`);

const promote = async (
  model: string,
  options: Options & { readonly by: string; readonly reason: string },
): Promise<void> => {
  const laboratory = await openLaboratory(options);
  const url = await daemonUrl(laboratory);
  const { by, reason } = options;
  const promotion = url
    ? ((await askDaemon(url, "/v1/models/promote", { model, by, reason })) as Promotion)
    : await withDesk(laboratory, (desk) => desk.promote(model, by, reason));
  tell(promotion, options);
};

const rollback = async (options: Options & { readonly by: string }): Promise<void> => {
  const laboratory = await openLaboratory(options);
  const url = await daemonUrl(laboratory);
  const { by } = options;
  const promotion = url
    ? ((await askDaemon(url, "/v1/models/rollback", { by })) as Promotion)
    : await withDesk(laboratory, (desk) => desk.rollback(by));
  tell(promotion, options);
};

const time = (text: string): number => {
  const atMs = /^\d{11,}$/.test(text) ? Number(text) : Date.parse(text);
  if (!Number.isFinite(atMs)) throw new InvalidArgumentError("a date and time is due, e.g. 2026-01-31T07:00");
  return atMs;
};

/** Commands on the models of a laboratory: at the daemon that runs there, else in its files. */
export const addProduction = (models: Command): void => {
  withDataDirectory(models.command("show"))
    .description("Shows a model: where it comes from, its figures, its card.")
    .argument("<model>", "name@version; of a bare name what is in production")
    .action(show);
  withDataDirectory(models.command("promote"))
    .description("Puts a model into production, tried on its golden fields first, whatever the gate would say.")
    .argument("<model>", "name@version")
    .option("--by <name>", "who does it", userName())
    .option("--reason <text>", "why, for the history", "by hand")
    .action(promote);
  withDataDirectory(models.command("rollback"))
    .description("Takes the newest promotion back: what was in production before is so again.")
    .option("--by <name>", "who does it", userName())
    .action(rollback);
  withDataDirectory(models.command("history"))
    .description("What was put into production when, newest first; with a time, what was in production then.")
    .option("--at <time>", "date and time (ISO 8601), or milliseconds since the epoch", time)
    .action(history);
};
