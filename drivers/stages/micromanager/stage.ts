import { CytoError } from "../../../src/core/index.js";
import type { Stage, StageAxis, StageOpenRequest, StagePositionUm, StageTargetUm } from "../../contract.js";
import { type BridgeLease, type BridgeOutcome, failureOf, type RoleCodes } from "../../micromanager/index.js";
import type { MicromanagerStageOptions } from "./manifest.js";

export const codes: RoleCodes = {
  absent: "STAGE_PORT_NOT_FOUND",
  busy: "STAGE_PORT_BUSY",
  failed: "STAGE_SILENT",
  lost: "STAGE_DISCONNECTED",
  silent: "STAGE_SILENT",
  refused: "STAGE_REFUSED",
  unsupported: "STAGE_UNSUPPORTED",
};

const answerTimeoutMs = 5_000;

export interface MicromanagerStageParts {
  readonly lease: BridgeLease;
  readonly request: StageOpenRequest<MicromanagerStageOptions>;
  readonly axes: readonly StageAxis[];
  readonly identity: string;
}

/**
 * The stages of a bridge. What is declared is kept here, as an offset from what the adapter reports: not every adapter can set its origin,
 * and none then reports another position to programs that share it.
 */
export class MicromanagerStage implements Stage {
  readonly axes: readonly StageAxis[];
  readonly canHome: boolean;
  readonly identity: string;
  readonly #lease: BridgeLease;
  readonly #request: StageOpenRequest<MicromanagerStageOptions>;
  readonly #deaf: () => void;
  #offsetUm: Record<StageAxis, number> = { x: 0, y: 0, z: 0 };
  #referenced: boolean;
  #fault: CytoError | undefined;
  #moving = false;
  /** Resolves when the move under way has been answered. */
  #settled: Promise<unknown> = Promise.resolve();
  #closed: Promise<void> | undefined;

  constructor({ lease, request, axes, identity }: MicromanagerStageParts) {
    this.#lease = lease;
    this.#request = request;
    this.axes = axes;
    this.identity = identity;
    this.canHome = request.options.canHome;
    this.#referenced = request.options.referenced;
    this.#deaf = lease.bridge.onLost((message) => this.#lose(failureOf({ state: "lost", message }, codes)));
    request.signal.addEventListener("abort", this.#abort, { once: true });
  }

  get referenced(): boolean {
    return this.#referenced;
  }

  async position(): Promise<StagePositionUm> {
    return this.#own(await this.#ask("stage.position"));
  }

  async moveTo(target: StageTargetUm, signal?: AbortSignal): Promise<StagePositionUm> {
    this.#checkTarget(target);
    const raw = Object.fromEntries(
      this.axes.flatMap((axis) => (target[axis] === undefined ? [] : [[axis, target[axis] - this.#offsetUm[axis]]])),
    );
    return this.#own(await this.#move("stage.move", { target: raw }, signal));
  }

  async home(signal?: AbortSignal): Promise<StagePositionUm> {
    if (!this.canHome) {
      throw new CytoError("STAGE_UNSUPPORTED", "This stage is not said to find its origin.", {
        remedy:
          "Declare its position: `cytostream stage declare`; or set `stage.options.canHome` where it has switches.",
      });
    }
    const reported = await this.#move("stage.home", {}, signal);
    // The controller counts from its origin anew; the focus has none.
    this.#offsetUm = { x: 0, y: 0, z: this.#offsetUm.z };
    this.#referenced = true;
    return this.#own(reported);
  }

  async declare(position: StagePositionUm): Promise<void> {
    this.#checkFree();
    const reported = parsePosition(await this.#ask("stage.position"));
    for (const axis of this.axes) {
      const declared = position[axis];
      if (declared !== undefined) this.#offsetUm[axis] = declared - (reported[axis] ?? 0);
    }
    this.#referenced = true;
  }

  async stop(): Promise<void> {
    await this.#ask("stage.stop");
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  readonly #abort = (): void => {
    void this[Symbol.asyncDispose]();
  };

  async #close(): Promise<void> {
    this.#request.signal.removeEventListener("abort", this.#abort);
    const { bridge } = this.#lease;
    if (this.#moving) await bridge.request("stage.stop", {}, answerTimeoutMs);
    await this.#settled;
    this.#deaf();
    this.#fault ??= new CytoError("STAGE_DISCONNECTED", "The stage has been closed.");
    await bridge.request("stage.close", {}, answerTimeoutMs);
    await this.#lease[Symbol.asyncDispose]();
  }

  #checkFree(): void {
    if (this.#fault !== undefined) throw this.#fault;
    if (this.#moving) throw new CytoError("STAGE_BUSY", "The stage is moving.");
  }

  #checkTarget(target: StageTargetUm): void {
    for (const axis of ["x", "y", "z"] as const) {
      const um = target[axis];
      if (um === undefined) continue;
      if (!this.axes.includes(axis)) throw new CytoError("STAGE_UNSUPPORTED", `This stage has no axis ${axis}.`);
      const { min, max } = this.#request.limitsUm[axis] ?? { min: -Infinity, max: Infinity };
      if (Number.isFinite(um) && um >= min && um <= max) continue;
      throw new CytoError("STAGE_LIMIT", `${axis} = ${um} um is outside of ${min} to ${max} um.`, {
        context: { axis, um, min, max },
      });
    }
  }

  /** @returns what the adapter reports at the end */
  async #move(
    method: string,
    words: Readonly<Record<string, unknown>>,
    signal: AbortSignal | undefined,
  ): Promise<Readonly<Record<string, unknown>>> {
    this.#checkFree();
    if (signal?.aborted === true) throw new CytoError("STAGE_STOPPED", "The move was withdrawn before it began.");
    const { moveTimeoutMs } = this.#request.options;
    this.#moving = true;
    let late = false;
    const halt = (): void => {
      // What it says is told by the move itself.
      void this.#lease.bridge.request("stage.stop", {}, answerTimeoutMs);
    };
    const timer = setTimeout(() => {
      late = true;
      halt();
    }, moveTimeoutMs);
    signal?.addEventListener("abort", halt);
    try {
      const moved = this.#lease.bridge.request(method, words, moveTimeoutMs + 2 * answerTimeoutMs);
      this.#settled = moved;
      const { position, stopped } = this.#done(await moved);
      if (late)
        throw new CytoError("STAGE_SILENT", `The stage was still moving after ${moveTimeoutMs} ms, and was stopped.`);
      if (stopped === true) throw new CytoError("STAGE_STOPPED", "The move was stopped.");
      return position as Readonly<Record<string, unknown>>;
    } finally {
      this.#moving = false;
      clearTimeout(timer);
      signal?.removeEventListener("abort", halt);
    }
  }

  async #ask(method: string): Promise<Readonly<Record<string, unknown>>> {
    if (this.#fault !== undefined) throw this.#fault;
    return this.#done(await this.#lease.bridge.request(method, {}, answerTimeoutMs));
  }

  #done(outcome: BridgeOutcome): Readonly<Record<string, unknown>> {
    if (outcome.state === "done") return outcome.result;
    const error = failureOf(outcome, codes);
    if (outcome.state !== "refused") this.#lose(error);
    throw this.#fault ?? error;
  }

  #lose(error: CytoError): void {
    if (this.#fault !== undefined) return;
    this.#fault = error;
    this.#referenced = false;
    this.#request.onFault?.(error);
  }

  #own(reported: Readonly<Record<string, unknown>>): StagePositionUm {
    const { x, y, z } = parsePosition(reported);
    const { x: dx, y: dy, z: dz } = this.#offsetUm;
    return { x: x + dx, y: y + dy, ...(z === undefined ? {} : { z: z + dz }) };
  }
}

/** @throws CytoError STAGE_REFUSED where an adapter reports what is no position */
function parsePosition({ x, y, z }: Readonly<Record<string, unknown>>): StagePositionUm {
  const isUm = (value: unknown): value is number => typeof value === "number" && Number.isFinite(value);
  if (!isUm(x) || !isUm(y)) throw new CytoError("STAGE_REFUSED", "Micro-Manager reports no position.");
  return { x, y, ...(isUm(z) ? { z } : {}) };
}
