import { setTimeout as delay } from "node:timers/promises";
import { CytoError } from "../../src/core/index.js";
import {
  type Stage,
  type StageAxis,
  type StageDriver,
  type StagePositionUm,
  type StageRangeUm,
  type StageTargetUm,
  stageAxes,
} from "../contract.js";
import { type BadSource, fail, within } from "./examination.js";

/** Where a stage may go, um, in its own axes; a z without a range is left alone. */
export interface StageRegionUm {
  readonly x: StageRangeUm;
  readonly y: StageRangeUm;
  readonly z?: StageRangeUm | undefined;
}

/** What an emulator truly does, whatever its firmware says. */
export interface MotionProbe {
  /** Moves that were begun since it was switched on. */
  readonly moves?: () => number;
  /** Where the table truly is, um, from any origin; undefined while that cannot be told. */
  readonly placeUm?: () => StagePositionUm | undefined;
}

/** A stage driver and a device to try it with. It moves. */
export interface StageSubject<Options = unknown> {
  readonly driver: StageDriver<Options>;
  /** As in the configuration; the defaults are filled in by the driver's schema. */
  readonly options?: Readonly<Record<string, unknown>>;
  readonly source: string | undefined;
  /**
   * It stays within. A stage that does not know where it is is declared to stand in the middle, and so moves by half of a range at most;
   * one that knows must stand within.
   */
  readonly limitsUm: StageRegionUm;
  /** Whether it may look for its switches, wherever they are: that is beyond the limits. Not unless given. */
  readonly homes?: boolean;
  readonly probe?: MotionProbe;
  /** How far from its target a move may end, um; 2 unless given. */
  readonly toleranceUm?: number;
  /** Sources that cannot be opened, each with the codes that are right for it. */
  readonly badSources?: readonly BadSource[];
  /** Longest time for the stage to open, move by half of its range, home, stop, or close; 10 s unless given. */
  readonly deadlineMs?: number;
  /** Aborting it halts and closes the stage, whatever is under way. */
  readonly signal?: AbortSignal | undefined;
}

/** Undefined where the work was done. */
export const codeOf = (work: Promise<unknown>): Promise<string | undefined> =>
  work.then(
    () => undefined,
    (error: unknown) => (error instanceof CytoError ? error.code : `no code (${String(error)})`),
  );

/** A move under way. */
export interface Going {
  /** The code by which it ended; undefined where it arrived. */
  readonly outcome: Promise<string | undefined>;
}

/** Longest time to wait for a position that shows the move: not every controller tells it on the way. */
const setOutMs = 1000;
/** Between two looks at a stage that stands. */
const standMs = 100;

/** Runs a subject's checks: opens stages, keeps them within the limits, and watches deadlines. */
export class StageExamination<Options> {
  readonly deadlineMs: number;
  readonly toleranceUm: number;
  /** Whether it is no longer known where the stage stands. */
  #lost = false;

  constructor(readonly subject: StageSubject<Options>) {
    this.deadlineMs = subject.deadlineMs ?? 10_000;
    this.toleranceUm = subject.toleranceUm ?? 2;
  }

  inTime<T>(what: string, work: PromiseLike<T>): Promise<T> {
    return within(this.deadlineMs, what, work);
  }

  get moves(): number | undefined {
    return this.subject.probe?.moves?.();
  }

  get placeUm(): StagePositionUm | undefined {
    return this.subject.probe?.placeUm?.();
  }

  /** The axes that are moved. */
  axesOf(stage: Stage): StageAxis[] {
    return stageAxes.filter((axis) => stage.axes.includes(axis) && this.subject.limitsUm[axis] !== undefined);
  }

  /** A target off the middle of the limits by a share of their width. */
  target(axes: readonly StageAxis[], share: number): StageTargetUm {
    return Object.fromEntries(
      axes.map((axis) => {
        const { min, max } = this.subject.limitsUm[axis] ?? fail(`The axis ${axis} has no limits.`);
        return [axis, (min + max) / 2 + share * (max - min)];
      }),
    );
  }

  /** Opens a source; a fault that the driver tells of later is kept in `faults`. */
  open(signal: AbortSignal, source: string | undefined, faults: CytoError[] = []): Promise<Stage> {
    const { driver, options: given, limitsUm, signal: outer } = this.subject;
    return this.inTime(
      "Opening",
      driver.open({
        source,
        options: driver.manifest.options.parse(given ?? {}),
        limitsUm,
        signal: outer === undefined ? signal : AbortSignal.any([signal, outer]),
        onFault: (fault) => void faults.push(fault),
      }),
    );
  }

  /** Opens the subject's source, lets `use` work with it, and closes it whatever happens. */
  async withStage(use: (stage: Stage, abort: AbortController) => Promise<void>): Promise<void> {
    const abort = new AbortController();
    const faults: CytoError[] = [];
    const stage = await this.open(abort.signal, this.subject.source, faults);
    try {
      await use(stage, abort);
    } finally {
      await this.inTime("Closing", stage[Symbol.asyncDispose]());
    }
    const [fault] = faults;
    if (fault) fail(`The stage is said to be lost: ${fault.code}: ${fault.message}`);
  }

  /** The same with a stage that knows where it stands, in the middle of the limits, and comes back there. */
  withReadyStage(use: (stage: Stage) => Promise<void>): Promise<void> {
    return this.withMovingStage(async (stage) => {
      await use(stage);
      await this.#toMiddle(stage);
    });
  }

  /** Refuses to move what may be anywhere. */
  expectKnown(): void {
    if (this.#lost) fail("Not run: it is not known where the stage stands since a check before failed.");
  }

  /** The same with a stage that does not come back: `use` closes it. */
  async withMovingStage(use: (stage: Stage, abort: AbortController) => Promise<void>): Promise<void> {
    this.expectKnown();
    await this.withStage(async (stage, abort) => {
      try {
        await this.#makeReady(stage);
        await use(stage, abort);
      } catch (error) {
        this.#lost = !(await this.#recovers(stage));
        throw error;
      }
    });
  }

  async position(stage: Stage): Promise<StagePositionUm> {
    return this.inTime("The position", stage.position());
  }

  /** Whether two places are the same, in these axes. */
  same(
    a: StageTargetUm | StagePositionUm,
    b: StageTargetUm | StagePositionUm,
    axes: readonly StageAxis[] = stageAxes,
  ): boolean {
    return axes.every(
      (axis) =>
        (a[axis] === undefined && b[axis] === undefined) ||
        Math.abs((a[axis] ?? Number.NaN) - (b[axis] ?? Number.NaN)) <= this.toleranceUm,
    );
  }

  /** Sets out for a target, and waits until the stage is seen on its way. It is asked for its position all the while. */
  async begin(stage: Stage, target: StageTargetUm, signal?: AbortSignal): Promise<Going> {
    const from = await this.position(stage);
    let ended = false;
    const outcome = codeOf(stage.moveTo(target, signal)).then((code) => {
      ended = true;
      return code;
    });
    const until = performance.now() + setOutMs;
    while (!ended && performance.now() < until) {
      if (!this.same(from, await this.inTime("The position during a move", stage.position()))) break;
      await delay(2);
    }
    if (ended)
      fail(
        `A move was over before anything could be tried on its way (${(await outcome) ?? "it arrived"}): give wider limits or a lower speed.`,
        { from, target },
      );
    return { outcome };
  }

  /** The stage is where it was a while ago. */
  async expectStanding(stage: Stage): Promise<void> {
    const [place, position] = [this.placeUm, await this.position(stage)];
    await delay(standMs);
    const [placeNow, positionNow] = [this.placeUm, await this.position(stage)];
    if (!this.same(position, positionNow)) fail("The stage still moves.", { position, positionNow });
    if (place && placeNow && !this.same(place, placeNow)) fail("The stage truly still moves.", { place, placeNow });
  }

  /** Nothing moves while this is done. */
  async expectNoMotion(stage: Stage, what: string, work: () => Promise<void>): Promise<void> {
    const [moves, place, position] = [this.moves, this.placeUm, await this.position(stage)];
    await work();
    const [movesNow, placeNow, positionNow] = [this.moves, this.placeUm, await this.position(stage)];
    if (moves !== movesNow) fail(`${what} moved the stage.`, { moves: (movesNow ?? 0) - (moves ?? 0) });
    if (!this.same(position, positionNow)) fail(`${what} moved the stage.`, { position, positionNow });
    if (place && placeNow && !this.same(place, placeNow)) fail(`${what} truly moved the stage.`, { place, placeNow });
  }

  #checkLimits(axes: readonly StageAxis[]): void {
    for (const axis of axes) {
      const { min, max } = this.subject.limitsUm[axis] ?? { min: 0, max: 0 };
      if (!(max - min > 8 * this.toleranceUm))
        fail(`The limits of ${axis} are too narrow to see a move.`, { min, max });
    }
  }

  /** Axes in which a position lies outside of the limits. */
  #outside(position: StagePositionUm, axes: readonly StageAxis[]): StageAxis[] {
    return axes.filter((axis) => {
      const { min, max } = this.subject.limitsUm[axis] ?? fail(`The axis ${axis} has no limits.`);
      const at = position[axis] ?? Number.NaN;
      return !(at >= min - this.toleranceUm && at <= max + this.toleranceUm);
    });
  }

  async #makeReady(stage: Stage): Promise<void> {
    const axes = this.axesOf(stage);
    this.#checkLimits(axes);
    if (!stage.referenced) {
      const { x, y, z } = this.target(axes, 0);
      const middle = { x: x ?? 0, y: y ?? 0, ...(z === undefined ? {} : { z }) };
      await this.inTime("Declaring a position", stage.declare(middle));
    }
    const position = await this.position(stage);
    const outside = this.#outside(position, axes);
    if (outside.length > 0) fail(`The stage stands outside of the limits in ${outside.join(", ")}.`, { position });
    await this.#toMiddle(stage);
  }

  async #toMiddle(stage: Stage): Promise<void> {
    const axes = this.axesOf(stage);
    const middle = this.target(axes, 0);
    if (this.same(await this.position(stage), middle, axes)) return;
    await this.inTime("The move back to the middle", stage.moveTo(middle));
  }

  /** Whether the stage stands in the middle again after something went wrong. */
  async #recovers(stage: Stage): Promise<boolean> {
    if (this.subject.signal?.aborted) return false;
    try {
      await this.inTime("Stopping", stage.stop());
      if (this.#outside(await this.position(stage), this.axesOf(stage)).length > 0) return false;
      await this.#toMiddle(stage);
      return true;
    } catch {
      return false;
    }
  }
}
