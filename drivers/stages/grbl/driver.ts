import { setTimeout as delay } from "node:timers/promises";
import { CytoError } from "../../../src/core/index.js";
import type { StageAxis, StageDriver, StageOpenRequest, StagePositionUm, StageTargetUm } from "../../contract.js";
import { type AxisMap, declaredShift, toSteps, toUm } from "../axes.js";
import { agreed, type Link } from "../link.js";
import { openSerialStage } from "../openSerialStage.js";
import type { Controller } from "../polledStage.js";
import { type GrblOptions, manifest } from "./manifest.js";
import * as protocol from "./protocol.js";

const umPerMm = { x: 1000, y: 1000, z: 1000 };
const settingInches = 13;
const settingHoming = 22;
/** A board with a USB chip of its own starts anew when its port is opened. */
const bootMs = 2500;

class GrblController implements Controller {
  readonly identity: string;
  readonly axes: readonly StageAxis[];
  /** Only homing tells: an unlocked controller says it is idle wherever it stands. */
  readonly referenced = false;
  readonly toleranceUm = 10;
  readonly homing: Controller["homing"];
  readonly #link: Link;
  readonly #options: GrblOptions;
  readonly #map: AxisMap;
  readonly #inches: boolean;
  #offsetMm: protocol.GrblPlace | undefined;
  /** What was declared, against the machine's own places. */
  #declaredUm: Readonly<Record<StageAxis, number>> = { x: 0, y: 0, z: 0 };
  #halting = false;
  #homing = false;
  #resetting = false;
  #alarm: CytoError | undefined;

  constructor(
    link: Link,
    version: string,
    { options, settings }: { options: GrblOptions; settings: ReadonlyMap<number, number> },
  ) {
    this.#link = link;
    this.#options = options;
    this.#map = { ...options, umPerStep: umPerMm };
    this.#inches = settings.get(settingInches) === 1;
    this.identity = `Grbl ${version}`;
    this.axes = options.z ? ["x", "y", "z"] : ["x", "y"];
    const homes = options.homing && settings.get(settingHoming) === 1;
    this.homing = homes ? { begin: () => this.#home(), end: async () => undefined } : undefined;
    link.onUnclaimed = (line) => this.#hear(line);
  }

  async position(): Promise<StagePositionUm> {
    const { placeMm } = await this.#status();
    if (placeMm === undefined) throw this.#untold();
    const um = toUm(placeMm, this.#map);
    const at = (axis: StageAxis): number => (um[axis] ?? 0) + this.#declaredUm[axis];
    return this.#options.z ? { x: at("x"), y: at("y"), z: at("z") } : { x: at("x"), y: at("y") };
  }

  async moving(): Promise<boolean> {
    const { state } = await this.#status();
    if (state === "Hold:0" && this.#halting) {
      // Standing in a hold the steps are kept, and what was still to come is forgotten.
      this.#halting = false;
      await this.#link.urgent(protocol.reset);
      return false;
    }
    if (this.#halting && state === "Idle") this.#halting = false;
    return ["Run", "Jog", "Home"].includes(state) || state.startsWith("Hold") || state.startsWith("Door");
  }

  async start(target: StageTargetUm): Promise<void> {
    if (this.#alarm) throw this.#alarm;
    const own = Object.fromEntries(
      this.axes.flatMap((axis) => (target[axis] === undefined ? [] : [[axis, target[axis] - this.#declaredUm[axis]]])),
    );
    await this.#link.setOut(protocol.move(toSteps(own, this.#map), this.#options.speedMmPerMin));
  }

  async halt(): Promise<void> {
    this.#halting = true;
    // While homing it hears nothing but the reset.
    this.#resetting ||= this.#homing;
    await this.#link.tellNow(this.#homing ? protocol.softReset : protocol.feedHold);
  }

  async declare(position: StagePositionUm): Promise<void> {
    const here = await agreed(() => this.position());
    this.#declaredUm = declaredShift(this.#declaredUm, here, position);
  }

  async #home(): Promise<void> {
    this.#homing = true;
    try {
      await this.#link.setOut(protocol.homeAll, this.#options.homingTimeoutMs);
      this.#declaredUm = { x: 0, y: 0, z: 0 };
      this.#alarm = undefined;
    } finally {
      this.#homing = false;
    }
  }

  async #status(): Promise<protocol.GrblStatus> {
    if (this.#alarm) throw this.#alarm;
    for (let tries = 0; ; tries++) {
      const status = await this.#link.ask(protocol.askStatus(this.#inches, this.#offsetMm)).catch((error: unknown) => {
        throw this.#alarm ?? error;
      });
      this.#offsetMm = status.offsetMm;
      // The offset comes with every tenth to thirtieth report only.
      if (status.placeMm !== undefined || tries >= 40) return status;
      await delay(5);
    }
  }

  /** An alarm comes by itself; behind it the controller may be silent. So does a greeting, where it was started anew. */
  #hear(line: string): void {
    if (protocol.isGreeting(line)) {
      if (!this.#resetting) this.#link.giveUp(this.#startedAnew());
      this.#resetting = false;
      return;
    }
    const alarm = /^ALARM:(\d{1,2})$/.exec(line.trim());
    if (!alarm) return;
    this.#alarm = new CytoError("STAGE_ALARM", `The controller says: ${protocol.alarmText(Number(alarm[1]))}.`, {
      context: { source: this.#link.source },
    });
  }

  #startedAnew(): CytoError {
    return new CytoError("STAGE_UNREFERENCED", "The controller was started anew: where it stands is not known.", {
      context: { source: this.#link.source },
    });
  }

  #untold(): CytoError {
    return new CytoError("STAGE_REFUSED", "The controller does not tell its machine position: set $10=1.");
  }
}

/** A move that a program before this one began, and that nobody waits for, is ended: while it moves it does not tell what it is. */
const standStill = async (link: Link): Promise<void> => {
  await link.tellNow(protocol.feedHold);
  for (;;) {
    const { state } = await link.ask(protocol.askStatus(false));
    if (state !== "Hold:1" && state !== "Run" && state !== "Jog") return;
    await delay(20);
  }
};

/** In a hold, and behind a limit alarm, lines are not answered before a reset, which moves nothing. */
const identify = async (link: Link): Promise<string> => {
  try {
    return await link.ask(protocol.askVersion, 2);
  } catch (error) {
    if (!(error instanceof CytoError)) throw error;
    const moves = error.code === "STAGE_REFUSED" && error.context?.reply === protocol.notWhileMoving;
    if (!moves && !["STAGE_SILENT", "STAGE_ALARM"].includes(error.code)) throw error;
    if (moves) await standStill(link);
    await link.exchange(protocol.reset, bootMs);
    return link.ask(protocol.askVersion, 2);
  }
};

const open = (request: StageOpenRequest<GrblOptions>) => {
  const { options } = request;
  let version = "";
  return openSerialStage(request, {
    title: manifest.title,
    port: { baudRate: options.baudRate, framing: { end: "\r\n" }, replyTimeoutMs: options.replyTimeoutMs },
    identify: async (link) => {
      version = await identify(link);
    },
    setUp: async (link) =>
      new GrblController(link, version, { options, settings: await link.ask(protocol.askSettings) }),
  });
};

/** Stages on GRBL. */
export const driver: StageDriver<GrblOptions> = { manifest, open };
