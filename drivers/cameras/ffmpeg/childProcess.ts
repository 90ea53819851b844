import { type ChildProcessByStdio, spawn } from "node:child_process";
import type { Readable } from "node:stream";
import { CytoError } from "../../../src/core/index.js";

type Child = ChildProcessByStdio<null, Readable, Readable>;

/** How a process ended. */
export interface ProcessEnd {
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
}

const termGraceMs = 1_500;

const running = new Set<Child>();
let watchingExit = false;

/** A daemon that ends without closing its cameras leaves no process behind. */
function killWithParent(child: Child): void {
  if (!watchingExit) {
    watchingExit = true;
    process.on("exit", () => {
      for (const orphan of running) orphan.kill("SIGKILL");
    });
  }
  running.add(child);
  child.once("exit", () => running.delete(child));
}

/** A program with its output on pipes. It is given arguments, never a command line: no shell is in between. */
export class OwnedProcess implements AsyncDisposable {
  readonly stdout: Readable;
  readonly stderr: Readable;
  /** Resolves when the process is gone; its pipes may hold more. Never rejects. */
  readonly exited: Promise<ProcessEnd>;
  readonly #child: Child;
  #stopping: Promise<void> | undefined;

  private constructor(child: Child) {
    this.#child = child;
    this.stdout = child.stdout;
    this.stderr = child.stderr;
    this.exited = new Promise((resolve) => {
      child.once("exit", (exitCode, signal) => resolve({ exitCode, signal }));
    });
    // Pipes of a process that is being killed break; that it ends is told by `exited`.
    for (const pipe of [child.stdout, child.stderr]) pipe.on("error", () => {});
    killWithParent(child);
  }

  /** @throws CytoError FFMPEG_NOT_FOUND where the program cannot be started */
  static async start(program: string, programArguments: readonly string[]): Promise<OwnedProcess> {
    const child = spawn(program, programArguments, { stdio: ["ignore", "pipe", "pipe"], windowsHide: true });
    await new Promise<void>((resolve, reject) => {
      child.once("spawn", resolve);
      child.once("error", (cause) => {
        reject(new CytoError("FFMPEG_NOT_FOUND", `${program} cannot be started (${cause.message}).`, { cause }));
      });
    });
    child.on("error", () => {});
    return new OwnedProcess(child);
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  get alive(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** SIGTERM, and SIGKILL to what does not heed it. */
  [Symbol.asyncDispose](): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async #stop(): Promise<void> {
    this.stdout.destroy();
    if (this.alive) {
      this.#child.kill("SIGTERM");
      const timer = setTimeout(() => this.#child.kill("SIGKILL"), termGraceMs);
      await this.exited;
      clearTimeout(timer);
    }
    this.stderr.destroy();
  }
}
