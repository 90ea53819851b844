import { readFile } from "node:fs/promises";
import { type Command, InvalidArgumentError, Option } from "commander";
import { CytoError } from "../core/index.js";
import {
  exportScan,
  focusModes,
  readScans,
  type ScanPlan,
  type ScanRecord,
  type ScanRequest,
  type StopRules,
} from "../scan/index.js";
import {
  askDaemon,
  type DataDirectoryOptions,
  daemonUrl,
  type Laboratory,
  openLaboratory,
  userName,
  withDataDirectory,
} from "./laboratory.js";
import { runningDaemon } from "./microscopeDaemon.js";

const write = (text: string): void => void process.stdout.write(`${text}\n`);

const planKinds = ["serpentine", "battlement", "list", "monolayer"] as const;

interface StartOptions extends DataDirectoryOptions {
  readonly slide: string;
  readonly plan: (typeof planKinds)[number];
  readonly region?: readonly number[];
  readonly overlap?: number;
  readonly list?: string;
  readonly fieldsDeep?: number;
  readonly fieldsBetween?: number;
  readonly coarseFields?: number;
  readonly stop?: readonly (readonly [string, number])[];
  readonly focus: ScanRequest["focus"];
  readonly follow?: boolean;
}

const number = (text: string): number => {
  const value = Number(text);
  if (text.trim() === "" || !Number.isFinite(value)) throw new InvalidArgumentError("a number is due");
  return value;
};

const region = (text: string): readonly number[] => {
  const numbers = text.split(",").map(number);
  if (numbers.length !== 4)
    throw new InvalidArgumentError("left, top, width and height in um, e.g. 2000,3000,4000,2500");
  return numbers;
};

const stopNames = {
  leukocytes: "leukocytes",
  fields: "fields",
  area: "areaMm2",
  minutes: "minutes",
  limits: "limits",
} as const;

const stopRule = (text: string, before: readonly (readonly [string, number])[] = []) => {
  const [name = "", value = ""] = text.split("=");
  if (!(name in stopNames))
    throw new InvalidArgumentError(`one of ${Object.keys(stopNames).join(", ")}, e.g. leukocytes=200`);
  return [...before, [name, number(value)] as const];
};

const stopRulesOf = (rules: readonly (readonly [string, number])[]): StopRules => {
  const entries = rules.map(([name, value]) => [
    stopNames[name as keyof typeof stopNames],
    name === "limits" ? { halfWidthPercent: value } : value,
  ]);
  return Object.fromEntries(entries) as StopRules;
};

/** Two numbers a line, um; a line of words before them is left out. */
const readPlaces = async (path: string): Promise<{ x: number; y: number }[]> => {
  const text = await readFile(path, "utf8").catch((cause: unknown) => {
    throw new CytoError("USAGE", `${path} cannot be read`, { cause });
  });
  const lines = text.split(/\r?\n/).filter((line) => line.trim() !== "");
  return lines.flatMap((line, index) => {
    const [x = Number.NaN, y = Number.NaN] = line.split(/[,;\t]/).map(Number);
    if (Number.isFinite(x) && Number.isFinite(y)) return [{ x, y }];
    if (index === 0) return [];
    throw new CytoError("USAGE", `${path}, line ${index + 1}: two numbers are due, x and y in um`);
  });
};

const planOf = async (options: StartOptions): Promise<ScanPlan> => {
  const { plan: kind, overlap = 0.1 } = options;
  if (kind === "list") {
    if (options.list === undefined) throw new CytoError("USAGE", "--plan list needs --list FILE");
    return { kind, centresUm: await readPlaces(options.list) };
  }
  const [left, top, width, height] = options.region ?? [];
  if (left === undefined || top === undefined || width === undefined || height === undefined)
    throw new CytoError("USAGE", `--plan ${kind} needs --region LEFT,TOP,WIDTH,HEIGHT`);
  const within = { region: { left, top, width, height }, overlap };
  if (kind === "battlement")
    return { kind, ...within, fieldsDeep: options.fieldsDeep ?? 4, fieldsBetween: options.fieldsBetween ?? 2 };
  if (kind === "monolayer") return { kind, ...within, coarseFields: options.coarseFields ?? 40 };
  return { kind, ...within };
};

const percent = (scan: ScanRecord): string =>
  scan.fieldsPlanned === 0 ? "" : ` (${Math.round((100 * scan.fieldsDone) / scan.fieldsPlanned)} %)`;

const units = {
  leukocytes: "leukocytes",
  fields: "fields",
  areaMm2: "mm2",
  minutes: "min",
  limits: "% half width",
} as const;

const lineOf = (scan: ScanRecord): string => {
  const { id, slide, state, fieldsDone, fieldsPlanned, progress, failure, endedBy, setup } = scan;
  const rules = progress.map(
    ({ rule, value, goal, met }) =>
      `${value === null ? "-" : Number(value.toFixed(2))} of ${goal} ${units[rule]}${met ? ", met" : ""}`,
  );
  const why = failure ? `${failure.code}: ${failure.message}` : (endedBy ?? "");
  const parts = [
    slide,
    `${fieldsDone} of ${fieldsPlanned || "?"} fields${percent(scan)}`,
    ...rules,
    why,
    setup.simulated ? "simulated" : "",
  ];
  return `${id}  ${state.padEnd(8)}  ${parts.filter((part) => part !== "").join("; ")}`;
};

const countLines = ({ counts }: ScanRecord): string[] =>
  Object.entries(counts?.classes ?? {})
    .filter(([, { count }]) => count > 0)
    .map(
      ([name, { count, limits }]) =>
        `  ${name.padEnd(22)} ${String(count).padStart(7)}   ${limits.low.toFixed(0)} to ${limits.high?.toFixed(0) ?? "-"}`,
    );

const print = (scan: ScanRecord, { json }: DataDirectoryOptions, whole = false): void => {
  if (json) write(JSON.stringify(scan));
  else write([lineOf(scan), ...(whole ? countLines(scan) : [])].join("\n"));
};

const pathOf = (id: string, action = ""): string => `/v1/scans/${encodeURIComponent(id)}${action}`;

/** Of the daemon, or, where none works there, as they lie in the data directory. */
const allScans = async (laboratory: Laboratory): Promise<readonly ScanRecord[]> => {
  const url = await daemonUrl(laboratory);
  return url ? ((await askDaemon(url, "/v1/scans")) as readonly ScanRecord[]) : readScans(laboratory.paths);
};

const scanOf = async (laboratory: Laboratory, id: string): Promise<ScanRecord> => {
  const url = await daemonUrl(laboratory);
  if (url) return (await askDaemon(url, pathOf(id))) as ScanRecord;
  const found = (await readScans(laboratory.paths)).find((scan) => scan.id === id);
  if (found === undefined) throw new CytoError("SCAN_NOT_FOUND", `There is no scan ${id}.`);
  return found;
};

const followEveryMs = 1000;
const goesOn = new Set(["running"]);

const follow = async (url: string, id: string, options: DataDirectoryOptions): Promise<ScanRecord> => {
  let told = "";
  for (;;) {
    const scan = (await askDaemon(url, pathOf(id))) as ScanRecord;
    const text = lineOf(scan);
    if (text !== told) print(scan, options, !goesOn.has(scan.state));
    told = text;
    if (!goesOn.has(scan.state)) return scan;
    await new Promise((resolve) => setTimeout(resolve, followEveryMs));
  }
};

const start = async (options: StartOptions): Promise<void> => {
  const url = await runningDaemon(await openLaboratory(options));
  const { slide, focus } = options;
  const request: ScanRequest = {
    slide,
    plan: await planOf(options),
    stop: stopRulesOf(options.stop ?? []),
    focus,
    by: userName(),
  };
  const scan = (await askDaemon(url, "/v1/scans", request)) as ScanRecord;
  print(scan, options);
  if (!options.follow) return;
  const ended = await follow(url, scan.id, options);
  if (ended.failure) throw new CytoError(ended.failure.code, ended.failure.message);
};

/** The scan that is named, or the newest that can still go on. */
const currentId = async (url: string, id: string | undefined): Promise<string> => {
  if (id !== undefined) return id;
  const scans = (await askDaemon(url, "/v1/scans")) as readonly ScanRecord[];
  const current = scans.find(({ state }) => state === "running" || state === "paused");
  if (current === undefined) throw new CytoError("SCAN_NOT_FOUND", "No scan is under way.");
  return current.id;
};

const act = async (
  action: "pause" | "resume" | "abort",
  id: string | undefined,
  options: DataDirectoryOptions,
): Promise<void> => {
  const url = await runningDaemon(await openLaboratory(options));
  const path = pathOf(await currentId(url, id), `/${action}`);
  print((await askDaemon(url, path, action === "abort" ? { by: userName() } : {})) as ScanRecord, options);
};

const status = async (options: DataDirectoryOptions): Promise<void> => {
  const url = await runningDaemon(await openLaboratory(options));
  const scan = (await askDaemon(url, pathOf(await currentId(url, undefined)))) as ScanRecord;
  print(scan, options, true);
};

const list = async (options: DataDirectoryOptions): Promise<void> => {
  const scans = await allScans(await openLaboratory(options));
  if (options.json) write(JSON.stringify(scans));
  else for (const scan of scans) print(scan, options);
};

const show = async (id: string, options: DataDirectoryOptions): Promise<void> =>
  print(await scanOf(await openLaboratory(options), id), options, true);

const exportTo = async (id: string, options: DataDirectoryOptions & { readonly out: string }): Promise<void> => {
  const { paths } = await openLaboratory(options);
  const report = await exportScan(paths, id, options.out);
  write(options.json ? JSON.stringify({ ...report, out: options.out }) : `${id}: ${options.out}`);
};

const examples = `
Examples:
  cytostream scan start --slide 24-1187 --region 2000,3000,4000,2500 --stop limits=5 --focus map --follow
  cytostream scan start --slide 24-1187 --plan battlement --region 2000,3000,8000,2500 --stop leukocytes=200
  cytostream scan export 20260101-140311-5c1e --out found/`;

/** `cytostream scan`: scans of slides; needs a running daemon with a stage (docs/microscopes.md). */
export const register = (program: Command): void => {
  const scan = program
    .command("scan")
    .summary("scans of slides")
    .description("Scan slides: start, watch, pause, export")
    .addHelpText("after", examples);
  withDataDirectory(scan.command("start").description("begin a scan"))
    .requiredOption("--slide <NAME>", "what the laboratory calls the slide; no patient identifiers")
    .addOption(new Option("--plan <KIND>", "where to look").choices([...planKinds]).default("serpentine"))
    .option("--region <L,T,W,H>", "rectangle of the slide, um: left, top, width, height", region)
    .option("--overlap <SHARE>", "of neighbouring fields (default: 0.1)", number)
    .option("--list <FILE>", "centres of the fields, um: x,y a line", String)
    .option("--fields-deep <N>", "of a battlement: fields up and down (default: 4)", number)
    .option("--fields-between <N>", "of a battlement: fields to the next column (default: 2)", number)
    .option("--coarse-fields <N>", "of a monolayer: fields of the coarse pass, at most (default: 40)", number)
    .option(
      "--stop <RULE=N>",
      "ends it: leukocytes, fields, area (mm2), minutes, limits (% half width); may be repeated",
      stopRule,
    )
    .addOption(
      new Option("--focus <MODE>", "how fields are brought into focus").choices([...focusModes]).default("none"),
    )
    .option("--follow", "show progress until it ends", false)
    .action(start);
  withDataDirectory(scan.command("status").description("the scan under way")).action(status);
  for (const action of ["pause", "resume", "abort"] as const)
    withDataDirectory(
      scan.command(`${action} [ID]`).description(`${action} a scan; the one under way unless named`),
    ).action((id: string | undefined, options: DataDirectoryOptions) => act(action, id, options));
  withDataDirectory(scan.command("list").description("all scans, newest first")).action(list);
  withDataDirectory(scan.command("show <ID>").description("a scan, with its counts")).action(show);
  withDataDirectory(scan.command("export <ID>").description("write counts, cells, fields and the map to a folder"))
    .requiredOption("--out <DIR>", "folder to write")
    .action(exportTo);
};
