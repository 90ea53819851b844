import { join } from "node:path";
import { CytoError } from "../../core/index.js";
import { type Journal, openJournal } from "../../store/index.js";
import { Attempt, type AttemptLimits, type AttemptOutcome } from "./attempt.js";
import { LossSeries } from "./lossSeries.js";
import type { ChildMessage } from "./messages.js";
import { type Holder, type JobCourse, type JobEvent, jobEventSchema, reduceJob } from "./state.js";
import { killTraining } from "./trainingProcess.js";
import { readVitals } from "./vitals.js";

export const jobJournal = (folder: string): string => join(folder, "job.journal");

export const parseJobEvent = (value: unknown): JobEvent => jobEventSchema.parse(value);

/** What is done outside of the process. */
export interface JobWork {
  /** Freezes the fields and writes `job.json`; done again, it changes nothing. */
  prepare(at: (step: "snapshot" | "split", done: number) => Promise<void>): Promise<void>;
  /** Decides on the candidates, and promotes what may be. */
  conclude(candidates: readonly string[]): Promise<{ readonly promoted: boolean; readonly candidate: string }>;
}

export interface JobRunOptions {
  readonly folder: string;
  readonly limits: AttemptLimits;
  /** Processes that may be lost by their own fault. */
  readonly retries: number;
  readonly work: JobWork;
  readonly now: () => number;
  readonly onChange: (course: JobCourse) => void;
}

/** A job whose processes were lost through no fault of theirs (a daemon that was killed) is begun again so often. */
const mostAttempts = 1000;
/** Waits between two processes, so that one that crashes at once does not do so many times a second. */
const betweenMs = 250;

/** Carries one training to its end: through lost processes, pauses, and a daemon that comes and goes. */
export class JobRun {
  readonly ended: Promise<void>;
  readonly #options: JobRunOptions;
  readonly #journal: Journal<JobEvent>;
  #course: JobCourse;
  #attempt: Attempt | undefined;
  #wake = (): void => undefined;
  #holding: Promise<void> = Promise.resolve();
  #closing = false;
  #cancelled = false;

  private constructor(options: JobRunOptions, journal: Journal<JobEvent>, course: JobCourse) {
    this.#options = options;
    this.#journal = journal;
    this.#course = course;
    this.ended = this.#run();
  }

  /** Begins a job, or goes on with it where its journal ends. @throws CytoError STORE_FAILED, STORE_DAMAGED */
  static async open(options: JobRunOptions, begin?: Extract<JobEvent, { kind: "queued" }>): Promise<JobRun> {
    const journal = await openJournal(jobJournal(options.folder), parseJobEvent);
    if (begin && journal.entries.length === 0) await journal.append(begin);
    const course = journal.entries.reduce<JobCourse | undefined>(reduceJob, undefined);
    if (!course) {
      await journal[Symbol.asyncDispose]();
      throw new CytoError("STORE_DAMAGED", `${options.folder} is no job`);
    }
    return new JobRun(options, journal, course);
  }

  get course(): JobCourse {
    return this.#course;
  }

  /** Holds the work, or lets go of it; one after another, so that a hold and its release, however close, end as they were asked. */
  hold(by: Holder, held: boolean): Promise<void> {
    // The pause does not wait for the disk.
    if (held && !this.#course.ending) this.#attempt?.rest();
    const done = this.#holding.then(() => this.#setHold(by, held));
    this.#holding = done.catch(() => undefined);
    return done;
  }

  async #setHold(by: Holder, held: boolean): Promise<void> {
    if (!this.#course.ending && this.#course.holders.includes(by) !== held)
      await this.#note({ kind: held ? "held" : "released", by });
    if (this.#course.holders.length > 0) this.#attempt?.rest();
    else {
      this.#attempt?.goOn();
      this.#wake();
    }
  }

  async cancel(): Promise<void> {
    this.#cancelled = true;
    this.#attempt?.kill();
    this.#wake();
    await this.ended;
  }

  /** Lets the process keep its place and end; the job goes on when it is opened again. */
  async close(): Promise<void> {
    this.#closing = true;
    this.#wake();
    await this.#attempt?.stop();
    await this.ended;
  }

  async #note(event: JobEvent): Promise<void> {
    const course = reduceJob(this.#course, event)!;
    await this.#journal.append(event);
    this.#course = reduceJob(this.#course, event) ?? course;
    this.#options.onChange(this.#course);
  }

  async #run(): Promise<void> {
    try {
      await this.#carry();
    } catch (error) {
      const { code, message } = CytoError.from(error);
      await this.#end("failed", { code, message }).catch(() => undefined);
    } finally {
      await this.#journal[Symbol.asyncDispose]();
    }
  }

  async #carry(): Promise<void> {
    await this.#buryPredecessor();
    if (this.#course.ending) return;
    await this.#options.work.prepare((step, done) => this.#note({ kind: "at", step, done }));
    for (;;) {
      await this.#untilFree();
      if (this.#cancelled) return this.#end("cancelled");
      if (this.#closing) return;
      const outcome = await this.#try();
      if (this.#cancelled) return this.#end("cancelled");
      if (outcome.kind === "finished") return this.#conclude(outcome.candidates);
      if (outcome.kind === "stopped") {
        await this.#note({ kind: "interrupted" });
        return;
      }
      const { code, message, again } = outcome;
      await this.#note({ kind: "lost", crash: true, code, message });
      if (!again || this.#course.crashes > this.#options.retries) return this.#end("failed", { code, message });
      await this.#pass(betweenMs);
    }
  }

  /** A process that an earlier daemon left behind is ended; where that daemon did not close in order, it counts as lost. */
  async #buryPredecessor(): Promise<void> {
    const { working, process: last } = this.#course;
    if (!working) return;
    if (last) {
      const vitals = await readVitals(last.pid);
      if (vitals && vitals.startTime === last.startTime) killTraining(last.pid);
    }
    await this.#note({ kind: "lost", crash: false, code: "JOB_CRASHED", message: "the daemon ended" });
    if (this.#course.attempt > mostAttempts)
      await this.#end("failed", { code: "JOB_CRASHED", message: "the daemon ended again and again" });
  }

  async #try(): Promise<AttemptOutcome> {
    const { folder, limits } = this.#options;
    const losses = new LossSeries(folder);
    const attempt = new Attempt({
      folder,
      limits,
      onMessage: (message) => this.#receive(message, losses),
      onRested: (how) => void this.#note({ kind: "rested", how }).catch(() => undefined),
    });
    this.#attempt = attempt;
    try {
      const { pid } = attempt;
      if (pid !== undefined) {
        const startTime = (await readVitals(pid))?.startTime;
        await this.#note({ kind: "began", pid, ...(startTime === undefined ? {} : { startTime }) });
      }
      if (this.#cancelled) attempt.kill();
      if (this.#closing) await attempt.stop();
      if (this.#course.holders.length > 0) attempt.rest();
      return await attempt.outcome;
    } finally {
      this.#attempt = undefined;
      attempt.kill();
      await losses.close();
    }
  }

  #receive(message: ChildMessage, losses: LossSeries): void {
    if (message.kind === "loss") losses.note(message.step, message.losses);
    if (message.kind !== "beat") return;
    const event: JobEvent = { kind: "at", step: message.step, done: message.done };
    // Steps are kept; how far one is, is worth no write to the disk.
    if (message.step !== this.#course.step) void this.#note(event).catch(() => undefined);
    else {
      this.#course = reduceJob(this.#course, event)!;
      this.#options.onChange(this.#course);
    }
  }

  async #conclude(candidates: readonly string[]): Promise<void> {
    await this.#note({ kind: "at", step: "gate", done: 1 });
    const { promoted, candidate } = await this.#options.work.conclude(candidates);
    await this.#note({ kind: "candidate", name: candidate });
    await this.#end(promoted ? "done" : "refused");
  }

  #end(state: "done" | "refused" | "failed" | "cancelled", failure?: { code: string; message: string }): Promise<void> {
    return this.#note({ kind: "ended", atMs: this.#options.now(), state, ...(failure ? { failure } : {}) });
  }

  async #untilFree(): Promise<void> {
    while (this.#course.holders.length > 0 && !this.#closing && !this.#cancelled)
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
  }

  #pass(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
