import { existsSync } from "node:fs";
import { join } from "node:path";
import { CytoError, projectRoot } from "../../src/core/index.js";
import { LineSplitter } from "../process/lineSplitter.js";
import { OwnedProcess } from "../process/ownedProcess.js";
import type { BridgeConfiguration } from "./configuration.js";
import { type BridgeFrame, BridgeFrameReader, parseMessage } from "./protocol.js";

/** What a request came to. */
export type BridgeOutcome =
  | { readonly state: "done"; readonly result: Readonly<Record<string, unknown>> }
  | { readonly state: "refused"; readonly kind: string; readonly message: string }
  /** The bridge is gone. */
  | { readonly state: "lost"; readonly message: string }
  /** There was no answer in time; the bridge has been ended for it. */
  | { readonly state: "silent" };

/** Who gets the camera's frames. */
export interface FrameSink {
  readonly session: number;
  onFrame(frame: BridgeFrame): void;
  onFailure(kind: string, message: string): void;
}

/** Frames of one camera are bounded by its driver; this is against a bridge that has gone mad. */
const greatestPixels = 1e9;

/** Source and built program alike: it is shipped where it lies. */
const program = (): string => join(projectRoot(), "drivers", "micromanager", "bridge.py");

const notFound = (why: string, cause?: unknown): CytoError => new CytoError("MICROMANAGER_NOT_FOUND", why, { cause });

/** A process that runs Micro-Manager's core: requests, answers and frames (see bridge.py). */
export class Bridge implements AsyncDisposable {
  /** What the core calls itself, once it has loaded. */
  version = "";
  readonly #process: OwnedProcess;
  readonly #pending = new Map<number, (outcome: BridgeOutcome) => void>();
  readonly #watchers = new Set<(why: string) => void>();
  readonly #reader = new BridgeFrameReader(greatestPixels);
  #sink: FrameSink | undefined;
  #lastId = 0;
  #lastSession = 0;
  #lostWhy: string | undefined;
  #lastLine = "";

  private constructor(owned: OwnedProcess) {
    this.#process = owned;
    this.#listen(owned);
  }

  /** @throws CytoError MICROMANAGER_NOT_FOUND where Python cannot be started */
  static async start({ python }: BridgeConfiguration): Promise<Bridge> {
    if (!existsSync(program())) throw notFound(`${program()} is missing: cytostream is not installed whole.`);
    const owned = await OwnedProcess.start(python, ["-u", program()], {
      notStarted: notFound,
      ...{ hasInput: true, hasSideOutput: true, stopSignal: "input", stopGraceMs: 1500 },
      environment: { PYTHONDONTWRITEBYTECODE: "1" },
    });
    return new Bridge(owned);
  }

  /** Why it is gone; undefined while it lives. */
  get lostWhy(): string | undefined {
    return this.#lostWhy;
  }

  get pid(): number | undefined {
    return this.#process.pid;
  }

  /** Told once when the bridge is lost. @returns how to be told no more */
  onLost(watcher: (why: string) => void): () => void {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }

  newSession(): number {
    this.#lastSession++;
    return this.#lastSession;
  }

  /** Frames go there from now on; undefined: nowhere. */
  set sink(sink: FrameSink | undefined) {
    this.#sink = sink;
  }

  get sink(): FrameSink | undefined {
    return this.#sink;
  }

  /** Asks for something to be done. Never rejects. */
  request(method: string, words: Readonly<Record<string, unknown>>, timeoutMs: number): Promise<BridgeOutcome> {
    if (this.#lostWhy !== undefined) return Promise.resolve({ state: "lost", message: this.#lostWhy });
    const id = ++this.#lastId;
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        this.#pending.delete(id);
        resolve({ state: "silent" });
        // A core that hangs in an adapter answers nobody any more.
        this.#process.kill();
      }, timeoutMs);
      this.#pending.set(id, (outcome) => {
        clearTimeout(timer);
        resolve(outcome);
      });
      this.#process.stdin?.write(`${JSON.stringify({ ...words, id, method })}\n`);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#lose("it was closed");
    await this.#process[Symbol.asyncDispose]();
  }

  #listen({ stdout, stderr, sideOutput, exited }: OwnedProcess): void {
    const lines = new LineSplitter(1_048_576);
    stdout.setEncoding("utf8").on("data", (piece: string) => {
      for (const line of lines.push(piece)) this.#hear(line);
    });
    const complaints = new LineSplitter();
    stderr.setEncoding("utf8").on("data", (piece: string) => {
      this.#lastLine = complaints.push(piece).at(-1) ?? this.#lastLine;
    });
    sideOutput?.on("data", (chunk: Uint8Array) => this.#read(chunk));
    void exited.then(({ exitCode, signal }) => {
      const how = signal === null ? `with status ${exitCode}` : `by ${signal}`;
      this.#lose(`it ended ${how}${this.#lastLine === "" ? "" : `: ${this.#lastLine}`}`);
    });
  }

  #read(chunk: Uint8Array): void {
    try {
      for (const frame of this.#reader.push(chunk)) {
        if (frame.session === this.#sink?.session) this.#sink.onFrame(frame);
      }
    } catch (error) {
      this.#lose(CytoError.from(error).message);
      this.#process.kill();
    }
  }

  #hear(line: string): void {
    const message = parseMessage(line);
    if (message === undefined) return;
    if ("event" in message) {
      if (message.session === this.#sink?.session) this.#sink.onFailure(message.kind, message.message);
      return;
    }
    const settle = this.#pending.get(message.id);
    this.#pending.delete(message.id);
    if ("result" in message) settle?.({ state: "done", result: message.result });
    else settle?.({ state: "refused", ...message.error });
  }

  #lose(message: string): void {
    if (this.#lostWhy !== undefined) return;
    this.#lostWhy = message;
    for (const settle of this.#pending.values()) settle({ state: "lost", message });
    this.#pending.clear();
    for (const watcher of this.#watchers) watcher(message);
    this.#watchers.clear();
  }
}
