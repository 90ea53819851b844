import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { CytoError } from "../../core/index.js";
import { openFeatures } from "../features/index.js";
import { machineName } from "../machine.js";
import { identityOf } from "./identity.js";
import { DataIdentities, performUnit, type Surroundings } from "./performUnit.js";
import { csvText, markdownText, type TextTable, terminalText } from "./render.js";
import { lockFolder } from "./runLock.js";
import { type RunResult, Runs } from "./runs.js";
import { writeContactSheet } from "./strips.js";
import { table2Csv, table2CsvHeading, table2Rows, table2Sheet, table2Text } from "./table2.js";
import { table4Csv, table4CsvHeading, table4Rows, table4Sheet, table4Text } from "./table4.js";
import type { Plan, Unit } from "./units.js";

export type TableName = "table2" | "table4";

export interface RunListener {
  /** A run begins, was found finished, ends, or is left unfinished for want of time. */
  readonly run: (
    name: string,
    state: "begins" | "found" | "done" | "stopped",
    place: { at: number; of: number },
  ) => void;
}

export interface RunRequest extends Omit<Surroundings, "runs" | "signal"> {
  readonly plan: Plan;
  /** Folder of the runs. */
  readonly out: string;
  /** These runs and what they need, instead of all. */
  readonly only?: readonly string[] | undefined;
  /** Time for this call; the run that is going on when it is over keeps a checkpoint. */
  readonly minutes?: number | undefined;
  /** Throws away runs that were begun with other settings. */
  readonly redo: boolean;
  readonly progress: RunListener;
  readonly signal?: AbortSignal | undefined;
}

const unitsOf = ({ plan, only }: RunRequest): readonly Unit[] => {
  if (only === undefined) return plan.units;
  const stranger = only.find((name) => plan.unit(name) === undefined);
  if (stranger !== undefined)
    throw new CytoError("USAGE", `There is no run ${stranger} in this table`, {
      remedy: "`--list` names the runs; regimes, arms and seeds decide which there are.",
    });
  return [...new Set(only.flatMap((name) => plan.withNeeds(name)))];
};

const featuresHash = async ({ features, threads }: RunRequest, units: readonly Unit[]): Promise<string | undefined> => {
  if (!units.some(({ kind }) => kind === "pictures")) return undefined;
  await using network = await openFeatures(features, threads);
  return network.sha256;
};

/** A signal that also fires when the time is over, and how to let it go. */
const deadlineOf = ({ minutes, signal }: RunRequest) => {
  const controller = new AbortController();
  const abort = (): void => controller.abort();
  if (signal?.aborted) abort();
  signal?.addEventListener("abort", abort);
  const timer = minutes === undefined ? undefined : setTimeout(abort, minutes * 60_000);
  const release = (): void => {
    clearTimeout(timer);
    signal?.removeEventListener("abort", abort);
  };
  return { signal: controller.signal, release };
};

/**
 * Does the runs of a table that are not done yet, each after those that it needs, until the time is over. Stopped and
 * started again it goes on: finished runs are not repeated, a training that was stopped goes on from its checkpoint.
 * @returns whether all are done
 * @throws CytoError CHECKPOINT_INVALID for a run that was begun with other settings, naming what differs; and what
 *   trainings and scores throw
 */
export const performRuns = async (request: RunRequest): Promise<boolean> => {
  const { plan, settings, redo, progress, out, engine } = request;
  const units = unitsOf(request);
  const runs = new Runs(out);
  const data = new DataIdentities(request.data, request.scales);
  const context = { plan, settings, data, features: await featuresHash(request, units) };
  const { signal, release } = deadlineOf(request);
  try {
    for (const [index, unit] of units.entries()) {
      const place = { at: index + 1, of: units.length };
      const identity = await identityOf(unit, context);
      if (signal.aborted && (await runs.result(unit.name)) === undefined) return false;
      if (await runs.begin(unit.name, identity, redo)) {
        progress.run(unit.name, "found", place);
        continue;
      }
      await using _lock = await lockFolder(runs.folder(unit.name));
      progress.run(unit.name, "begins", place);
      const beganMs = performance.now();
      const { steps, figures, seconds: trained } = await performUnit(unit, { ...request, runs, signal });
      if (figures === undefined) {
        progress.run(unit.name, "stopped", place);
        return false;
      }
      const seconds = trained ?? (performance.now() - beganMs) / 1000;
      const machine = `${machineName()}, ${engine.name}`;
      await runs.finish(unit.name, identity, {
        seconds,
        ...(steps === undefined ? {} : { steps }),
        machine,
        figures: JSON.parse(JSON.stringify(figures)) as RunResult["figures"],
      });
      progress.run(unit.name, "done", place);
    }
    return true;
  } finally {
    release();
  }
};

/** A table as it stands. */
export interface Reproduction {
  readonly table: TableName;
  readonly text: string;
  readonly rows: readonly unknown[];
  /** Runs that are not finished. */
  readonly missing: readonly string[];
  readonly remarks: readonly string[];
  readonly files: readonly string[];
}

const kindOf = (plan: Plan, name: string): string => plan.unit(name)!.kind;

/** Runs of one kind that were made with other settings or data than the first of the kind. */
const remarksOf = (plan: Plan, results: ReadonlyMap<string, RunResult>): readonly string[] => {
  const first = new Map<string, { name: string; text: string }>();
  return [...results].flatMap(([name, { identity }]) => {
    const { settings, data } = identity as { settings: Record<string, unknown>; data: unknown };
    // What is made is no business of runs that make nothing.
    const { ratio: _, madeFields: __, ...common } = settings;
    const text = JSON.stringify([common, data]);
    const kind = `${kindOf(plan, name)} ${JSON.stringify(Object.keys(data as object))}`;
    const known = first.get(kind);
    if (!known) first.set(kind, { name, text });
    return known && known.text !== text
      ? [`${name} has other settings or data than ${known.name}: do not compare.`]
      : [];
  });
};

const write = async (path: string, text: string): Promise<string> => {
  await writeFile(path, text).catch((error: unknown) => {
    throw new CytoError("OUTPUT_FAILED", `${path} cannot be written`, { cause: error });
  });
  return path;
};

/**
 * Puts a table together from the runs that are finished, reading nothing else, and writes it into `out`: Markdown, CSV and
 * a contact sheet.
 * @throws CytoError CHECKPOINT_INVALID for a damaged run, OUTPUT_FAILED
 */
export const assembleTable = async (table: TableName, plan: Plan, out: string): Promise<Reproduction> => {
  const runs = new Runs(out);
  const results = new Map<string, RunResult>();
  const missing: string[] = [];
  for (const { name } of plan.units) {
    const result = await runs.result(name);
    if (result) results.set(name, result);
    else missing.push(name);
  }
  const remarks = remarksOf(plan, results);
  const text: TextTable = (table === "table2" ? table2Text : table4Text)(plan, results, remarks);
  const csv =
    table === "table2"
      ? csvText(table2CsvHeading, table2Csv(plan, results))
      : csvText(table4CsvHeading, table4Csv(plan, results));
  await mkdir(out, { recursive: true });
  const files = [
    await write(join(out, `${table}.md`), markdownText(text)),
    await write(join(out, `${table}.csv`), csv),
  ];
  const sheet = join(out, `${table}.png`);
  const strips = (table === "table2" ? table2Sheet : table4Sheet)(plan, runs, results);
  if (await writeContactSheet(sheet, strips)) files.push(sheet);
  const rows = table === "table2" ? table2Rows(plan, results) : table4Rows(plan, results);
  return { table, text: terminalText(text), rows, missing, remarks, files };
};

/** A run of a plan and how it stands. */
export interface ListedRun {
  readonly name: string;
  /** 0 for a run that needs no other, else one more than the latest of those that it needs: runs of a stage can go side by side. */
  readonly stage: number;
  readonly state: "done" | "begun" | "open";
  readonly needs: readonly string[];
}

/** The runs of a plan by stage. @throws CytoError CHECKPOINT_INVALID for a damaged run */
export const listRuns = async (plan: Plan, out: string): Promise<readonly ListedRun[]> => {
  const runs = new Runs(out);
  const begun = new Set(await runs.names());
  const stages = new Map<string, number>();
  const listed: ListedRun[] = [];
  for (const { name, needs } of plan.units) {
    const stage = Math.max(-1, ...needs.map((need) => stages.get(need) ?? 0)) + 1;
    stages.set(name, stage);
    const state = (await runs.result(name)) ? "done" : begun.has(name) ? "begun" : "open";
    listed.push({ name, stage, state, needs });
  }
  return listed.sort((a, b) => a.stage - b.stage);
};
