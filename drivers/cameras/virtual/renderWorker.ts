/** The thread that paints: fields on request, their pixels transferred. */
import { constants, setPriority } from "node:os";
import { platform } from "node:process";
import { type MessagePort, parentPort, workerData } from "node:worker_threads";
import { CytoError } from "../../../src/core/index.js";
import { FieldRenderer } from "./fieldRenderer.js";
import { opticsOptionsSchema, slideOptionsSchema } from "./manifest.js";
import { NativeCalls } from "./nativeCalls.js";
import {
  type RendererSetup,
  type RenderReply,
  type RenderRequest,
  renderRequestSchema,
  slidePaintingSchema,
} from "./renderMessages.js";
import { createSlide } from "./slide.js";
import type { SlidePainter } from "./slidePainter.js";

interface Renderer extends AsyncDisposable {
  readonly fields: FieldRenderer;
  /** Longest time of the last tiles, ms. */
  readonly tileMs: number;
}

/**
 * Gives the main thread the right of way and takes equal turns with detection, which does the same: a painter would take all of
 * a core. Niceness is a thread's own on Linux alone.
 */
const stepBack = (): void => {
  if (platform !== "linux") return;
  try {
    setPriority(constants.priority.PRIORITY_BELOW_NORMAL);
  } catch {
    // Not allowed here: all threads have equal turns.
  }
};

const openRenderer = async (setup: RendererSetup): Promise<Renderer> => {
  const options = slideOptionsSchema.parse(setup.slide);
  const optics = opticsOptionsSchema.parse(setup.optics);
  if (setup.painting === undefined) {
    return { fields: new FieldRenderer(options, optics), tileMs: 0, async [Symbol.asyncDispose]() {} };
  }
  stepBack();
  const slide = createSlide(options);
  // Loaded where it is needed: a drawn slide has no network.
  const { SlidePainter: Painting } = await import("./slidePainter.js");
  const { umPerPixel, fieldWidthPx, fieldHeightPx } = optics;
  const painter: SlidePainter = await Painting.open(slide, {
    ...slidePaintingSchema.parse(setup.painting),
    native: new NativeCalls(setup.calls).make,
    umPerPixel,
    fieldWidthUm: fieldWidthPx * umPerPixel,
    fieldHeightUm: fieldHeightPx * umPerPixel,
  });
  return {
    fields: new FieldRenderer(options, optics, { slide, painter }),
    get tileMs() {
      return painter.slowestMs;
    },
    [Symbol.asyncDispose]: () => painter[Symbol.asyncDispose](),
  };
};

const failureOf = (error: unknown): { code: CytoError["code"]; message: string } => {
  const { code, message } = CytoError.from(error, "INTERNAL");
  return { code, message };
};

type FieldRequest = Extract<RenderRequest, { type: "render" }>;

/** Answers requests in the order in which they came. Those that are dropped meanwhile are left. */
class RenderService {
  readonly #queue: FieldRequest[] = [];
  #busy = false;
  #closing = false;

  constructor(
    private readonly port: MessagePort,
    private readonly renderer: Renderer,
  ) {}

  receive(request: RenderRequest): void {
    if (request.type === "render") this.#queue.push(request);
    else if (request.type === "close") this.#closing = true;
    else {
      const place = this.#queue.findIndex(({ id }) => id === request.id);
      if (place >= 0) this.#queue.splice(place, 1);
    }
    if (!this.#busy) void this.#serve();
  }

  async #serve(): Promise<void> {
    this.#busy = true;
    while (!this.#closing && this.#queue[0]) {
      const request = this.#queue[0];
      const reply = await this.#answer(request, () => !this.#closing && this.#queue[0] === request);
      if (this.#queue[0] !== request || this.#closing) continue;
      this.#queue.shift();
      if (reply) this.port.postMessage(reply, reply.type === "field" ? [reply.field.pixels.buffer] : []);
    }
    this.#busy = false;
    if (!this.#closing) return;
    // The thread ends by itself: a network's run must not return into a thread that was terminated.
    await this.renderer[Symbol.asyncDispose]();
    this.port.close();
  }

  async #answer(request: FieldRequest, isWanted: () => boolean): Promise<RenderReply | undefined> {
    const { id, position, exposure } = request;
    try {
      await this.renderer.fields.prepare(position, isWanted);
      if (!isWanted()) return undefined;
      return {
        type: "field",
        id,
        field: this.renderer.fields.render(position, exposure),
        tileMs: this.renderer.tileMs,
      };
    } catch (error) {
      return { type: "failed", id, ...failureOf(error) };
    }
  }
}

const start = async (port: MessagePort): Promise<void> => {
  const post = (reply: RenderReply): void => port.postMessage(reply);
  // Requests that come while the painter is opened wait in the port until it is listened to.
  try {
    const service = new RenderService(port, await openRenderer(workerData as RendererSetup));
    port.on("message", (message: unknown) => service.receive(renderRequestSchema.parse(message)));
    post({ type: "ready" });
  } catch (error) {
    post({ type: "unable", ...failureOf(error) });
    port.close();
  }
};

if (parentPort) await start(parentPort);
