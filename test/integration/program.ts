import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { onTestFinished } from "vitest";
import { projectRoot } from "../../src/core/index.js";
import { freshDataDirectory } from "./dataDirectory.js";

/** Time of the newest file of the program's own source below a folder, ms since the epoch. */
const newestSourceMs = (folder: string): number =>
  Math.max(
    ...readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && entry.name.endsWith(".ts"))
      .map((entry) => statSync(join(entry.parentPath, entry.name)).mtimeMs),
  );

const isBuilt = (): boolean => {
  const built = statSync(join(projectRoot(), "dist", ".tsbuildinfo"), { throwIfNoEntry: false });
  const program = statSync(join(projectRoot(), "dist", "src", "cli", "cytostream.js"), { throwIfNoEntry: false });
  if (built === undefined || program === undefined) return false;
  return ["src", "drivers"].every((folder) => newestSourceMs(join(projectRoot(), folder)) <= built.mtimeMs);
};

let launch: readonly string[] | undefined;

/** Arguments of Node that run `cytostream`: what is built, where it is newer than its source, else the source itself. */
const programArguments = (): readonly string[] => {
  launch ??= isBuilt()
    ? [join(projectRoot(), "dist", "src", "cli", "cytostream.js")]
    : ["--import", "tsx", join(projectRoot(), "src", "cli", "cytostream.ts")];
  return launch;
};

/** Starts a command of cytostream, by default with a data directory of its own. @param stderr a descriptor instead of a pipe to this process */
export const start = (words: readonly string[], stderr: "pipe" | number = "pipe"): ChildProcess =>
  spawn(process.execPath, [...programArguments(), ...words], {
    cwd: projectRoot(),
    env: { ...process.env, CYTOSTREAM_DATA_DIR: freshDataDirectory() },
    stdio: ["ignore", "pipe", stderr],
  });

export interface CommandResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command of cytostream to its end. */
export const runCommand = async (...words: readonly string[]): Promise<CommandResult> => {
  const child = start(words);
  let stdout = "";
  let stderr = "";
  child.stdout?.setEncoding("utf8").on("data", (part: string) => {
    stdout += part;
  });
  child.stderr?.setEncoding("utf8").on("data", (part: string) => {
    stderr += part;
  });
  const [code] = (await once(child, "close")) as [number | null];
  return { code, stdout, stderr };
};

/** `--set` for each setting. */
export const settingWords = (settings: readonly string[]): string[] =>
  settings.flatMap((setting) => ["--set", setting]);

export interface LogLine {
  readonly event: string;
  readonly [field: string]: unknown;
}

export interface Ending {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** From the signal to the end of the process. */
  readonly afterMs: number;
}

/** `cytostream run` as a process of its own; killed, should it still live, when it is disposed of. */
export class DaemonProcess implements AsyncDisposable {
  readonly child: ChildProcess;
  readonly log: LogLine[] = [];
  /** All of its standard error that is no log line. */
  text = "";
  readonly exited: Promise<readonly [number | null, NodeJS.Signals | null]>;
  readonly #listeners = new Set<() => void>();
  #ended = false;

  constructor(words: readonly string[]) {
    this.child = start(["run", ...words, "--set", "log.format=json"]);
    this.exited = once(this.child, "close") as Promise<[number | null, NodeJS.Signals | null]>;
    this.exited.finally(() => {
      this.#ended = true;
      this.#tell();
    });
    createInterface({ input: this.child.stderr! }).on("line", (line) => {
      if (line.startsWith("{")) this.log.push(JSON.parse(line) as LogLine);
      else this.text += `${line}\n`;
      this.#tell();
    });
  }

  get pid(): number {
    return this.child.pid!;
  }

  /** The address, once it is ready. */
  get url(): string {
    return String(this.log.find(({ event }) => event === "daemon.ready")?.url);
  }

  /** The first log line of an event, waited for. */
  async until(event: string, where: (line: LogLine) => boolean = () => true): Promise<LogLine> {
    for (;;) {
      const found = this.log.find((line) => line.event === event && where(line));
      if (found !== undefined) return found;
      if (this.#ended) throw new Error(`the daemon ended without ${event}:\n${this.text}${JSON.stringify(this.log)}`);
      await new Promise<void>((resolve) => {
        this.#listeners.add(resolve);
      });
    }
  }

  async stop(signal: NodeJS.Signals = "SIGTERM"): Promise<Ending> {
    const startedMs = performance.now();
    this.child.kill(signal);
    const [code, by] = await this.exited;
    return { code, signal: by, afterMs: performance.now() - startedMs };
  }

  async get(path: string): Promise<Response> {
    return fetch(new URL(path, this.url));
  }

  /** The value of a metric, with its labels as they are printed; 0 where it is not there. */
  async metric(name: string): Promise<number> {
    const text = await (await this.get("/metrics")).text();
    const line = text.split("\n").find((one) => one.startsWith(`${name} `));
    return line === undefined ? 0 : Number(line.slice(name.length + 1));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#ended) this.child.kill("SIGKILL");
    await this.exited;
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
    this.#listeners.clear();
  }
}

/** Starts `cytostream run` on a free port and waits until it is ready. In a test; it does not outlive the test, timed out or not. */
export const startDaemonProcess = (settings: readonly string[]): Promise<DaemonProcess> => {
  let daemon: DaemonProcess | undefined;
  onTestFinished(() => daemon?.[Symbol.asyncDispose]());
  return openDaemonProcess(settings, (started) => {
    daemon = started;
  });
};

/** The same for a hook, which closes it itself. */
export const openDaemonProcess = async (
  settings: readonly string[],
  onStarted: (daemon: DaemonProcess) => void = () => {},
): Promise<DaemonProcess> => {
  const daemon = new DaemonProcess(settingWords(["publication.port=0", ...settings]));
  onStarted(daemon);
  try {
    await daemon.until("daemon.ready");
    return daemon;
  } catch (error) {
    await daemon[Symbol.asyncDispose]();
    throw error;
  }
};

/** Processes below another, by their numbers (Linux). */
export const processesBelow = (pid: number): number[] => {
  const parents = new Map<number, number>();
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const stat = readFileSync(`/proc/${name}/stat`, "utf8");
      parents.set(Number(name), Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]));
    } catch {
      // It has ended meanwhile.
    }
  }
  const below = (parent: number): number[] =>
    [...parents].filter(([, of]) => of === parent).flatMap(([child]) => [child, ...below(child)]);
  return below(pid);
};

/** Whether a process is there and not only waits to be reaped (Linux). */
export const isRunning = (pid: number): boolean => {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return stat[stat.lastIndexOf(")") + 2] !== "Z";
  } catch {
    return false;
  }
};

/** Open descriptors of a process (Linux). */
export const descriptorsOf = (pid: number): number => readdirSync(`/proc/${pid}/fd`).length;

/** Resident memory of a process, MiB (Linux). */
export const residentMiB = (pid: number): number =>
  Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? Number.NaN) / 1024;
