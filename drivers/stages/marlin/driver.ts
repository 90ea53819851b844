import { setTimeout as delay } from "node:timers/promises";
import { CytoError } from "../../../src/core/index.js";
import type { StageAxis, StageDriver, StageOpenRequest, StagePositionUm, StageTargetUm } from "../../contract.js";
import { type AxisMap, declaredShift, toSteps, toUm } from "../axes.js";
import { agreed, type Link } from "../link.js";
import { openSerialStage } from "../openSerialStage.js";
import type { Controller } from "../polledStage.js";
import { type MarlinOptions, manifest } from "./manifest.js";
import * as protocol from "./protocol.js";

const umPerMm = { x: 1000, y: 1000, z: 1000 };
/** While it is busy it says so every second. */
const silenceMs = 1500;
/** A mark comes with the `ok` before it; one that does not was lost on the way. */
const markLostMs = 100;
const pollMs = 15;
/** Unchanged for so long, it goes no further. A move that has just begun is not seen at once: places have two decimals. */
const restMs = 150;
/** So far a place may be off by its two decimals, um. */
const decimalsUm = 10;

interface Found {
  readonly version: string;
  readonly stepsPerMm: protocol.MarlinPlace | undefined;
  readonly tellsBusy: boolean;
}

/**
 * What is known of its moving. `unknown`: it may move; `going`: it tells where it is meanwhile; `waiting`: it says a mark when all moves
 * have ended, and answers nothing before.
 */
type Motion = "unknown" | "going" | "waiting" | "still";

class MarlinController implements Controller {
  readonly identity: string;
  readonly axes: readonly StageAxis[];
  /** Nothing that it says tells whether it was switched off since. */
  readonly referenced = false;
  readonly toleranceUm: number;
  readonly homing: Controller["homing"];
  readonly #link: Link;
  readonly #options: MarlinOptions;
  readonly #found: Found;
  readonly #map: AxisMap;
  #motion: Motion = "unknown";
  #mark = 0;
  #markedAtMs = 0;
  /** When it said `ok` since the mark was asked for. */
  #okAtMs: number | undefined;
  #halted = false;
  #line = 0;
  #targetMm: Partial<protocol.MarlinPlace> = {};
  #lastMm: protocol.MarlinPlace | undefined;
  /** When a place was told that was not the one before. */
  #changedAtMs = 0;
  /** What was declared, against the firmware's own places. */
  #declaredUm: Readonly<Record<StageAxis, number>> = { x: 0, y: 0, z: 0 };
  #alarm: CytoError | undefined;

  constructor(link: Link, options: MarlinOptions, found: Found) {
    this.#link = link;
    this.#options = options;
    this.#found = found;
    this.#map = { ...options, umPerStep: umPerMm };
    this.identity = `Marlin ${found.version}`;
    this.axes = options.z ? ["x", "y", "z"] : ["x", "y"];
    const { stepsPerMm } = found;
    const stepUm = stepsPerMm ? Math.max(...this.axes.map((axis) => 1000 / stepsPerMm[axis])) : decimalsUm;
    this.toleranceUm = 1 + Math.max(stepUm, decimalsUm);
    this.homing = options.homing ? { begin: () => this.#home(), end: async () => undefined } : undefined;
    link.onUnclaimed = (line) => this.#hear(line);
  }

  async position(): Promise<StagePositionUm> {
    // While it waits for its moves it answers nothing, and else it would tell their end: where it was is told, until it is there.
    const untold = this.#motion === "waiting" || (this.#motion !== "still" && !this.#options.realtime);
    // Where it was before is not where it was halted.
    if (untold && this.#halted) await this.#still();
    const placeMm = untold && !this.#halted && this.#lastMm ? this.#lastMm : await this.#where();
    const um = toUm(placeMm, this.#map);
    const at = (axis: StageAxis): number => (um[axis] ?? 0) + this.#declaredUm[axis];
    return this.#options.z ? { x: at("x"), y: at("y"), z: at("z") } : { x: at("x"), y: at("y") };
  }

  async moving(): Promise<boolean> {
    if (this.#alarm) throw this.#alarm;
    if (this.#motion === "still") return false;
    if (this.#motion === "waiting") await this.#waitOn();
    else if (this.#motion === "unknown" || (await this.#cameToRest())) await this.#askForMark(protocol.markWhenStill);
    return true;
  }

  async start(target: StageTargetUm): Promise<void> {
    if (this.#alarm) throw this.#alarm;
    this.#lastMm = await agreed(() => this.#where());
    const own = Object.fromEntries(
      this.axes.flatMap((axis) => (target[axis] === undefined ? [] : [[axis, target[axis] - this.#declaredUm[axis]]])),
    );
    this.#targetMm = toSteps(own, this.#map);
    this.#halted = false;
    await this.#link.exchange(protocol.setLineNumber(this.#line));
    this.#motion = this.#options.realtime ? "going" : "unknown";
    this.#changedAtMs = performance.now();
    await this.#link.setOut(protocol.move(++this.#line, this.#targetMm, this.#options.speedMmPerMin));
  }

  async halt(): Promise<void> {
    if (this.#motion !== "waiting") this.#motion = "unknown";
    this.#halted = true;
    await this.#link.tellNow(protocol.quickStop);
  }

  async declare(position: StagePositionUm): Promise<void> {
    const here = await agreed(() => this.position());
    this.#declaredUm = declaredShift(this.#declaredUm, here, position);
  }

  async #home(): Promise<void> {
    this.#lastMm = await this.#where();
    await this.#askForMark(protocol.homeAndMark, (text) => this.#link.tellToSetOut(text));
    this.#declaredUm = { x: 0, y: 0, z: this.#declaredUm.z };
  }

  async #where(): Promise<protocol.MarlinPlace> {
    return protocol.placeOf(await this.#link.ask(protocol.askReport), this.#found.stepsPerMm);
  }

  async #askForMark(text: (id: number) => string, tell = (said: string) => this.#link.tell(said)): Promise<void> {
    this.#motion = "waiting";
    this.#markedAtMs = performance.now();
    this.#okAtMs = undefined;
    try {
      await tell(text(++this.#mark));
    } catch (error) {
      this.#motion = "unknown";
      throw error;
    }
  }

  /** Whether it is at its target, or goes no further: the mark tells then that it stands. */
  async #cameToRest(): Promise<boolean> {
    const before = this.#lastMm;
    const now = await this.#where();
    this.#lastMm = now;
    const near = (axis: StageAxis): boolean => {
      const wanted = this.#targetMm[axis];
      return wanted === undefined || Math.abs(now[axis] - wanted) * 1000 <= this.toleranceUm;
    };
    if (before === undefined || this.axes.some((axis) => before[axis] !== now[axis]))
      this.#changedAtMs = performance.now();
    return this.axes.every(near) || performance.now() - this.#changedAtMs > restMs;
  }

  async #still(): Promise<void> {
    while (await this.moving()) await delay(pollMs);
  }

  async #waitOn(): Promise<void> {
    if (this.#okAtMs !== undefined && performance.now() - this.#okAtMs > markLostMs) {
      this.#okAtMs = undefined;
      await this.#link.tell(protocol.markAgain(this.#mark));
    }
    const silentMs = performance.now() - Math.max(this.#markedAtMs, this.#link.heardAtMs);
    if (!this.#found.tellsBusy || silentMs < silenceMs) return;
    throw new CytoError("STAGE_SILENT", `The controller said nothing for ${Math.round(silentMs)} ms in mid-move.`, {
      context: { source: this.#link.source },
    });
  }

  #hear(line: string): void {
    const context = { source: this.#link.source };
    if (this.#motion === "waiting" && protocol.isMark(line, this.#mark)) this.#motion = "still";
    else if (protocol.isOk(line)) this.#okAtMs ??= performance.now();
    else if (protocol.isHalted(line))
      this.#alarm = new CytoError("STAGE_ALARM", `The controller says: ${line.trim()}.`, {
        context,
        remedy: "Clear the way, and switch the controller off and on; then home the stage.",
      });
    else if (protocol.isStart(line))
      this.#link.giveUp(
        new CytoError("STAGE_UNREFERENCED", "The controller was started anew: where it stands is not known.", {
          context,
        }),
      );
  }
}

async function setUp(link: Link, { version, major }: protocol.MarlinIdentity, options: MarlinOptions) {
  if (major < 2)
    throw new CytoError("STAGE_UNSUPPORTED", `This is Marlin ${version}; 2 or later is needed.`, {
      remedy: "Put a newer firmware on the board.",
    });
  await link.ask(protocol.setMillimetres);
  await link.ask(protocol.setAbsolute);
  const tellsBusy = await link.ask(protocol.setKeepAlive).catch((error: unknown) => {
    // Firmware that was built without it says so.
    if (error instanceof CytoError && error.code === "STAGE_REFUSED") return false;
    throw error;
  });
  return new MarlinController(link, options, {
    version,
    stepsPerMm: await link.ask(protocol.askStepsPerMm),
    tellsBusy,
  });
}

const open = (request: StageOpenRequest<MarlinOptions>) => {
  const { options } = request;
  let found: protocol.MarlinIdentity | undefined;
  return openSerialStage(request, {
    title: `${manifest.title} controller`,
    port: { baudRate: options.baudRate, framing: { end: "\n" }, replyTimeoutMs: options.replyTimeoutMs },
    identify: async (link) => {
      // A board with a USB chip of its own starts anew when its port is opened, which takes some seconds.
      found = await link.ask(protocol.askIdentity, 8);
    },
    setUp: (link) => setUp(link, found ?? { version: "", major: 0 }, options),
  });
};

/** Stages on Marlin. */
export const driver: StageDriver<MarlinOptions> = { manifest, open };
