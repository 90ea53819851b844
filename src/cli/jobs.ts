import type { Command } from "commander";
import { CytoError, systemClock } from "../core/index.js";
import { openLaboratory as openWorkplace } from "../daemon/index.js";
import { createDetector } from "../detection/index.js";
import { createLogger } from "../observability/index.js";
import { lockDirectory } from "../store/index.js";
import { type JobDesk, type JobRecord, noteForLater, readJob, readJobs } from "../training/jobs/index.js";
import {
  askDaemon,
  daemonUrl,
  type Laboratory,
  type LaboratoryOptions,
  openLaboratory,
  userName,
  withDataDirectory,
} from "./laboratory.js";
import { programVersion } from "./version.js";

interface Options extends LaboratoryOptions {
  readonly json?: boolean;
}

const percent = (part: number): string => `${Math.round(100 * part)} %`;

const lineOf = (job: JobRecord): string => {
  const { id, state, step, done, attempt, fields, candidate, failure, pausedBy, reason } = job;
  const where = job.endedAtMs === undefined ? `${step}, ${percent(done)} of the whole` : "";
  const why = failure ? `${failure.code}: ${failure.message}` : "";
  const held = pausedBy === undefined ? "" : pausedBy === "live" ? "a slide is being counted" : "as asked";
  const tries = attempt > 1 ? `attempt ${attempt}` : "";
  const facts = [where, held, tries, `${fields} fields`, candidate ?? "", why, reason].filter((text) => text !== "");
  return `${id}  ${state.padEnd(9)}  ${facts.join("; ")}`;
};

const lossLine = ({ losses }: JobRecord): string => {
  const newest = new Map(losses.map(({ name, step, value }) => [name, { step, value }]));
  return [...newest].map(([name, { step, value }]) => `  ${name}  ${value.toPrecision(4)} at step ${step}`).join("\n");
};

const write = (text: string): void => void process.stdout.write(`${text}\n`);

const print = (job: JobRecord, { json }: Options): void => write(json ? JSON.stringify(job) : lineOf(job));

const printWhole = (job: JobRecord, options: Options): void => {
  const samples = job.samples.length === 0 ? "" : `  samples  ${job.samples.join(", ")}`;
  const text = [lineOf(job), lossLine(job), samples].filter((part) => part !== "").join("\n");
  write(options.json ? JSON.stringify(job) : text);
};

const list = async (options: Options): Promise<void> => {
  const laboratory = await openLaboratory(options);
  const url = await daemonUrl(laboratory);
  const jobs = url ? ((await askDaemon(url, "/v1/jobs")) as readonly JobRecord[]) : await readJobs(laboratory.paths);
  if (options.json) write(JSON.stringify(jobs));
  else for (const job of jobs) print(job, options);
};

const ofJob = async (laboratory: Laboratory, id: string): Promise<JobRecord> => {
  const url = await daemonUrl(laboratory);
  const path = `/v1/jobs/${encodeURIComponent(id)}`;
  return url ? ((await askDaemon(url, path)) as JobRecord) : readJob(laboratory.paths, id);
};

const followEveryMs = 1000;

const show = async (id: string, options: Options & { readonly follow?: boolean }): Promise<void> => {
  const laboratory = await openLaboratory(options);
  let told = "";
  for (;;) {
    const job = await ofJob(laboratory, id);
    if (!options.follow || job.endedAtMs !== undefined) return printWhole(job, options);
    const text = options.json ? JSON.stringify({ ...job, losses: [] }) : lineOf(job);
    if (text !== told) write(text);
    told = text;
    await new Promise((resolve) => setTimeout(resolve, followEveryMs));
  }
};

/** Follows a job to its end. */
const untilEnded = async (desk: JobDesk, id: string, options: Options): Promise<JobRecord> => {
  let told = "";
  return new Promise((resolve, reject) => {
    const look = (job: JobRecord): void => {
      if (job.id !== id) return;
      const text = lineOf({ ...job, done: Math.round(50 * job.done) / 50 });
      if (!options.json && text !== told) write(text);
      told = text;
      if (job.endedAtMs === undefined) return;
      end();
      resolve(job);
    };
    const end = desk.onChange(look);
    desk.show(id).then(look, reject);
  });
};

/** Trains in this process' sight, where no daemon works in the data directory. */
const startHere = async ({ config }: Laboratory, options: Options & { readonly by: string }): Promise<JobRecord> => {
  const log = createLogger({ level: "error", pretty: process.stderr.isTTY === true });
  const version = programVersion();
  await using workplace = await openWorkplace({ config, version, clock: systemClock, log });
  await using detector = await createDetector({ models: workplace.models, provider: "cpu", threads: 1 });
  workplace.serve(detector);
  const { jobs } = workplace.desks;
  if (!jobs) throw new CytoError("INTERNAL", "the data directory has no trainings");
  const { id } = await jobs.start(options.by);
  const stop = (): void => void jobs.cancel(id).catch(() => undefined);
  process.once("SIGINT", stop).once("SIGTERM", stop);
  try {
    return await untilEnded(jobs, id, options);
  } finally {
    process.removeListener("SIGINT", stop).removeListener("SIGTERM", stop);
  }
};

const start = async (options: Options & { readonly by: string }): Promise<void> => {
  const laboratory = await openLaboratory(options);
  const url = await daemonUrl(laboratory);
  if (url) return print((await askDaemon(url, "/v1/jobs", { by: options.by })) as JobRecord, options);
  const job = await startHere(laboratory, options);
  if (options.json) print(job, options);
  if (job.state === "failed" || job.state === "cancelled") process.exitCode = 1;
};

const change =
  (wish: "pause" | "resume" | "cancel") =>
  async (id: string, options: Options): Promise<void> => {
    const laboratory = await openLaboratory(options);
    const url = await daemonUrl(laboratory);
    if (url) {
      const path = `/v1/jobs/${encodeURIComponent(id)}/${wish}`;
      return print((await askDaemon(url, path, {})) as JobRecord, options);
    }
    await using _lock = await lockDirectory(laboratory.paths);
    print(await noteForLater(laboratory.paths, id, wish), options);
  };

const help = `
At the daemon that works in the data directory, else in its files: \`start\` then trains here, until it ends or Ctrl-C cancels it;
what is paused or cancelled is so for whoever opens the directory next.

Examples:
  cytostream jobs list
  cytostream jobs start --by "Dr. Kern"
  cytostream jobs show 20260131-223000123-0a1b2c --follow`;

export const register = (program: Command): void => {
  const jobs = program
    .command("jobs")
    .summary("trainings on the laboratory's own labels")
    .description("Lists the trainings of a data directory, begins one, pauses or cancels it.")
    .addHelpText("after", help);
  withDataDirectory(jobs.command("list")).description("Lists the trainings, newest first.").action(list);
  withDataDirectory(jobs.command("start"))
    .description("Begins a training by hand, whatever the rule says.")
    .option("--by <name>", "who asks", userName())
    .action(start);
  withDataDirectory(jobs.command("show"))
    .description("Shows a training: where it is, its losses, its samples.")
    .argument("<id>", "of the job")
    .option("--follow", "until it has ended")
    .action(show);
  for (const [wish, text] of [
    ["pause", "Lets a training rest."],
    ["resume", "Lets it go on."],
    ["cancel", "Ends it; what it has learnt is lost."],
  ] as const)
    withDataDirectory(jobs.command(wish)).description(text).argument("<id>", "of the job").action(change(wish));
};
