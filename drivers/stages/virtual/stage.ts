import { CytoError } from "../../../src/core/index.js";
import type { LeftStage, MountedStage } from "../../cameras/virtual/microscope.js";
import {
  type Stage,
  type StageAxis,
  type StageLimitsUm,
  type StagePositionUm,
  type StageTargetUm,
  stageAxes,
} from "../../contract.js";
import type { VirtualStageOptions } from "./manifest.js";
import { durationMs, follow, lengthOf, placeOn, slidePlace, swing, type Way } from "./mechanics.js";

type Axes = Readonly<Record<StageAxis, number>>;

interface Parts {
  readonly options: VirtualStageOptions;
  readonly limitsUm: StageLimitsUm;
  readonly signal: AbortSignal;
  /** Where the one that had it before left it; at zero, come to rising, where none had. */
  readonly found: LeftStage | undefined;
  /** Takes the stage from under the cameras, and keeps where it stands. */
  readonly leave: (where: LeftStage) => void;
}

const halted = (): CytoError => new CytoError("STAGE_STOPPED", "The virtual stage was halted.");

/** Motors with a table on them, whose play the table alone knows. Times are those of the process's own clock. */
export class VirtualStage implements Stage, MountedStage {
  readonly axes = stageAxes;
  readonly canHome = true;
  readonly identity = "cytostream virtual stage";
  readonly #parts: Parts;
  #way: Way;
  #table: Axes;
  /** What its counters are off by against its switches, um. */
  #offset: Axes = { x: 0, y: 0, z: 0 };
  #referenced: boolean;
  #halt: (() => void) | undefined;
  #closed = false;

  constructor(parts: Parts) {
    const { found, options } = parts;
    const { backlashUm } = options;
    this.#parts = parts;
    this.#referenced = options.referenced;
    const motors = found?.motors ?? { x: 0, y: 0, z: 0 };
    this.#way = { from: motors, to: motors, beganMs: 0, durationMs: 0 };
    this.#table = found?.table ?? { x: -backlashUm.x / 2, y: -backlashUm.y / 2, z: -backlashUm.z / 2 };
    // What has forgotten where it is counts from where it stands.
    if (!options.referenced) this.#offset = motors;
    parts.signal.addEventListener("abort", this.#onAbort, { once: true });
  }

  get referenced(): boolean {
    return this.#referenced;
  }

  placeUm(): { x: number; y: number; z: number } {
    const table = this.#update();
    const { x, y } = swing(this.#way, performance.now(), this.#parts.options);
    return { ...slidePlace({ x: table.x + x, y: table.y + y }, this.#parts.options), z: table.z };
  }

  async position(): Promise<StagePositionUm> {
    this.#checkOpen();
    return this.#reported;
  }

  async moveTo(target: StageTargetUm, signal?: AbortSignal): Promise<StagePositionUm> {
    this.#checkOpen();
    if (this.#halt) throw new CytoError("STAGE_BUSY", "The virtual stage is moving.");
    this.#checkTarget(target);
    const { stepUm } = this.#parts.options;
    const now = this.#motors;
    const to = (axis: StageAxis): number => {
      const wanted = target[axis];
      return wanted === undefined ? now[axis] : Math.round((wanted + this.#offset[axis]) / stepUm) * stepUm;
    };
    await this.#travel({ x: to("x"), y: to("y"), z: to("z") }, signal);
    return this.#reported;
  }

  async home(signal?: AbortSignal): Promise<StagePositionUm> {
    this.#checkOpen();
    if (this.#halt) throw new CytoError("STAGE_BUSY", "The virtual stage is moving.");
    this.#referenced = false;
    await this.#travel({ x: 0, y: 0, z: 0 }, signal);
    this.#offset = { x: 0, y: 0, z: 0 };
    this.#referenced = true;
    return this.#reported;
  }

  async declare(position: StagePositionUm): Promise<void> {
    this.#checkOpen();
    if (this.#halt) throw new CytoError("STAGE_BUSY", "The virtual stage is moving.");
    const { x, y, z } = this.#motors;
    this.#offset = {
      x: x - position.x,
      y: y - position.y,
      z: position.z === undefined ? this.#offset.z : z - position.z,
    };
    this.#referenced = true;
  }

  async stop(): Promise<void> {
    this.#halt?.();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closed) return;
    this.#halt?.();
    this.#closed = true;
    this.#parts.signal.removeEventListener("abort", this.#onAbort);
    this.#parts.leave({ motors: this.#motors, table: this.#update() });
  }

  readonly #onAbort = (): void => void this[Symbol.asyncDispose]();

  get #motors(): Axes {
    return placeOn(this.#way, performance.now());
  }

  get #reported(): StagePositionUm {
    this.#update();
    const { x, y, z } = this.#motors;
    return { x: x - this.#offset.x, y: y - this.#offset.y, z: z - this.#offset.z };
  }

  #update(): Axes {
    this.#table = follow(this.#table, this.#motors, this.#parts.options.backlashUm);
    return this.#table;
  }

  #checkOpen(): void {
    if (this.#closed) throw new CytoError("STAGE_DISCONNECTED", "The virtual stage is closed.");
  }

  #checkTarget(target: StageTargetUm): void {
    const { limitsUm, options } = this.#parts;
    for (const axis of stageAxes) {
      const wanted = target[axis];
      if (wanted === undefined) continue;
      const travel = options.travelUm[axis];
      const ranges = [limitsUm[axis], this.#referenced ? travel : undefined];
      const inside = ranges.every((range) => range === undefined || (wanted >= range.min && wanted <= range.max));
      if (!Number.isFinite(wanted) || !inside)
        throw new CytoError("STAGE_LIMIT", `${axis} ${wanted} um is outside of the travel.`, {
          context: { axis, wanted },
        });
    }
  }

  /** Resolves when the motors stand at `to`; rejects where they are halted on the way, and stand then where they are. */
  #travel(to: Axes, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted) return Promise.reject(halted());
    const from = this.#motors;
    const way = {
      from,
      to,
      beganMs: performance.now(),
      durationMs: durationMs(lengthOf(from, to), this.#parts.options),
    };
    this.#update();
    this.#way = way;
    return new Promise((resolve, reject) => {
      const end = (): void => {
        clearTimeout(timer);
        signal?.removeEventListener("abort", halt);
        this.#halt = undefined;
        this.#update();
      };
      const halt = (): void => {
        const here = this.#motors;
        this.#way = { from: here, to: here, beganMs: 0, durationMs: 0 };
        end();
        reject(halted());
      };
      const arrive = (): void => {
        // Timers may fire a little early: the way ends now, whatever it was to take.
        this.#way = { ...way, durationMs: performance.now() - way.beganMs };
        end();
        resolve();
      };
      const timer = setTimeout(arrive, way.durationMs);
      this.#halt = halt;
      signal?.addEventListener("abort", halt, { once: true });
    });
  }
}
