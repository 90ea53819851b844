import type { Worker } from "node:worker_threads";
import { CytoError, spawnWorker } from "../../../src/core/index.js";
import type { RenderedField } from "./fieldRenderer.js";
import type { OpticsOptions, SlideOptions } from "./manifest.js";
import { type RendererSetup, type RenderRequest, renderReplySchema } from "./renderMessages.js";
import type { StagePosition } from "./slide.js";

interface Waiting {
  resolve(field: RenderedField): void;
  reject(error: CytoError): void;
}

/** The painting thread as seen from outside: fields by promise, in the order in which they were asked for. */
export class RenderThread implements AsyncDisposable {
  readonly #worker: Worker;
  readonly #waiting = new Map<number, Waiting>();
  readonly #ready: Promise<void>;
  #becomeReady: () => void = () => undefined;
  #failReady: (error: CytoError) => void = () => undefined;
  #nextId = 0;
  #ended: CytoError | undefined;
  #closing: Promise<void> | undefined;

  constructor(slide: SlideOptions, optics: OpticsOptions) {
    const setup: RendererSetup = { slide, optics };
    this.#ready = new Promise((resolve, reject) => {
      this.#becomeReady = resolve;
      this.#failReady = reject;
    });
    // Whoever opens the camera awaits it; a thread that dies later is told by the field that is waited for.
    this.#ready.catch(() => undefined);
    this.#worker = spawnWorker(new URL("./renderWorker.js", import.meta.url), { workerData: setup });
    this.#worker.on("message", (message: unknown) => this.#receive(message));
    this.#worker.on("error", (error) => this.#end(CytoError.from(error, "INTERNAL")));
    this.#worker.on("exit", () =>
      this.#end(new CytoError("INTERNAL", "The virtual slide's painting thread has ended.")),
    );
  }

  /** Settles when the thread has loaded. */
  ready(): Promise<void> {
    return this.#ready;
  }

  /** @throws CytoError INTERNAL when the thread has ended or cannot paint the field */
  render(position: StagePosition, exposure: number): Promise<RenderedField> {
    return new Promise((resolve, reject) => {
      if (this.#ended) {
        reject(this.#ended);
        return;
      }
      const request: RenderRequest = { id: this.#nextId++, position, exposure };
      this.#waiting.set(request.id, { resolve, reject });
      this.#worker.postMessage(request);
    });
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closing ??= this.#worker.terminate().then(() => undefined);
    return this.#closing;
  }

  #receive(message: unknown): void {
    const reply = renderReplySchema.parse(message);
    if (reply.type === "ready") {
      this.#becomeReady();
      return;
    }
    const waiting = this.#waiting.get(reply.id);
    this.#waiting.delete(reply.id);
    if (reply.type === "field") waiting?.resolve(reply.field);
    else waiting?.reject(new CytoError("INTERNAL", `The virtual slide cannot be painted: ${reply.message}`));
  }

  #end(error: CytoError): void {
    this.#ended ??= error;
    this.#failReady(this.#ended);
    for (const waiting of this.#waiting.values()) waiting.reject(this.#ended);
    this.#waiting.clear();
  }
}
