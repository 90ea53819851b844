import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, statSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { WebSocket } from "ws";
import { CytoError, projectRoot } from "../src/core/index.js";
import { streamPath } from "../src/publication/index.js";
import { freshDataDirectory } from "./dataDirectory.js";
import { NotHere } from "./figures.js";

/** A port that was free a moment ago. */
const freePort = async (): Promise<number> => {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, "close");
  return port;
};

const newestIn = (folder: string): number =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.(?:js|ts|tsx)$/.test(entry.name))
    .reduce((newest, { parentPath, name }) => Math.max(newest, statSync(join(parentPath, name)).mtimeMs), 0);

/** What is measured shall be what the source says. */
const refuseOldBuild = (dist: string): void => {
  const source = Math.max(...["src", "drivers"].map((folder) => newestIn(join(projectRoot(), folder))));
  if (newestIn(dist) < source) throw new NotHere("dist is older than the source: npm run build");
};

/** The built program and the words before its own, started as its first line and `npm start` do. */
const program = (): readonly [command: string, ...words: string[]] => {
  const dist = join(projectRoot(), "dist");
  if (existsSync(dist)) refuseOldBuild(dist);
  const link = join(dist, "cytostream");
  if (existsSync(link)) return [link];
  const path = join(dist, "src", "cli", "cytostream.js");
  if (!existsSync(path)) throw new NotHere("dist is not there: npm run build");
  return [process.execPath, path];
};

const openSocket = (url: string): Promise<WebSocket | undefined> =>
  new Promise((resolve) => {
    const socket = new WebSocket(url);
    socket.once("open", () => resolve(socket));
    socket.once("error", () => resolve(undefined));
  });

/** A bench that is ended by a signal leaves no daemon behind. */
const endWithUs = (child: ChildProcess): void => {
  const end = (): void => {
    if (child.pid !== undefined && child.exitCode === null && child.signalCode === null)
      process.kill(-child.pid, "SIGKILL");
  };
  const leave = (): never => process.exit(130);
  process.once("exit", end).once("SIGTERM", leave).once("SIGINT", leave);
  child.once("exit", () => process.off("exit", end).off("SIGTERM", leave).off("SIGINT", leave));
};

export interface ChildSetup {
  /** As `--set` has them. */
  readonly settings: readonly string[];
  /** `npm start`, as a person types it, instead of the program itself. */
  readonly byNpm?: boolean;
}

/** The built daemon in a process (group) of its own, as a person starts it. */
export class ChildDaemon implements AsyncDisposable {
  readonly startedMs = performance.now();
  readonly #child: ChildProcess;
  readonly #url: string;
  #failure = "";

  private constructor(child: ChildProcess, port: number) {
    this.#child = child;
    this.#url = `ws://127.0.0.1:${port}${streamPath}`;
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      this.#failure = (this.#failure + text).slice(-2000);
    });
  }

  static async start({ settings, byNpm = false }: ChildSetup): Promise<ChildDaemon> {
    const [path, ...words] = program();
    const port = await freePort();
    const own = settings.some((setting) => setting.startsWith("dataDir=")) ? [] : [`dataDir=${freshDataDirectory()}`];
    const set = [...settings, ...own, `publication.port=${port}`, "log.format=json"].flatMap((each) => ["--set", each]);
    const [command, args] = byNpm ? ["npm", ["start", "--", ...set]] : [path, [...words, "run", ...set]];
    const stdio = ["ignore", "ignore", "pipe"] as const;
    const child = spawn(command, args, { cwd: projectRoot(), detached: true, stdio: [...stdio] });
    endWithUs(child);
    return new ChildDaemon(child, port);
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** A new connection. Tries until the daemon listens, at first. */
  async connect(timeoutMs = 60_000): Promise<WebSocket> {
    for (const endMs = performance.now() + timeoutMs; performance.now() < endMs; ) {
      if (this.#child.exitCode !== null) break;
      const socket = await openSocket(this.#url);
      if (socket) return socket;
      await delay(20);
    }
    throw new CytoError("INTERNAL", `the daemon does not listen: ${this.#failure}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exited = once(this.#child, "exit");
    // npm has the daemon as a child of its own: the group is theirs alone.
    process.kill(-this.pid, "SIGTERM");
    await exited;
  }
}
