import { setTimeout as delay } from "node:timers/promises";
import type { Worker } from "node:worker_threads";
import { CytoError, spawnWorker } from "../../../src/core/index.js";
import type { RenderedField } from "./fieldRenderer.js";
import { NativeCalls } from "./nativeCalls.js";
import { type RendererSetup, type RenderRequest, renderReplySchema } from "./renderMessages.js";
import type { StagePosition } from "./slide.js";

interface Waiting {
  resolve(field: RenderedField | undefined): void;
  reject(error: CytoError): void;
}

/** A field that was asked for. */
export interface AskedField {
  readonly id: number;
  /** Undefined when it was dropped. */
  readonly field: Promise<RenderedField | undefined>;
}

/** A thread that is asked to end has this long to do so by itself, ms: on a busy machine it may not come to run. */
const patienceMs = 1500;
/** Then it is ended between two runs of its network; so often is looked whether it is at one, ms. */
const lookAgainMs = 20;

/** The painting thread as seen from outside: fields by promise, in the order in which they were asked for. */
export class RenderThread implements AsyncDisposable {
  readonly #worker: Worker;
  readonly #calls = new NativeCalls();
  readonly #waiting = new Map<number, Waiting>();
  readonly #ready: Promise<void>;
  readonly #exited: Promise<void>;
  #becomeReady: () => void = () => undefined;
  #failReady: (error: CytoError) => void = () => undefined;
  #nextId = 0;
  #tileMs = 0;
  #ended: CytoError | undefined;
  #closing: Promise<void> | undefined;
  #hasExited = false;

  constructor(setup: Omit<RendererSetup, "calls">) {
    this.#ready = new Promise((resolve, reject) => {
      this.#becomeReady = resolve;
      this.#failReady = reject;
    });
    // Whoever opens the camera awaits it; a thread that dies later is told by the field that is waited for.
    this.#ready.catch(() => undefined);
    this.#worker = spawnWorker(new URL("./renderWorker.js", import.meta.url), {
      name: "cytostream-slide",
      workerData: { ...setup, calls: this.#calls.memory } satisfies RendererSetup,
    });
    this.#worker.on("message", (message: unknown) => this.#receive(message));
    this.#worker.on("error", (error) => this.#end(CytoError.from(error, "INTERNAL")));
    this.#exited = new Promise((resolve) => {
      this.#worker.once("exit", () => {
        this.#hasExited = true;
        this.#end(new CytoError("INTERNAL", "The virtual slide's painting thread has ended."));
        resolve();
      });
    });
  }

  /** Longest time that one of the last tiles took to be painted, ms; 0 before the first, and where the slide is drawn. */
  get tileMs(): number {
    return this.#tileMs;
  }

  /** Settles when the thread has loaded. @throws CytoError what keeps it from painting */
  ready(): Promise<void> {
    return this.#ready;
  }

  /** The field rejects with what keeps it from being painted, or INTERNAL when the thread has ended. */
  render(position: StagePosition, exposure: number): AskedField {
    const id = this.#nextId++;
    const field = new Promise<RenderedField | undefined>((resolve, reject) => {
      if (this.#ended) {
        reject(this.#ended);
        return;
      }
      this.#waiting.set(id, { resolve, reject });
      this.#post({ type: "render", id, position, exposure });
    });
    return { id, field };
  }

  /** A field is not wanted any more: what has been painted of it is kept, the rest is left. */
  drop(id: number): void {
    const waiting = this.#waiting.get(id);
    if (!waiting) return;
    this.#waiting.delete(id);
    waiting.resolve(undefined);
    this.#post({ type: "drop", id });
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#post({ type: "close" });
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, patienceMs);
    });
    await Promise.race([this.#exited, late]);
    clearTimeout(timer);
    void this.#terminate();
    this.#end(new CytoError("INTERNAL", "The virtual slide's painting thread was closed."));
  }

  /** Keeps the process until the thread has ended. */
  async #terminate(): Promise<void> {
    while (!this.#hasExited && !this.#calls.end()) await delay(lookAgainMs);
    if (!this.#hasExited) await this.#worker.terminate();
  }

  #post(request: RenderRequest): void {
    this.#worker.postMessage(request);
  }

  #receive(message: unknown): void {
    const reply = renderReplySchema.parse(message);
    if (reply.type === "ready") {
      this.#becomeReady();
      return;
    }
    if (reply.type === "unable") {
      this.#end(new CytoError(reply.code, reply.message));
      return;
    }
    const waiting = this.#waiting.get(reply.id);
    this.#waiting.delete(reply.id);
    if (reply.type === "field") {
      this.#tileMs = reply.tileMs;
      waiting?.resolve(reply.field);
    } else waiting?.reject(new CytoError(reply.code, `The virtual slide cannot be painted: ${reply.message}`));
  }

  #end(error: CytoError): void {
    this.#ended ??= error;
    this.#failReady(this.#ended);
    for (const waiting of this.#waiting.values()) waiting.reject(this.#ended);
    this.#waiting.clear();
  }
}
