import { setTimeout as delay } from "node:timers/promises";
import { type Clock, CytoError, systemClock } from "../../../src/core/index.js";
import type { Camera, CameraFrame, CameraPace } from "../../contract.js";
import type { Painting } from "./choosePainting.js";
import type { RenderedField } from "./fieldRenderer.js";
import type { SlideOptions, VirtualCameraOptions } from "./manifest.js";
import { type MountedStage, mountedStage } from "./microscope.js";
import type { AskedField, RenderThread } from "./renderThread.js";
import { type PlannedView, plannedView, selfScanPath } from "./selfScan.js";
import { createSlide, type PlaceUm, type Slide, type StagePosition } from "./slide.js";

/** Fields painted ahead of the one that is waited for: painting goes on while the consumer works. */
const paintedAhead = 2;

/**
 * Time for a painted tile where none has been painted yet, ms, and by how much a field may take longer than its tiles lately
 * did. A camera that is taken for stale is opened anew, and begins to paint from nothing: better to wait too long.
 */
const firstTileMs = 1500;
/** Time for a field that is seen from far out of focus, ms: a stage may go there, and a wide blur is much work. */
const defocusedFieldMs = 3000;
const slack = 3;

/** The part of a camera's options that tells what is on the slide. */
export const slideOf = (options: SlideOptions): SlideOptions => ({
  seed: options.seed,
  slideWidthUm: options.slideWidthUm,
  slideHeightUm: options.slideHeightUm,
  redCellsPerMm2: options.redCellsPerMm2,
  leukocytesPerMm2: options.leukocytesPerMm2,
  plateletsPerMm2: options.plateletsPerMm2,
  overlapShare: options.overlapShare,
  leukocyteMix: options.leukocyteMix,
  focusTiltUmPerMm: options.focusTiltUmPerMm,
  focusBumpsUm: options.focusBumpsUm,
});

interface Underway extends AskedField {
  readonly readingErrorUm: PlaceUm;
  /** Whether it belongs to the self-scan. */
  readonly scanned: boolean;
}

/**
 * The virtual slide under a camera. By itself it scans in serpentine; `moveTo` takes the stage over, `resumeScan` gives it
 * back. Its truth is `slide`.
 */
export class VirtualCamera implements Camera {
  readonly pace: CameraPace;
  /** What is on the slide; equal to what the frames show. */
  readonly slide: Slide;
  readonly #options: VirtualCameraOptions;
  readonly #signal: AbortSignal;
  readonly #thread: RenderThread;
  readonly #painting: Painting;
  readonly #clock: Clock;
  readonly #closed = new AbortController();
  readonly #path: ReturnType<typeof selfScanPath>;
  #underway: Underway[] = [];
  #scanned = 0;
  #exposures = 0;
  #held: StagePosition | undefined;
  #iterated = false;

  constructor(
    options: VirtualCameraOptions,
    run: { signal: AbortSignal; thread: RenderThread; painting: Painting; clock?: Clock },
  ) {
    this.#options = options;
    this.#signal = AbortSignal.any([run.signal, this.#closed.signal]);
    this.#thread = run.thread;
    this.#painting = run.painting;
    this.#clock = run.clock ?? systemClock;
    this.#path = selfScanPath(options);
    this.slide = createSlide(slideOf(options));
    this.pace = options.framesPerSecond === 0 ? "onDemand" : "live";
  }

  /**
   * Time from frame to frame, ms: that of the self-scan; or longer, as a slow stage's, where a field that nobody has seen may
   * take that long to be painted.
   */
  get frameIntervalMs(): number | undefined {
    const scanMs = this.#scanIntervalMs;
    if (this.#painting.kind === "drawn")
      return mountedStage(this.#options.microscope) ? Math.max(scanMs ?? 0, defocusedFieldMs) : scanMs;
    return Math.max(scanMs ?? 0, slack * this.#painting.tiles * (this.#thread.tileMs || firstTileMs));
  }

  /** What the self-scan is asked for. */
  get #scanIntervalMs(): number | undefined {
    const { framesPerSecond } = this.#options;
    return framesPerSecond === 0 ? undefined : 1000 / framesPerSecond;
  }

  /** What its frames are called: the slide, and who paints it. */
  get #source(): string {
    const { seed } = this.#options;
    if (this.#painting.kind === "drawn") return `slide ${seed}, drawn`;
    const { name, version } = this.#painting.painter;
    return `slide ${seed}, painted by ${name} ${version}`;
  }

  /** Fields of one pass of the self-scan. */
  get scanLength(): number {
    return this.#path.length;
  }

  /** Holds the stage at a position, um: frames asked for from now on show the slide from there. */
  moveTo(position: StagePosition): void {
    this.#held = position;
    this.#dropUnderway();
  }

  /** Goes on with the self-scan where it was left. */
  resumeScan(): void {
    if (!this.#held) return;
    this.#held = undefined;
    this.#dropUnderway();
  }

  async *frames(): AsyncIterable<CameraFrame> {
    if (this.#iterated) throw new CytoError("INTERNAL", "The frames of a virtual camera can be iterated once.");
    this.#iterated = true;
    let dueMs = this.#clock.monotonic();
    while (!this.#signal.aborted) {
      const stage = mountedStage(this.#options.microscope);
      if (stage) {
        this.#dropUnderway();
        if (!(await this.#waitUntil(dueMs))) return;
        dueMs = Math.max(dueMs + (this.#scanIntervalMs ?? 0), this.#clock.monotonic());
        const seen = await this.#expose(stage);
        if (!seen) return;
        yield seen;
        continue;
      }
      this.#paintAhead();
      const next = this.#underway[0];
      if (!next) return;
      const field = await this.#unlessAborted(next.field);
      // The stage was moved while it was painted.
      if (this.#underway[0] !== next && !this.#signal.aborted) continue;
      if (!field) return;
      if (!(await this.#waitUntil(dueMs))) return;
      if (this.#underway[0] !== next) continue;
      this.#underway.shift();
      this.#paintAhead();
      // A consumer that was late gets no burst of frames to make up for it.
      dueMs = Math.max(dueMs + (this.#scanIntervalMs ?? 0), this.#clock.monotonic());
      yield this.#frameOf(field, next.readingErrorUm);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed.abort();
    await this.#thread[Symbol.asyncDispose]();
  }

  #frameOf(field: RenderedField, readingErrorUm: PlaceUm): CameraFrame {
    return {
      ...this.#pictureOf(field),
      // The exposure is simulated to end now, when the frame was due, whenever its picture was painted.
      capturedAtMs: this.#clock.now(),
      stagePositionUm: { x: field.positionUm.x + readingErrorUm.x, y: field.positionUm.y + readingErrorUm.y },
    };
  }

  #pictureOf({ width, height, pixels, defocusUm }: RenderedField): Omit<CameraFrame, "capturedAtMs"> {
    const { umPerPixel } = this.#options;
    return { width, height, pixels, source: this.#source, simulated: true, umPerPixel, defocusUm };
  }

  /** What is over the stage at this moment; the stage's position is its own affair. Undefined when aborted meanwhile. */
  async #expose(stage: MountedStage): Promise<CameraFrame | undefined> {
    const capturedAtMs = this.#clock.now();
    const place = stage.placeUm();
    const { field } = this.#thread.render(place, this.#exposures++);
    field.catch(() => undefined);
    const seen = await this.#unlessAborted(field);
    if (!seen) return undefined;
    const told = this.#options.tellsStagePosition ? { stagePositionUm: { x: place.x, y: place.y } } : {};
    return { ...this.#pictureOf(seen), capturedAtMs, ...told };
  }

  #dropUnderway(): void {
    // Scanned views that nobody has seen are painted again when the scan goes on.
    this.#scanned -= this.#underway.filter((view) => view.scanned).length;
    for (const { id } of this.#underway) this.#thread.drop(id);
    this.#underway = [];
  }

  #paintAhead(): void {
    while (this.#underway.length < paintedAhead) {
      const view = this.#nextView();
      if (!view) return;
      const asked = this.#thread.render(view.position, this.#exposures++);
      // Whoever awaits the field hears of its failure; one that was dropped may fail unheard.
      asked.field.catch(() => undefined);
      this.#underway.push({ ...asked, readingErrorUm: view.readingErrorUm, scanned: this.#held === undefined });
    }
  }

  #nextView(): PlannedView | undefined {
    if (this.#held) return { position: this.#held, readingErrorUm: { x: 0, y: 0 } };
    if (!this.#options.repeat && this.#scanned >= this.#path.length) return undefined;
    return plannedView(this.#scanned++, { path: this.#path, slide: this.slide, options: this.#options });
  }

  async #waitUntil(dueMs: number): Promise<boolean> {
    const rest = dueMs - this.#clock.monotonic();
    if (rest <= 0) return !this.#signal.aborted;
    try {
      await delay(rest, undefined, { signal: this.#signal });
      return true;
    } catch (error) {
      if (this.#signal.aborted) return false;
      throw CytoError.from(error);
    }
  }

  /** The field, or undefined when it was dropped, or the camera is closed or aborted before it is there. */
  async #unlessAborted(field: Promise<RenderedField | undefined>): Promise<RenderedField | undefined> {
    const signal = this.#signal;
    if (signal.aborted) return undefined;
    let stop = (): void => undefined;
    const aborted = new Promise<undefined>((resolve) => {
      stop = () => resolve(undefined);
      signal.addEventListener("abort", stop, { once: true });
    });
    try {
      return await Promise.race([field, aborted]);
    } finally {
      signal.removeEventListener("abort", stop);
    }
  }
}
