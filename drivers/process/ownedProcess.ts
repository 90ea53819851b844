import { type ChildProcess, type StdioOptions, spawn } from "node:child_process";
import type { Readable, Writable } from "node:stream";
import type { CytoError } from "../../src/core/index.js";

/** How a process ended. */
export interface ProcessEnd {
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface ProcessOptions {
  /** The error of a program that cannot be started. */
  readonly notStarted: (why: string, cause: unknown) => CytoError;
  /** Variables that are set beside those of this process. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Whether something is written to its standard input; without it, that is empty. */
  readonly hasInput?: boolean;
  /** Whether its descriptor 3 is a further pipe to this process. */
  readonly hasSideOutput?: boolean;
  /** What asks it to end; SIGTERM unless given. `input`: the end of its standard input does. */
  readonly stopSignal?: NodeJS.Signals | "input";
  /** Time to heed that, ms; then it is killed. */
  readonly stopGraceMs?: number;
}

const defaultGraceMs = 1_500;

const running = new Set<ChildProcess>();
let watchingExit = false;

/** A daemon that ends without closing its devices leaves no process behind. */
function killWithParent(child: ChildProcess): void {
  if (!watchingExit) {
    watchingExit = true;
    process.on("exit", () => {
      for (const orphan of running) orphan.kill("SIGKILL");
    });
  }
  running.add(child);
  child.once("exit", () => running.delete(child));
}

const stdioOf = ({ hasInput, hasSideOutput }: ProcessOptions): StdioOptions => [
  hasInput === true ? "pipe" : "ignore",
  "pipe",
  "pipe",
  ...(hasSideOutput === true ? (["pipe"] as const) : []),
];

/** A program with its output on pipes. It is given arguments, never a command line: no shell is in between. */
export class OwnedProcess implements AsyncDisposable {
  readonly stdout: Readable;
  readonly stderr: Readable;
  /** Resolves when the process is gone; its pipes may hold more. Never rejects. */
  readonly exited: Promise<ProcessEnd>;
  readonly #child: ChildProcess;
  readonly #options: ProcessOptions;
  #stopping: Promise<void> | undefined;

  private constructor(child: ChildProcess, options: ProcessOptions) {
    this.#child = child;
    this.#options = options;
    this.stdout = child.stdout!;
    this.stderr = child.stderr!;
    this.exited = new Promise((resolve) => {
      child.once("exit", (exitCode, signal) => resolve({ exitCode, signal }));
    });
    // Pipes of a process that is being killed break; that it ends is told by `exited`.
    for (const pipe of child.stdio) pipe?.on("error", () => {});
    killWithParent(child);
  }

  /** @throws CytoError as `notStarted` gives it where the program cannot be started */
  static async start(
    program: string,
    programArguments: readonly string[],
    options: ProcessOptions,
  ): Promise<OwnedProcess> {
    const { environment } = options;
    const child = spawn(program, programArguments, {
      stdio: stdioOf(options),
      windowsHide: true,
      ...(environment === undefined ? {} : { env: { ...process.env, ...environment } }),
    });
    await new Promise<void>((resolve, reject) => {
      child.once("spawn", resolve);
      child.once("error", (cause) => {
        reject(options.notStarted(`${program} cannot be started (${cause.message}).`, cause));
      });
    });
    child.on("error", () => {});
    return new OwnedProcess(child, options);
  }

  /** Its standard input, where it has one. */
  get stdin(): Writable | undefined {
    return this.#child.stdin ?? undefined;
  }

  /** What it writes to descriptor 3, where that is a pipe. */
  get sideOutput(): Readable | undefined {
    return (this.#child.stdio[3] as Readable | null | undefined) ?? undefined;
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  get alive(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** At once, and for good: for what hangs. */
  kill(): void {
    this.#child.kill("SIGKILL");
  }

  /** Asks it to end, and kills what does not heed that. */
  [Symbol.asyncDispose](): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async #stop(): Promise<void> {
    this.stdout.destroy();
    this.sideOutput?.destroy();
    this.stdin?.destroy();
    if (this.alive) {
      const { stopSignal = "SIGTERM" } = this.#options;
      if (stopSignal !== "input") this.#child.kill(stopSignal);
      const timer = setTimeout(() => this.kill(), this.#options.stopGraceMs ?? defaultGraceMs);
      await this.exited;
      clearTimeout(timer);
    }
    this.stderr.destroy();
  }
}
