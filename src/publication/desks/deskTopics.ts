import type { FieldRecord } from "../../labels/index.js";
import type { JobRecord } from "../../training/jobs/index.js";
import { maxJobsListed } from "../protocol/jobs.js";
import { maxChangesListed } from "../protocol/labels.js";
import { maxModelsListed } from "../protocol/models.js";
import { briefScan, maxScansListed } from "../protocol/scans.js";
import type {
  AlertsMessage,
  JobsMessage,
  LabelsMessage,
  ModelsMessage,
  ScansMessage,
} from "../protocol/serverMessages.js";
import type { Desks } from "./desks.js";

type Body<Message> = Omit<Message, "sequence" | "publishedAtMs">;
/** What is told of desks on the stream, without its envelope. */
export type DeskBody =
  | Body<AlertsMessage>
  | Body<LabelsMessage>
  | Body<JobsMessage>
  | Body<ModelsMessage>
  | Body<ScansMessage>;

/** A topic is told at most so often; all that changed in between is in one message. */
const intervalMs = 200;

/** A job as the stream tells it: the newest loss of each name. */
export const briefJob = (job: JobRecord): JobsMessage["jobs"][number] => {
  const newest = new Map(job.losses.map((loss) => [loss.name, loss]));
  return { ...job, losses: [...newest.values()], samples: [...job.samples] };
};

const briefChange = ({ field, revision, state, author, atMs }: FieldRecord) => ({
  field,
  revision,
  state,
  author,
  atMs,
});

/** Tells once at the start and after each change; asks for the state no more often than every `intervalMs`. */
class Teller {
  readonly #tell: () => Promise<void>;
  #timer: NodeJS.Timeout | undefined;
  #busy = false;
  #again = false;
  #closed = false;

  constructor(tell: () => Promise<void>) {
    this.#tell = tell;
    this.changed();
  }

  changed(): void {
    this.#again = true;
    if (!this.#busy && this.#timer === undefined) void this.#run();
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  async #run(): Promise<void> {
    this.#busy = true;
    this.#again = false;
    await this.#tell();
    this.#busy = false;
    if (this.#closed) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      if (this.#again) void this.#run();
    }, intervalMs);
    this.#timer.unref();
  }
}

const labelBodies = (labels: NonNullable<Desks["labels"]>) => {
  let changes = 0;
  let changed: FieldRecord[] = [];
  const note = (records: readonly FieldRecord[]): void => {
    changes += records.length;
    changed = [...changed, ...records].slice(-maxChangesListed);
  };
  const body = async (): Promise<DeskBody> => {
    const stats = await labels.stats();
    const told = { changes, changed: changed.map(briefChange).reverse() };
    changes = 0;
    changed = [];
    return { type: "labels", stats, ...told };
  };
  return { note, body };
};

const jobsBody = async (jobs: NonNullable<Desks["jobs"]>): Promise<DeskBody> => {
  const [list, decisions] = await Promise.all([jobs.list(), jobs.decisions()]);
  const [decision] = decisions;
  return {
    type: "jobs",
    jobs: list.slice(0, maxJobsListed).map(briefJob),
    decision: decision === undefined ? null : { ...decision, reasons: [...decision.reasons] },
  };
};

const modelsBody = async (models: NonNullable<Desks["models"]>): Promise<DeskBody> => {
  const [list, history] = await Promise.all([models.list(), models.history()]);
  return {
    type: "models",
    models: list.slice(0, maxModelsListed).map(({ card: _card, figures: _figures, ...entry }) => entry),
    promotion: history[0] ?? null,
  };
};

const scansBody = async (scans: NonNullable<Desks["scans"]>): Promise<DeskBody> => {
  const list = await scans.list();
  return { type: "scans", scans: list.slice(0, maxScansListed).map(briefScan), microscope: scans.status() };
};

export interface DeskTopicsOptions {
  readonly publish: (body: DeskBody) => void;
  readonly onError: (error: unknown) => void;
}

/** Publishes the newest state of each desk when it changes. Returns what ends it. */
export const followDesks = (
  { labels, jobs, models, scans }: Desks,
  { publish, onError }: DeskTopicsOptions,
): (() => void) => {
  const ends: (() => void)[] = [];
  const follow = (body: () => Promise<DeskBody>, listen: (changed: () => void) => () => void): void => {
    const teller = new Teller(() => body().then(publish).catch(onError));
    ends.push(
      listen(() => teller.changed()),
      () => teller.close(),
    );
  };
  if (labels !== undefined) {
    const { note, body } = labelBodies(labels);
    follow(body, (changed) =>
      labels.onChange((records) => {
        note(records);
        changed();
      }),
    );
  }
  if (jobs !== undefined)
    follow(
      () => jobsBody(jobs),
      (changed) => jobs.onChange(changed),
    );
  if (models !== undefined)
    follow(
      () => modelsBody(models),
      (changed) => models.onChange(changed),
    );
  if (scans !== undefined)
    follow(
      () => scansBody(scans),
      (changed) => scans.onChange(changed),
    );
  return () => {
    for (const end of ends) end();
  };
};
