import { randomBytes } from "node:crypto";
import { mkdir, readdir, readFile } from "node:fs/promises";
import { availableParallelism, loadavg } from "node:os";
import { join } from "node:path";
import { type Clock, CytoError, isLeukocyteClass, systemClock } from "../../core/index.js";
import { candidateVersion, type GateReport } from "../../registry/index.js";
import { type LaboratoryPaths, writeFileDurably } from "../../store/index.js";
import type { AttemptLimits } from "./attempt.js";
import type { JobDesk, JobRecord, TriggerDecision } from "./desk.js";
import { type RuleWatch, watchRule } from "./evaluator.js";
import { JobRun, type JobWork } from "./jobRun.js";
import type { JobPlan, ParentModel } from "./plan.js";
import { completeRecord, notFound, readCourses, samplesOf } from "./records.js";
import { freezeSnapshot, readSnapshot, type SnapshotField } from "./snapshot.js";
import { defaultSplit, openAssignments, type SplitPolicy, splitFields } from "./split.js";
import type { JobCourse } from "./state.js";
import { type Comparison, comparisonFile, comparisonSchema } from "./tallies.js";
import { decide, type TriggerFacts, type TriggerRule } from "./trigger.js";

/** What the trainings need of the other stations. */
export interface JobPorts {
  /** All confirmed fields, in their newest revisions. */
  fields(): Promise<readonly SnapshotField[]>;
  /** Whether a slide is being counted. */
  isLive(): boolean;
  /** Told when that changes; the returned function ends it. */
  onLive(listener: (live: boolean) => void): () => void;
  /** The models in production, and the painter to paint with. */
  activeModels(): Promise<{
    readonly detector: ParentModel;
    readonly classifier?: ParentModel | undefined;
    readonly painter?: ParentModel | undefined;
  }>;
  /** Decides on a candidate. */
  judge(comparison: Comparison, job: string): Promise<GateReport>;
  /** Puts a candidate into production. @throws CytoError as ModelDesk.promote */
  promote(candidate: string, report: GateReport): Promise<void>;
}

/** `training` of the configuration. */
export interface TrainingSettings {
  readonly enabled: boolean;
  readonly trigger: TriggerRule;
  readonly minutes: number;
  readonly threads: number;
  readonly memoryMiB: number;
  readonly retries: number;
  readonly paintedRatio: number;
  readonly seed: number;
}

export interface JobDeskOptions {
  readonly paths: LaboratoryPaths;
  readonly settings: TrainingSettings;
  readonly ports: JobPorts;
  /** Of cytostream. */
  readonly codeVersion: string;
  readonly clock?: Clock | undefined;
  /** Data sets of old that the model in production knows; default the folders in `datasets` of the data directory. */
  readonly old?: readonly string[] | undefined;
  /** How often the rule is asked, ms. */
  readonly ruleEveryMs?: number | undefined;
  readonly limits?: Partial<AttemptLimits> | undefined;
  readonly split?: SplitPolicy | undefined;
  readonly sizes?: JobPlan["sizes"];
  readonly checkpointEveryMs?: number | undefined;
  /** Processes per core that want to run; default the machine's. */
  readonly load?: (() => number) | undefined;
  /** Told of what goes wrong outside of a job: while the rule is asked, or a job cannot be gone on with. */
  readonly onError?: ((error: CytoError) => void) | undefined;
}

/** The trainings of a laboratory, with the rule that begins them. */
export interface OpenJobDesk extends JobDesk, AsyncDisposable {
  /** Asks the rule at once. */
  askRule(): Promise<TriggerDecision>;
  /** Resolves when the job that runs, if one does, has ended. */
  settled(): Promise<void>;
}

/** Fields to learn from that a training needs, over those that validate. */
const leastFields = 4;
const limitsDefault = { yields: true, startMs: 25_000, hungMs: 20_000, restMs: 1500, stopMs: 5000, watchMs: 500 };
/** The process keeps the time by itself; it is ended when it has taken so much more. */
const workOver = { factor: 1.25, ms: 120_000 };

/** By the time at which it began, so that names sort as jobs followed each other. */
const newId = (atMs: number): string => {
  const digits = new Date(atMs).toISOString().replaceAll(/\D/g, "");
  return `${digits.slice(0, 8)}-${digits.slice(8, 17)}-${randomBytes(3).toString("hex")}`;
};

const foldersIn = async (path: string): Promise<readonly string[]> => {
  const entries = await readdir(path, { withFileTypes: true }).catch(() => []);
  return entries.filter((entry) => entry.isDirectory()).map(({ name }) => join(path, name));
};

class Desk implements OpenJobDesk {
  readonly #options: JobDeskOptions;
  readonly #clock: Clock;
  readonly #courses = new Map<string, JobCourse>();
  readonly #listeners = new Set<(job: JobRecord) => void>();
  #run: JobRun | undefined;
  #starting = false;
  #watch: RuleWatch | undefined;
  #unsubscribe = (): void => undefined;
  #lastLiveAtMs: number | undefined;

  constructor(options: JobDeskOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
  }

  async open(): Promise<void> {
    const { paths, ports, ruleEveryMs = 60_000, onError = () => undefined } = this.#options;
    for (const course of await readCourses(paths)) this.#courses.set(course.id, course);
    const left = [...this.#courses.values()].filter(({ ending }) => !ending);
    for (const { id } of left) {
      // One at a time; more than one cannot have been left but by hand.
      if (this.#run) break;
      this.#run = await JobRun.open(this.#runOptions(id));
    }
    this.#unsubscribe = ports.onLive((live) => void this.#live(live).catch((error) => onError(CytoError.from(error))));
    await this.#live(ports.isLive());
    this.#watch = await watchRule({
      path: join(paths.jobs, "decisions.journal"),
      decide: async () => decide(await this.#facts(), this.#options.settings.trigger),
      begin: (reason) => this.#begin(reason),
      everyMs: ruleEveryMs,
      onError,
    });
  }

  async list(): Promise<readonly JobRecord[]> {
    const ids = [...this.#courses.keys()].sort().reverse();
    return Promise.all(ids.map((id) => this.#record(id)));
  }

  async show(id: string): Promise<JobRecord> {
    if (!this.#courses.has(id)) throw notFound(id);
    return this.#record(id);
  }

  async sample(id: string, name: string): Promise<Uint8Array> {
    if (!this.#courses.has(id)) throw notFound(id);
    const known = (await samplesOf(this.#options.paths, id)).get(name);
    if (!known) throw new CytoError("JOB_NOT_FOUND", `the job ${id} has no sample ${name}`);
    return readFile(known);
  }

  start(by: string): Promise<JobRecord> {
    return this.#begin(`Asked for by ${by}.`);
  }

  async pause(id: string, paused: boolean): Promise<JobRecord> {
    await (await this.#running(id)).hold("asked", paused);
    return this.#record(id);
  }

  async cancel(id: string): Promise<JobRecord> {
    await (await this.#running(id)).cancel();
    return this.#record(id);
  }

  async decisions(): Promise<readonly TriggerDecision[]> {
    return this.#watch!.decisions();
  }

  askRule(): Promise<TriggerDecision> {
    return this.#watch!.ask();
  }

  async settled(): Promise<void> {
    await this.#run?.ended;
  }

  onChange(listener: (job: JobRecord) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#unsubscribe();
    await this.#watch?.[Symbol.asyncDispose]();
    await this.#run?.close();
    this.#listeners.clear();
  }

  get #unfinished(): JobCourse | undefined {
    return [...this.#courses.values()].find(({ ending }) => !ending);
  }

  async #running(id: string): Promise<JobRun> {
    const course = this.#courses.get(id);
    if (!course) throw notFound(id);
    if (course.ending || this.#run?.course.id !== id) throw new CytoError("JOB_ENDED", `the job ${id} has ended`);
    return this.#run;
  }

  async #live(live: boolean): Promise<void> {
    this.#lastLiveAtMs = live || this.#lastLiveAtMs !== undefined ? this.#clock.now() : undefined;
    await this.#run?.hold("live", live);
  }

  async #begin(reason: string): Promise<JobRecord> {
    const { ports, paths, split = defaultSplit } = this.#options;
    const running = this.#unfinished;
    if (running || this.#starting)
      throw new CytoError("JOB_RUNNING", `the training ${running?.id ?? "just begun"} has not ended`);
    this.#starting = true;
    try {
      const fields = (await ports.fields()).filter(({ cells }) => cells.length > 0);
      if (fields.length < leastFields + Math.min(split.leastValidation, leastFields))
        throw new CytoError("JOB_NO_LABELS", `${fields.length} confirmed fields are too few to learn from`);
      const atMs = this.#clock.now();
      const id = newId(atMs);
      await mkdir(join(paths.jobs, id), { recursive: true });
      const options = this.#runOptions(id, fields);
      this.#run = await JobRun.open(options, { kind: "queued", id, atMs, reason, fields: fields.length });
      this.#changed(this.#run.course);
      if (ports.isLive()) await this.#run.hold("live", true);
      return await this.#record(id);
    } finally {
      this.#starting = false;
    }
  }

  #runOptions(id: string, fields?: readonly SnapshotField[]) {
    const { paths, settings, limits } = this.#options;
    const folder = join(paths.jobs, id);
    const workMs = settings.minutes * 60_000 * workOver.factor + workOver.ms;
    return {
      folder,
      limits: { ...limitsDefault, memoryMiB: settings.memoryMiB, workMs, ...limits },
      retries: settings.retries,
      work: this.#work(id, folder, fields),
      now: () => this.#clock.now(),
      onChange: (course: JobCourse) => this.#changed(course),
    };
  }

  #work(id: string, folder: string, known: readonly SnapshotField[] | undefined): JobWork {
    const { ports } = this.#options;
    return {
      prepare: async (at) => {
        const planned = await readFile(join(folder, "job.json")).catch(() => undefined);
        if (planned) return;
        await at("snapshot", 0);
        const fields = known ?? (await ports.fields()).filter(({ cells }) => cells.length > 0);
        const snapshot = await this.#freeze(folder, fields);
        await at("split", 0);
        await this.#writePlan(id, folder, snapshot);
      },
      conclude: async (candidates) => {
        const names: { name: string; promoted: boolean }[] = [];
        for (const kind of (["detector", "classifier"] as const).slice(0, candidates.length)) {
          const text = await readFile(join(folder, comparisonFile(kind)), "utf8");
          const comparison = comparisonSchema.parse(JSON.parse(text));
          const report = await ports.judge(comparison, id);
          const promoted = report.decision === "promote";
          await writeFileDurably(join(folder, `gate.${kind}.json`), `${JSON.stringify(report, null, 1)}\n`);
          if (promoted) await ports.promote(comparison.candidate, report);
          names.push({ name: comparison.candidate, promoted });
        }
        const first = names.find(({ promoted }) => promoted) ?? names[0]!;
        return { promoted: first.promoted, candidate: first.name };
      },
    };
  }

  async #freeze(folder: string, fields: readonly SnapshotField[]) {
    const { paths, split = defaultSplit } = this.#options;
    const frozen = await readSnapshot(join(folder, "snapshot"));
    if (frozen) return frozen;
    const atMs = this.#clock.now();
    await using journal = await openAssignments(paths.validation);
    const { parts, assignments } = splitFields(fields, journal.entries, { policy: split, atMs });
    const count = (part: string): number => [...parts.values()].filter((one) => one === part).length;
    if (count("train") === 0 || count("validation") === 0)
      throw new CytoError(
        "JOB_NO_LABELS",
        `${count("train")} fields to learn from and ${count("validation")} to validate: too few slides or groups`,
      );
    for (const assignment of assignments) await journal.append(assignment);
    return freezeSnapshot(join(folder, "snapshot"), fields, { parts, atMs });
  }

  async #writePlan(id: string, folder: string, snapshot: { readonly dataset: string; readonly sha256: string }) {
    const { settings, ports, paths, codeVersion, sizes, checkpointEveryMs = 20_000 } = this.#options;
    const { detector, classifier, painter } = await ports.activeModels();
    const plan: JobPlan = {
      id,
      reason: this.#courses.get(id)?.reason ?? "",
      folder,
      dataset: snapshot.dataset,
      dataSha256: snapshot.sha256,
      old: [...(this.#options.old ?? (await foldersIn(join(paths.root, "datasets"))))],
      detector,
      ...(classifier ? { classifier } : {}),
      ...(painter ? { painter } : {}),
      modelsDir: paths.models,
      versions: {
        detector: await this.#version(detector),
        classifier: await this.#version(classifier ?? detector),
      },
      seed: settings.seed,
      threads: settings.threads,
      memoryMiB: settings.memoryMiB,
      minutes: settings.minutes,
      paintedRatio: settings.paintedRatio,
      codeVersion,
      checkpointEveryMs,
      ...(sizes ? { sizes } : {}),
    };
    await writeFileDurably(join(folder, "job.json"), `${JSON.stringify(plan, null, 1)}\n`);
  }

  async #version({ name, version }: ParentModel): Promise<string> {
    const taken = await readdir(join(this.#options.paths.models, name)).catch(() => []);
    return candidateVersion(version, [version, ...taken]);
  }

  async #facts(): Promise<TriggerFacts> {
    const { ports, settings, paths, load } = this.#options;
    const ended = [...this.#courses.values()].filter(({ ending }) => ending).sort((a, b) => (a.id < b.id ? 1 : -1));
    const good = ended.find(({ ending }) => ending?.state === "done" || ending?.state === "refused");
    const seen = new Map<string, number>();
    if (good) {
      const snapshot = await readSnapshot(join(paths.jobs, good.id, "snapshot"));
      for (const { field, revision } of snapshot?.manifest.fields ?? []) seen.set(field, revision);
    }
    const fresh = (await ports.fields()).filter(({ id, revision }) => seen.get(id) !== revision);
    const newCells: Record<string, number> = {};
    for (const { cellClass } of fresh.flatMap(({ cells }) => cells))
      if (isLeukocyteClass(cellClass)) newCells[cellClass] = (newCells[cellClass] ?? 0) + 1;
    const failed = ended[0] && ended[0] !== good ? ended[0].endedAtMs : undefined;
    return {
      atMs: this.#clock.now(),
      enabled: settings.enabled,
      newFields: fresh.length,
      newCells,
      oldestNewAtMs:
        fresh.length === 0 ? undefined : fresh.reduce((least, { atMs }) => Math.min(least, atMs), Infinity),
      live: ports.isLive(),
      lastLiveAtMs: this.#lastLiveAtMs,
      load: load ? load() : (loadavg()[0] ?? 0) / availableParallelism(),
      running: this.#unfinished?.id,
      failedAtMs: failed,
    };
  }

  #changed(course: JobCourse): void {
    this.#courses.set(course.id, course);
    if (this.#listeners.size === 0) return;
    void this.#record(course.id).then((record) => {
      for (const listener of this.#listeners) listener(record);
    });
  }

  #record(id: string): Promise<JobRecord> {
    return completeRecord(this.#options.paths, this.#courses.get(id)!);
  }
}

/**
 * Opens the trainings of a laboratory: those that were, one that a daemon left unfinished (it goes on), and the rule that begins
 * new ones. One process at a time may have them open.
 * @throws CytoError STORE_FAILED, STORE_DAMAGED
 */
export const openJobDesk = async (options: JobDeskOptions): Promise<OpenJobDesk> => {
  const desk = new Desk(options);
  await desk.open();
  return desk;
};
