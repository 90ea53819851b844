import { setTimeout as delay } from "node:timers/promises";
import { CytoError } from "../../src/core/index.js";
import {
  type Stage,
  type StageAxis,
  type StageOpenRequest,
  type StagePositionUm,
  type StageTargetUm,
  stageAxes,
} from "../contract.js";
import { agreed, type Link } from "./link.js";

/** What a controller can, in the stage's axes and um. Every command but `halt` waits its turn on the link. */
export interface Controller {
  readonly identity: string;
  readonly axes: readonly StageAxis[];
  /** Whether the position is the real stage's already when it is opened. */
  readonly referenced: boolean;
  /** How far from its target a move may end, um. */
  readonly toleranceUm: number;
  position(): Promise<StagePositionUm>;
  moving(): Promise<boolean>;
  /** How long it is silent in mid-move by its nature, ms; four times its usual reply where it is not given. */
  readonly silenceMs?: number | undefined;
  /** Begins an absolute move. */
  start(target: StageTargetUm): Promise<void>;
  /** Ends all moves; sent before all that waits. */
  halt(): Promise<void>;
  declare(position: StagePositionUm): Promise<void>;
  /** Absent where it cannot look for its switches, or may not. */
  readonly homing?:
    | {
        begin(): Promise<void>;
        /** Once it stands: makes the place that was found the origin. */
        end(): Promise<void>;
      }
    | undefined;
}

/** Options that the driver of every such stage has. */
export interface PolledStageOptions {
  /** A controller that answers nothing for so long in mid-move, at least, is halted: it may have lost its way, ms. */
  readonly silenceMs: number;
}

type Going = { stopped: boolean; silentMs?: number };

const pollMs = 15;
/** A controller may tell that it stands before it has set out. */
const graceMs = 300;
/** On the search for its switches a stage stands for a moment where it turns. */
const homingQuietMs = 800;
/** What came meanwhile is read first: the program itself may have been held up. */
const secondLookMs = 15;
/** Time to come to a stand before the port is closed. */
const closingMs = 1000;

const stopped = (): CytoError => new CytoError("STAGE_STOPPED", "The move was halted.");

/** A stage whose controller is asked again and again whether it still moves. */
export class PolledStage implements Stage {
  readonly axes: readonly StageAxis[];
  readonly canHome: boolean;
  readonly identity: string;
  readonly #controller: Controller;
  readonly #link: Link;
  readonly #request: StageOpenRequest<PolledStageOptions>;
  #referenced: boolean;
  #going: Going | undefined;
  #fault: CytoError | undefined;
  #closed: Promise<void> | undefined;

  constructor(controller: Controller, link: Link, request: StageOpenRequest<PolledStageOptions>) {
    this.#controller = controller;
    this.#link = link;
    this.#request = request;
    this.axes = controller.axes;
    this.identity = controller.identity;
    this.canHome = controller.homing !== undefined;
    this.#referenced = controller.referenced;
    link.onLost = (error) => this.#fail(error);
    request.signal.addEventListener("abort", this.#onAbort, { once: true });
  }

  get referenced(): boolean {
    return this.#referenced && this.#fault === undefined;
  }

  async position(): Promise<StagePositionUm> {
    this.#check();
    const read = () => this.#controller.position();
    return this.#guard(() => (this.#going ? read() : agreed(read)));
  }

  async moveTo(target: StageTargetUm, signal?: AbortSignal): Promise<StagePositionUm> {
    this.#check();
    this.#checkTarget(target);
    return this.#travel(signal, async (going) => {
      try {
        await this.#watched(going, () => this.#controller.start(target));
      } catch (error) {
        // One axis may have set out before another was refused.
        await this.#controller.halt().catch(() => undefined);
        throw error;
      }
      return this.#arrive(going, target);
    });
  }

  async home(signal?: AbortSignal): Promise<StagePositionUm> {
    this.#check();
    const { homing } = this.#controller;
    if (!homing)
      throw new CytoError("STAGE_UNSUPPORTED", `${this.identity} does not look for its switches.`, {
        remedy: "Declare its position (`cytostream stage declare`), or see the option `homing` of its driver.",
      });
    return this.#travel(signal, async (going) => {
      this.#referenced = false;
      await homing.begin();
      await this.#stand(going, homingQuietMs);
      await homing.end();
      this.#referenced = true;
      return agreed(() => this.#controller.position());
    });
  }

  async declare(position: StagePositionUm): Promise<void> {
    this.#check();
    if (this.#going) throw this.#busy();
    await this.#guard(() => this.#controller.declare(position));
    this.#referenced = true;
  }

  async stop(): Promise<void> {
    this.#check();
    if (this.#going) this.#stopGoing(this.#going);
    await this.#guard(() => this.#haltAndStand());
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  readonly #onAbort = (): void => void this[Symbol.asyncDispose]();

  async #close(): Promise<void> {
    this.#request.signal.removeEventListener("abort", this.#onAbort);
    if (this.#going) {
      this.#stopGoing(this.#going);
      const timeUp = new AbortController();
      await Promise.race([
        this.#haltAndStand(timeUp.signal).catch(() => undefined),
        delay(closingMs, undefined, { signal: timeUp.signal, ref: false }).catch(() => undefined),
      ]);
      timeUp.abort();
    }
    await this.#link[Symbol.asyncDispose]();
  }

  #check(): void {
    if (this.#fault) throw this.#fault;
    if (this.#closed) throw new CytoError("STAGE_DISCONNECTED", "The stage is closed.");
  }

  #stopGoing(going: Going): void {
    going.stopped = true;
    this.#link.held = true;
  }

  #busy(): CytoError {
    return new CytoError("STAGE_BUSY", "The stage is moving.");
  }

  #checkTarget(target: StageTargetUm): void {
    for (const axis of stageAxes) {
      const wanted = target[axis];
      if (wanted === undefined) continue;
      if (!this.axes.includes(axis))
        throw new CytoError("STAGE_UNSUPPORTED", `${this.identity} has no axis ${axis}.`, { context: { axis } });
      const range = this.#request.limitsUm[axis];
      const inside = range === undefined || (wanted >= range.min && wanted <= range.max);
      if (!Number.isFinite(wanted) || !inside)
        throw new CytoError("STAGE_LIMIT", `${axis} ${wanted} um is outside of the travel that is allowed.`, {
          context: { axis, wanted, range },
        });
    }
  }

  async #travel(
    signal: AbortSignal | undefined,
    go: (going: Going) => Promise<StagePositionUm>,
  ): Promise<StagePositionUm> {
    if (this.#going) throw this.#busy();
    if (signal?.aborted) throw stopped();
    const going: Going = { stopped: false };
    this.#going = going;
    this.#link.held = false;
    const halt = (): void => {
      this.#stopGoing(going);
      void this.#haltSurely().catch(() => undefined);
    };
    signal?.addEventListener("abort", halt, { once: true });
    try {
      return await this.#guard(() => go(going));
    } catch (error) {
      if (this.#fault === undefined && going.silentMs !== undefined) throw this.#silent(going.silentMs, error);
      if (going.stopped && this.#fault === undefined) throw stopped();
      throw error;
    } finally {
      signal?.removeEventListener("abort", halt);
      this.#going = undefined;
    }
  }

  /** Lets the controller work on a move, and halts it where it says nothing for too long. */
  async #watched<T>(going: Going, work: () => Promise<T>): Promise<T> {
    const beganMs = performance.now();
    const usualMs = this.#controller.silenceMs ?? 4 * this.#link.usualReplyMs;
    const limitMs = Math.max(this.#request.options.silenceMs, usualMs);
    let timer: NodeJS.Timeout;
    const look = (again: boolean): void => {
      const silentMs = performance.now() - Math.max(beganMs, this.#link.repliedAtMs);
      if (silentMs < limitMs) timer = setTimeout(look, limitMs - silentMs, false);
      else if (!again) timer = setTimeout(look, secondLookMs, true);
      else if (!going.stopped) {
        this.#stopGoing(going);
        going.silentMs = silentMs;
        void this.#haltSurely().catch(() => undefined);
      }
    };
    timer = setTimeout(look, limitMs, false);
    try {
      return await work();
    } finally {
      clearTimeout(timer);
    }
  }

  #silent(silentMs: number, cause: unknown): CytoError {
    return new CytoError(
      "STAGE_SILENT",
      `The stage said nothing for ${Math.round(silentMs)} ms in mid-move, and was halted.`,
      { cause },
    );
  }

  /** Waits until the controller tells that it stands, and has told so for `quietMs`. */
  async #stand(going: Going, quietMs = 0): Promise<void> {
    let movedAt = performance.now();
    for (;;) {
      const moves = await this.#watched(going, () => this.#controller.moving());
      if (going.stopped && !moves) throw stopped();
      if (moves) movedAt = performance.now();
      else if (performance.now() - movedAt >= quietMs) return;
      await delay(pollMs);
    }
  }

  async #arrive(going: Going, target: StageTargetUm): Promise<StagePositionUm> {
    const graceUntil = performance.now() + graceMs;
    for (;;) {
      await this.#stand(going);
      const position = await agreed(() => this.#controller.position());
      if (going.stopped) throw stopped();
      const missed = this.axes.filter((axis) => {
        const wanted = target[axis];
        return wanted !== undefined && Math.abs((position[axis] ?? Number.NaN) - wanted) > this.#controller.toleranceUm;
      });
      if (missed.length === 0) return position;
      if (performance.now() > graceUntil) {
        throw new CytoError("STAGE_REFUSED", `The stage stopped before its target: ${missed.join(", ")}.`, {
          context: { target, position },
          remedy: "A switch at the end of the travel stopped it, or something is in the way. Set stage.limitsUm.",
        });
      }
      await delay(pollMs);
    }
  }

  async #haltAndStand(signal?: AbortSignal): Promise<void> {
    await this.#haltSurely();
    for (let polls = 1; (await this.#controller.moving()) && signal?.aborted !== true; polls++) {
      await delay(pollMs);
      // A halt that is not answered may have been lost on the way.
      if (polls % 10 === 0) await this.#haltSurely();
    }
  }

  /** A halt whose answer was lost is sent again. */
  async #haltSurely(): Promise<void> {
    for (let left = 3; ; left--) {
      try {
        return await this.#controller.halt();
      } catch (error) {
        if (left <= 1 || !(error instanceof CytoError) || error.code === "STAGE_DISCONNECTED") throw error;
      }
    }
  }

  /** A controller that is silent or in alarm is lost; it is halted if it can still hear. */
  async #guard<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof CytoError)) throw error;
      if (["STAGE_SILENT", "STAGE_ALARM", "STAGE_DISCONNECTED"].includes(error.code) && !this.#closed) {
        if (error.code !== "STAGE_DISCONNECTED") await this.#controller.halt().catch(() => undefined);
        this.#fail(error);
      }
      throw error;
    }
  }

  #fail(error: CytoError): void {
    if (this.#fault || this.#closed) return;
    this.#fault = error;
    this.#referenced = false;
    this.#request.onFault?.(error);
    void this.#link[Symbol.asyncDispose]();
  }
}
