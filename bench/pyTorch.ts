import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

/** The detector's training step in PyTorch (channels last): `pytorchStep.py` in a process of its own, a step each time it is asked. */
export class PyTorchStep implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  private constructor(child: ChildProcess) {
    this.#child = child;
    this.#lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]();
  }

  /** Undefined where Python (the variable PYTHON, else `python3`) or its torch is not there. */
  static async start(batch: number, canvasPx: number): Promise<PyTorchStep | undefined> {
    const script = fileURLToPath(new URL("./pytorchStep.py", import.meta.url));
    const child = spawn(process.env.PYTHON ?? "python3", [script, String(batch), String(canvasPx)], {
      stdio: ["pipe", "pipe", "ignore"],
    });
    const started = await Promise.race([once(child, "spawn"), once(child, "error").then(() => undefined)]).catch(
      () => undefined,
    );
    if (started === undefined) return undefined;
    const step = new PyTorchStep(child);
    const ready = await step.#lines.next();
    return ready.done ? undefined : step;
  }

  /** Takes a step. @returns its time, ms */
  async step(): Promise<number> {
    this.#child.stdin!.write("\n");
    const { value } = await this.#lines.next();
    return Number(value);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const exited = once(this.#child, "exit");
    this.#child.stdin!.end();
    await exited;
  }
}
