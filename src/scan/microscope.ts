import type { StageTargetUm } from "../../drivers/index.js";
import { CytoError } from "../core/index.js";
import type { CalibrationReport, FocusReport, MicroscopeStatus, SlidePositionUm, StageAction } from "./desk.js";
import type { OpticsCalibration, StageControl } from "./ports.js";
import { type SlideMapping, slideMapping, uncalibrated } from "./run/index.js";

/** What the microscope can do beside a scan; each is aborted by the signal. */
export interface MicroscopeProcedures {
  calibrateOptics(signal: AbortSignal): Promise<CalibrationReport>;
  calibrateLight(signal: AbortSignal): Promise<{ readonly evenness: number }>;
  focus(signal: AbortSignal): Promise<FocusReport>;
}

export interface MicroscopeOptions {
  readonly stage: StageControl;
  /** Name of the objective in place. */
  readonly objective: string;
  /** The newest calibration of that objective. */
  readonly calibration: () => OpticsCalibration | undefined;
  readonly procedures: MicroscopeProcedures;
  /** Told when the status is another. */
  readonly onChange: () => void;
}

type Busy = NonNullable<MicroscopeStatus["busy"]>;

/** Camera and stage by hand: one thing at a time, in the slide's coordinates. */
export class Microscope {
  readonly #options: MicroscopeOptions;
  readonly #closing = new AbortController();
  #busy: Busy | undefined;
  #working: Promise<unknown> = Promise.resolve();

  constructor(options: MicroscopeOptions) {
    this.#options = options;
  }

  /** Of the newest calibration; without one the slide's coordinates are the stage's. */
  get #mapping(): SlideMapping {
    const calibration = this.#options.calibration();
    return calibration === undefined ? uncalibrated : slideMapping(calibration);
  }

  get status(): MicroscopeStatus {
    const { stage, objective, calibration } = this.#options;
    const { state, referenced, positionUm, failure } = stage.status;
    const { umPerPixel, rotationDegrees, atMs } = calibration() ?? {};
    return {
      stage: {
        name: stage.name,
        state,
        referenced,
        ...(positionUm === undefined ? {} : { positionUm: { ...positionUm, ...this.#mapping.toSlide(positionUm) } }),
        ...(failure === undefined ? {} : { failure: { code: failure.code, message: failure.message } }),
      },
      objective,
      calibration:
        umPerPixel === undefined || rotationDegrees === undefined || atMs === undefined
          ? null
          : { umPerPixel, rotationDegrees, atMs },
      busy: this.#busy ?? null,
    };
  }

  /** @throws CytoError STAGE_BUSY where something is under way */
  checkIdle(): void {
    if (this.#busy !== undefined) throw new CytoError("STAGE_BUSY", `the microscope is ${this.#busy}`);
  }

  /** @throws CytoError STAGE_BUSY, and the stage's codes */
  async act(action: StageAction): Promise<void> {
    const { stage } = this.#options;
    switch (action.action) {
      // These two wait for nothing.
      case "stop":
        return stage.stop();
      case "release":
        return stage.release();
      case "home":
        return this.#work("moving", async (signal) => void (await stage.home(signal)));
      case "declare":
        return this.#work("moving", () => stage.declare({ ...action.positionUm, ...this.#toStage(action.positionUm) }));
      case "move":
        return this.#work("moving", async (signal) => void (await stage.moveTo(this.#targetOf(action), signal)));
    }
  }

  /** @throws CytoError STAGE_BUSY, CALIBRATION_FAILED, and the stage's codes */
  calibrate(what: "optics" | "light"): Promise<CalibrationReport | { readonly evenness: number }> {
    const { procedures } = this.#options;
    return this.#work<CalibrationReport | { readonly evenness: number }>("calibrating", (signal) =>
      what === "optics" ? procedures.calibrateOptics(signal) : procedures.calibrateLight(signal),
    );
  }

  /** @throws CytoError STAGE_BUSY, FOCUS_FAILED, and the stage's codes */
  focus(): Promise<FocusReport> {
    return this.#work("focusing", (signal) => this.#options.procedures.focus(signal));
  }

  /** Ends what is under way. */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.#working;
  }

  #toStage(slide: SlidePositionUm): { x: number; y: number } {
    return this.#mapping.toStage(slide);
  }

  /** Axes that are not named stay: in the slide's coordinates, which a stage mounted askew reaches by both of its own. */
  #targetOf({ to, relative }: Extract<StageAction, { action: "move" }>): StageTargetUm {
    const { stage } = this.#options;
    const now = stage.status.positionUm;
    if (now === undefined) throw new CytoError("STAGE_UNREFERENCED", "the stage has not told where it is");
    const from = this.#mapping.toSlide(now);
    const along = (value: number | undefined, start: number): number =>
      value === undefined ? start : relative ? start + value : value;
    const inPlane = to.x !== undefined || to.y !== undefined;
    const z = to.z === undefined ? undefined : along(to.z, now.z ?? 0);
    return {
      ...(inPlane ? this.#toStage({ x: along(to.x, from.x), y: along(to.y, from.y) }) : {}),
      ...(z === undefined ? {} : { z }),
    };
  }

  async #work<Result>(busy: Busy, work: (signal: AbortSignal) => Promise<Result>): Promise<Result> {
    this.checkIdle();
    this.#busy = busy;
    this.#options.onChange();
    const working = Promise.resolve().then(() => work(this.#closing.signal));
    this.#working = working.catch(() => {});
    try {
      return await working;
    } finally {
      this.#busy = undefined;
      this.#options.onChange();
    }
  }
}
