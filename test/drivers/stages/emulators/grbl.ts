import { LineFirmware } from "./lineFirmware.js";
import type { MotorOptions } from "./motors.js";

export interface GrblFirmwareOptions extends MotorOptions {
  /** Settings that differ from the defaults, by number. */
  readonly settings?: Readonly<Record<number, number>>;
}

type State = "Idle" | "Run" | "Hold" | "Home" | "Alarm";

const axes = ["x", "y", "z"] as const;
/** Steps per mm: a step is a um. */
const stepsPerMm = 1000;

/**
 * GRBL 1.1h, as the real firmware was seen to behave: `?` is not answered during `$H`; behind ALARM:1 and ALARM:2 nothing but 0x18 is; a move
 * beyond the soft limits never gets its `ok`; a reset while moving gives ALARM:3 and a locked state, a reset in a hold does not.
 */
export class GrblFirmware extends LineFirmware {
  readonly settings = new Map<number, number>([
    [10, 1],
    [13, 0],
    [20, 0],
    [21, 0],
    [22, 1],
    [27, 1],
    [110, 3000],
    [130, 200],
    [131, 200],
    [132, 50],
  ]);
  state: State;
  /** Behind a limit alarm. */
  dead = false;
  #homed = false;
  #reports = 0;

  constructor({ settings = {}, ...motors }: GrblFirmwareOptions = {}) {
    super("\n", { travel: { x: 200_000, y: 200_000, z: 50_000 }, speed: 50_000, ...motors });
    for (const [number, value] of Object.entries(settings)) this.settings.set(Number(number), value);
    // With homing, it wakes locked.
    this.state = this.settings.get(22) === 1 ? "Alarm" : "Idle";
  }

  override receive(bytes: Uint8Array): void {
    for (const byte of bytes) {
      if (byte === 0x18) this.#reset();
      else if (this.dead || this.state === "Home") continue;
      else if (byte === 0x3f) this.#report();
      else if (byte === 0x21) this.#hold();
      else if (byte === 0x7e) this.#say(...[]);
      else super.receive(Uint8Array.of(byte));
    }
  }

  #say(...lines: string[]): void {
    if (lines.length > 0) this.send(lines.map((line) => `${line}\r\n`).join(""));
  }

  #settle(): void {
    if (this.state === "Run" && !this.motors.anyMoves) this.state = "Idle";
  }

  #report(): void {
    this.#settle();
    const places = axes.map((axis) => (this.motors.counter(axis) / stepsPerMm).toFixed(3)).join(",");
    const state = this.state === "Hold" ? "Hold:0" : this.state;
    const work = this.settings.get(10) === 1 ? "MPos" : "WPos";
    const offset = this.#reports++ % 10 === 0 ? "|WCO:0.000,0.000,0.000" : "";
    this.#say(`<${state}|${work}:${places}|FS:0,0${offset}>`);
  }

  #hold(): void {
    this.#settle();
    if (this.state === "Alarm") return;
    this.motors.halt();
    this.state = "Hold";
  }

  #reset(): void {
    this.#settle();
    const lost = this.state === "Run" || this.state === "Home";
    const wasDead = this.dead;
    this.motors.halt();
    if (lost) {
      this.#say(this.state === "Home" ? "ALARM:6" : "ALARM:3");
      this.#homed = false;
    }
    this.dead = false;
    const locked = lost || wasDead || this.state === "Alarm";
    this.state = locked ? "Alarm" : "Idle";
    this.#say("", "Grbl 1.1h ['$' for help]");
    if (locked) this.#say("[MSG:'$H'|'$X' to unlock]");
  }

  protected handle(given: string): void {
    const line = given.replace(/\s/g, "").toUpperCase();
    this.#settle();
    if (line === "") this.#say("ok");
    else if (line === "$I") this.#say("[VER:1.1h.20190825:]", "[OPT:V,15,128]", "ok");
    else if (line === "$$") this.#say(...[...this.settings].map(([number, value]) => `$${number}=${value}`), "ok");
    else if (line === "$X") {
      this.state = "Idle";
      this.#say("[MSG:Caution: Unlocked]", "ok");
    } else if (line === "$H") this.#home();
    else if (line.startsWith("$")) this.#say("error:3");
    else if (this.state === "Alarm") this.#say("error:9");
    else this.#move(line);
  }

  #home(): void {
    if (this.settings.get(22) !== 1) {
      this.#say("error:5");
      return;
    }
    this.state = "Home";
    for (const axis of axes) this.motors.runToSwitch(axis, "upper");
    const wait = (): void => {
      if (this.state !== "Home") return;
      if (this.motors.anyMoves) {
        setTimeout(wait, 2);
        return;
      }
      const pullOff = (this.settings.get(27) ?? 1) * stepsPerMm;
      for (const axis of axes) {
        this.motors.declare(axis, 0);
        this.motors.moveTo(axis, -pullOff);
      }
      this.#homed = true;
      const rest = (): void => {
        if (this.motors.anyMoves) {
          setTimeout(rest, 2);
          return;
        }
        this.state = "Idle";
        this.#say("ok");
      };
      rest();
    };
    wait();
  }

  #move(line: string): void {
    const words = [...line.matchAll(/([A-Z])(-?\d+(?:\.\d+)?)/g)].map(
      ([, letter = "", value = ""]) => [letter, Number(value)] as const,
    );
    if (words.map(([letter, value]) => `${letter}${value}`).length === 0) {
      this.#say("error:2");
      return;
    }
    if (words.some(([letter, value]) => letter === "G" && ![0, 1, 21, 53, 90].includes(value))) {
      this.#say("error:20");
      return;
    }
    const targets = axes.flatMap((axis) => {
      const word = words.find(([letter]) => letter === axis.toUpperCase());
      return word ? [[axis, Math.round(word[1] * stepsPerMm)] as const] : [];
    });
    const beyond = targets.some(
      ([axis, to]) => to > 0 || to < -(this.settings.get(130 + axes.indexOf(axis)) ?? 0) * stepsPerMm,
    );
    if (this.settings.get(20) === 1 && this.#homed && beyond) {
      this.dead = true;
      this.state = "Alarm";
      this.#say("ALARM:2", "[MSG:Reset to continue]");
      return;
    }
    for (const [axis, to] of targets) this.motors.moveTo(axis, to);
    this.state = "Run";
    this.#say("ok");
  }

  /** A limit switch is hit. */
  hitLimit(): void {
    this.motors.halt();
    this.dead = true;
    this.state = "Alarm";
    this.#say("ALARM:1", "[MSG:Reset to continue]");
  }
}
