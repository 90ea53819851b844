import { setTimeout as delay } from "node:timers/promises";
import type { StageAxis } from "../../../drivers/contract.js";
import { CytoError, type Random } from "../../../src/core/index.js";
import { openStageControl, type StageControl } from "../../../src/scan/index.js";
import { type ControllerCase, driverOf } from "./controllers.js";
import type { LineFirmware } from "./emulators/lineFirmware.js";
import { EmulatedPort } from "./emulators/pty.js";

/** What happens to a stage in mid-move. Noise is what reaches the program: most controllers do not check what they are told. */
export const serialFaults = ["noise", "cut", "garbled", "silent", "unplugged", "stopped"] as const;
export type SerialFault = (typeof serialFaults)[number];

export interface TrialFigures {
  rounds: number;
  /** Moves that reached their target, or did not. */
  arrived: number;
  failed: number;
  /** Moves that the controller began and that nobody had asked for. */
  unrequested: number;
  /** Places that were believed and are not where the table is. */
  misplaced: number;
  /** What was wrong, in words. */
  readonly wrong: string[];
  /** From silence, or from a stop that was asked for, to the controller's hearing the halt. */
  readonly stopMs: number[];
  /** From the pulling of the cable to the stage's being known as lost. */
  readonly noticedMs: number[];
  /** From the controller's being there again to the stage's being open. */
  readonly reopenedMs: number[];
}

export const noFigures = (): TrialFigures => ({
  rounds: 0,
  arrived: 0,
  failed: 0,
  unrequested: 0,
  misplaced: 0,
  wrong: [],
  stopMs: [],
  noticedMs: [],
  reopenedMs: [],
});

const travelUm = 40_000;
/** A move takes one second and more. */
const speedUmPerS = 10_000;
const leastWayUm = 10_000;
const toleranceSteps = 2;
const axes = ["x", "y"] as const;

const until = async (what: string, condition: () => boolean): Promise<number> => {
  const beganMs = performance.now();
  while (!condition()) {
    if (performance.now() - beganMs > 60_000) throw new CytoError("INTERNAL", `${what} did not come.`);
    await delay(2);
  }
  return performance.now() - beganMs;
};

/** One controller, kept open by the stage control as in the daemon, through faults. */
export class SerialTrial implements AsyncDisposable {
  readonly figures = noFigures();
  private constructor(
    readonly subject: ControllerCase,
    readonly port: EmulatedPort,
    readonly control: StageControl,
    readonly random: Random,
  ) {}

  static async open(subject: ControllerCase, random: Random): Promise<SerialTrial> {
    const { umPerStep } = subject;
    const { speed } = subject.firmware().motors;
    // Even, so that its middle is a step as well.
    const steps = (axis: StageAxis): number => 2 * Math.round(travelUm / umPerStep[axis] / 2);
    const firmware = subject.firmware({
      timeFactor: speedUmPerS / umPerStep.x / speed,
      travel: { x: steps("x"), y: steps("y"), z: steps("z") },
    });
    const port = await EmulatedPort.open(firmware);
    const driver = await driverOf(subject.name);
    const control = openStageControl({
      driver,
      source: port.path,
      options: driver.manifest.options.parse({ ...subject.options, replyTimeoutMs: 250 }),
      limitsUm: {},
      backlashUm: { x: 0, y: 0, z: 0 },
      openTimeoutMs: 10_000,
      moveTimeoutMs: 60_000,
      // As the configuration has them by default.
      reconnect: { initialDelayMs: 200, maxDelayMs: 3000, resetAfterMs: 2000 },
      random: () => random.next(),
    });
    return new SerialTrial(subject, port, control, random);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.control[Symbol.asyncDispose]();
    await this.port[Symbol.asyncDispose]();
  }

  get firmware(): LineFirmware {
    return this.port.firmware;
  }

  /** Sends the stage somewhere, lets the fault happen on the way, and looks what came of it. */
  async round(fault: SerialFault): Promise<void> {
    await this.#ready();
    const { motors } = this.firmware;
    const wanted = { x: this.#somewhere("x"), y: this.#somewhere("y") };
    const { umPerStep } = this.subject;
    const target = { x: wanted.x * umPerStep.x, y: wanted.y * umPerStep.y };
    const before = motors.moves.length;
    let outcome: "arrived" | CytoError | undefined;
    const move = this.control.moveTo(target).then(
      () => {
        outcome = "arrived";
      },
      (error: unknown) => {
        outcome = CytoError.from(error);
      },
    );
    await until("Setting out", () => motors.anyMoves || outcome !== undefined);
    await delay(20 + 200 * this.random.next());
    await this.#happen(fault);
    await move;
    await this.#ready({ declared: false });
    this.#judge(before, wanted, outcome === "arrived");
    this.figures.rounds++;
  }

  /** Open, released, at rest, and told where it is, as by a person. */
  async #ready({ declared = true } = {}): Promise<void> {
    const { control, firmware } = this;
    control.release();
    await until(`${this.subject.name} ready (${control.status.state})`, () => control.status.state === "ready");
    await until("Rest", () => !firmware.motors.anyMoves);
    if (!declared || control.status.referenced) return;
    for (let tries = 3; ; tries--) {
      try {
        await control.declare({ x: this.#placeUm("x"), y: this.#placeUm("y"), z: this.#placeUm("z") });
        return;
      } catch (error) {
        if (tries <= 1) throw error;
        await until("Ready", () => control.status.state === "ready");
      }
    }
  }

  /** Of the table, from its lower switch. */
  #placeUm(axis: StageAxis): number {
    return this.firmware.motors.place(axis) * this.subject.umPerStep[axis];
  }

  #somewhere(axis: "x" | "y"): number {
    const { motors } = this.firmware;
    const least = leastWayUm / this.subject.umPerStep[axis];
    const [low, high] = [0.02 * motors.travel[axis], 0.98 * motors.travel[axis]];
    const here = motors.place(axis);
    const up = high - here > here - low;
    return Math.round(
      up
        ? here + least + (high - here - least) * this.random.next()
        : here - least - (here - least - low) * this.random.next(),
    );
  }

  async #happen(fault: SerialFault): Promise<void> {
    const { control, firmware, figures, port, random } = this;
    const { motors } = firmware;
    const { send } = firmware;
    const beganMs = performance.now();
    const halted = (): boolean => motors.haltedAtMs >= beganMs;
    if (fault === "stopped") {
      await control.stop().catch(() => undefined);
      await until("The halt", halted);
      figures.stopMs.push(motors.haltedAtMs - beganMs);
    } else if (fault === "unplugged") {
      port.unplug();
      await until("The loss", () => control.status.state === "reconnecting");
      figures.noticedMs.push(performance.now() - beganMs);
      await delay(50 + 1500 * random.next());
      await port.plugIn();
      await this.#reopened();
    } else if (fault === "silent") {
      firmware.send = () => undefined;
      await until("The halt", halted);
      figures.stopMs.push(motors.haltedAtMs - beganMs);
      await until("The loss", () => control.status.state === "reconnecting");
      firmware.send = send;
      await this.#reopened();
    } else {
      await this.#spoil(fault, send);
    }
  }

  async #reopened(): Promise<void> {
    const { control, figures } = this;
    figures.reopenedMs.push(await until("Reopening", () => control.status.state === "ready"));
  }

  /** For a quarter of a second the line is bad. */
  async #spoil(fault: "noise" | "cut" | "garbled", send: (text: string) => void): Promise<void> {
    const { firmware, random } = this;
    const bytes = (count: number): string =>
      String.fromCharCode(...Array.from({ length: count }, () => Math.floor(256 * random.next())));
    if (fault !== "noise") {
      firmware.send = (text) => {
        const at = Math.floor(text.length * random.next());
        if (random.next() < 0.5) send(text);
        else if (fault === "cut") send(text.slice(0, at));
        else send(text.slice(0, at) + bytes(1) + text.slice(at + 1));
      };
    }
    const untilMs = performance.now() + 250;
    while (performance.now() < untilMs) {
      if (fault === "noise") send(bytes(1 + Math.floor(30 * random.next())));
      await delay(2 + 8 * random.next());
    }
    firmware.send = send;
    // What was cut does not run into what comes after.
    send("\r\n");
  }

  #judge(before: number, wanted: Readonly<Record<"x" | "y", number>>, arrived: boolean): void {
    const { control, figures, firmware, subject } = this;
    const { motors } = firmware;
    if (arrived) figures.arrived++;
    else figures.failed++;
    const begun = motors.moves.slice(before);
    for (const axis of axes) {
      const own = begun.filter((move) => move.axis === axis);
      const asked = own.filter(({ to }) => Math.abs(to - wanted[axis]) <= toleranceSteps).slice(0, 1);
      if (own.length > asked.length) this.#note("unrequested", { axis, begun: own, wanted: wanted[axis] });
      const off = motors.place(axis) - wanted[axis];
      if (arrived && Math.abs(off) > toleranceSteps) this.#note("misplaced", { axis, off, arrived });
    }
    const focus = begun.filter(({ axis }) => axis === "z");
    if (focus.length > 0) this.#note("unrequested", { begun: focus });
    const { positionUm, referenced } = control.status;
    if (!referenced || positionUm === undefined) return;
    for (const axis of axes) {
      const believed = positionUm[axis] / subject.umPerStep[axis];
      const place = motors.place(axis);
      if (Math.abs(believed - place) > toleranceSteps) this.#note("misplaced", { axis, believed, place });
    }
  }

  #note(what: "unrequested" | "misplaced", details: object): void {
    this.figures[what]++;
    this.figures.wrong.push(`${what} ${this.subject.name} ${JSON.stringify(details)}`);
  }
}
