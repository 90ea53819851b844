import type { ChildProcess } from "node:child_process";
import type { ErrorCode } from "../../core/index.js";
import { type ChildMessage, childMessageSchema, type ParentMessage } from "./messages.js";
import { killTraining, startTraining } from "./trainingProcess.js";
import { heldUpBetween, readVitals, type Vitals } from "./vitals.js";

export interface AttemptLimits {
  /** Whether it runs only when nothing else on the machine wants to. */
  readonly yields: boolean;
  /** Resident memory of the process. */
  readonly memoryMiB: number;
  /** Work, pauses not counted. */
  readonly workMs: number;
  /** Its first sign of life comes within this time. */
  readonly startMs: number;
  /** Without a sign of life for so long it hangs. */
  readonly hungMs: number;
  /** It may take so long to rest by itself before it is stopped. */
  readonly restMs: number;
  /** It may take so long to keep its place and end. */
  readonly stopMs: number;
  /** How often it is looked at. */
  readonly watchMs: number;
}

/** How a process ended. `again`: another try may do better. */
export type AttemptOutcome =
  | { readonly kind: "finished"; readonly candidates: readonly string[] }
  | { readonly kind: "stopped" }
  | { readonly kind: "lost"; readonly code: ErrorCode; readonly message: string; readonly again: boolean };

export interface AttemptOptions {
  readonly folder: string;
  readonly limits: AttemptLimits;
  readonly onMessage: (message: ChildMessage) => void;
  /** It does nothing any more until it is to go on. */
  readonly onRested: (how: "itself" | "stopped") => void;
}

/** A process whose threads would run and are not let may be silent for this many times as long as a hanging one. */
const starvedTimes = 15;

/** Messages of a process that has ended arrive within this time, ms. */
const lastWordsMs = 1000;

type Lost = Extract<AttemptOutcome, { kind: "lost" }>;

const lost = (code: ErrorCode, message: string, again: boolean): Lost => ({ kind: "lost", code, message, again });

/** What a failure that the process told of is to the job. */
const failureOf = ({ code, message }: Extract<ChildMessage, { kind: "failed" }>): Lost => {
  if (code === "MEMORY_INSUFFICIENT") return lost("JOB_OUT_OF_MEMORY", message, false);
  return code === "INTERNAL" || code === "DETECTOR_CRASHED"
    ? lost("JOB_CRASHED", message, true)
    : lost(code as ErrorCode, message, false);
};

/** One process that works on a job, watched from outside. */
export class Attempt {
  readonly outcome: Promise<AttemptOutcome>;
  readonly #child: ChildProcess;
  readonly #limits: AttemptLimits;
  #verdict: AttemptOutcome | undefined;
  readonly #onRested: AttemptOptions["onRested"];
  #signMs = performance.now();
  #alive = false;
  #atSign: Vitals | undefined;
  #peakMiB = 0;
  #resting = false;
  #stopped = false;
  #timer: NodeJS.Timeout | undefined;

  constructor({ folder, limits, onMessage, onRested }: AttemptOptions) {
    this.#limits = limits;
    this.#onRested = onRested;
    this.#child = startTraining(folder, limits);
    const child = this.#child;
    child.on("message", (value) => this.#receive(value, onMessage));
    const watch = setInterval(() => void this.#watch(), limits.watchMs);
    this.outcome = new Promise((resolve) => {
      const settle = (outcome: AttemptOutcome): void => {
        clearInterval(watch);
        clearTimeout(this.#timer);
        resolve(outcome);
      };
      child.once("error", (error) => settle(lost("JOB_CRASHED", `it could not be started: ${error.message}`, true)));
      child.once("exit", (code, signal) => {
        // Its last words may still be under way.
        const end = (): void => settle(this.#verdict ?? this.#explain(code, signal));
        if (!child.connected) end();
        else {
          child.once("disconnect", end);
          setTimeout(end, lastWordsMs).unref();
        }
      });
    });
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** Asks for a rest between two steps; a process that does not come to one is stopped where it is. */
  rest(): void {
    if (this.#resting) return;
    this.#resting = true;
    this.#send("rest");
    this.#timer = setTimeout(() => {
      this.#stopped = this.#signal("SIGSTOP");
      if (this.#stopped) this.#onRested("stopped");
    }, this.#limits.restMs);
  }

  goOn(): void {
    if (!this.#resting) return;
    this.#resting = false;
    this.#wake();
    this.#send("go");
  }

  /** Lets it keep its place and end; one that does not is killed. */
  async stop(): Promise<void> {
    this.#verdict ??= { kind: "stopped" };
    this.#wake();
    this.#send("stop");
    const timer = setTimeout(() => this.kill(), this.#limits.stopMs);
    await this.outcome;
    clearTimeout(timer);
  }

  /** Ends it at once. */
  kill(): void {
    if (this.pid !== undefined) killTraining(this.pid);
  }

  #wake(): void {
    clearTimeout(this.#timer);
    if (this.#stopped) this.#signal("SIGCONT");
    this.#stopped = false;
    this.#signMs = performance.now();
  }

  #send(kind: ParentMessage["kind"]): void {
    if (this.#child.connected) this.#child.send({ kind }, () => undefined);
  }

  #signal(signal: NodeJS.Signals): boolean {
    return process.platform !== "win32" && this.#child.kill(signal);
  }

  #receive(value: unknown, onMessage: (message: ChildMessage) => void): void {
    const parsed = childMessageSchema.safeParse(value);
    if (!parsed.success) return;
    const message = parsed.data;
    this.#signMs = performance.now();
    this.#alive = true;
    this.#atSign = undefined;
    if (message.kind === "finished") this.#verdict ??= { kind: "finished", candidates: message.candidates };
    if (message.kind === "failed") this.#verdict ??= failureOf(message);
    if (message.kind === "resting" && this.#resting) {
      clearTimeout(this.#timer);
      this.#onRested("itself");
    }
    if (message.kind === "beat" && message.workMs > this.#limits.workMs)
      this.#condemn(lost("JOB_TIME_OVER", `${Math.round(message.workMs / 1000)} s of work`, false));
    onMessage(message);
  }

  #condemn(verdict: Lost): void {
    this.#verdict ??= verdict;
    this.kill();
  }

  async #watch(): Promise<void> {
    const { pid } = this;
    const vitals = pid === undefined ? undefined : await readVitals(pid);
    if (!vitals || this.#verdict) return;
    this.#atSign ??= vitals;
    this.#peakMiB = Math.max(this.#peakMiB, vitals.rssMiB);
    const { memoryMiB, startMs } = this.#limits;
    const hungMs = this.#alive ? this.#limits.hungMs : startMs;
    if (vitals.rssMiB > memoryMiB) {
      const text = `${Math.round(vitals.rssMiB)} MiB where ${memoryMiB} are allowed`;
      this.#condemn(lost("JOB_OUT_OF_MEMORY", text, false));
      return;
    }
    if (this.#stopped) return;
    const silentMs = performance.now() - this.#signMs;
    // Time in which others had the machine is not silence; where it never gets any, there is an end to that too.
    const heldUpMs = heldUpBetween(this.#atSign, vitals);
    if (silentMs - heldUpMs > hungMs || silentMs > starvedTimes * hungMs)
      this.#condemn(lost("JOB_HUNG", `no sign of life for ${Math.round(silentMs / 1000)} s`, true));
  }

  /** What an end without a word means. */
  #explain(code: number | null, signal: NodeJS.Signals | null): Lost {
    const { memoryMiB } = this.#limits;
    const how = signal ?? `exit code ${code}`;
    // What the system's own watch over memory does to the largest process, and V8 to a full heap.
    const full = this.#peakMiB > 0.9 * memoryMiB && (signal === "SIGKILL" || signal === "SIGABRT" || code === 134);
    if (full) return lost("JOB_OUT_OF_MEMORY", `it ended by ${how} at ${Math.round(this.#peakMiB)} MiB`, false);
    return lost("JOB_CRASHED", `it ended by ${how}`, true);
  }
}
