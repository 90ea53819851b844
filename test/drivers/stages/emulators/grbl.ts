import { LineFirmware } from "./lineFirmware.js";
import type { MotorOptions } from "./motors.js";

export interface GrblFirmwareOptions extends MotorOptions {
  /** Settings that differ from the defaults, by number. */
  readonly settings?: Readonly<Record<number, number>>;
}

type State = "Idle" | "Run" | "Jog" | "Hold" | "Home" | "Alarm";

const axes = ["x", "y", "z"] as const;
/** Steps per mm: a step is a um. */
const stepsPerMm = 1000;
/** What a hold takes to come to a stand, and what lies between an alarm and what follows it, ms. */
const brakeMs = 20;
const afterAlarmMs = 20;

/**
 * GRBL 1.1h, as the real firmware was seen to behave: `?` is not answered during `$H`; behind ALARM:1 and ALARM:2 nothing but 0x18 is; a move
 * beyond the soft limits never gets its `ok`; a reset while moving gives ALARM:3 and a locked state, a reset in a hold that has come to
 * its stand does not; lines that come in a hold are not read before it ends; `$I`, `$$` and settings are refused while it moves.
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
  #relative = false;
  #pins = "";
  /** Lines that came in a hold. */
  #held: string[] = [];
  #afterAlarm: NodeJS.Timeout | undefined;

  constructor({ settings = {}, ...motors }: GrblFirmwareOptions = {}) {
    super("\n", { travel: { x: 200_000, y: 200_000, z: 50_000 }, speed: 50_000, ...motors });
    for (const [number, value] of Object.entries(settings)) this.settings.set(Number(number), value);
    // With homing, it wakes locked.
    this.state = this.settings.get(22) === 1 ? "Alarm" : "Idle";
  }

  override receive(bytes: Uint8Array): void {
    for (const byte of bytes) {
      this.#settle();
      if (byte === 0x18) this.#reset();
      else if (this.dead || this.state === "Home") continue;
      else if (byte === 0x3f) this.#report();
      else if (byte === 0x21) this.#hold();
      else if (byte === 0x7e) this.#resume();
      else if (byte === 0x85) this.#cancelJog();
      else super.receive(Uint8Array.of(byte));
    }
  }

  /** As after a loss of power: the table stands where it is, and the counters begin anew. */
  startAnew(): void {
    this.motors.halt();
    for (const axis of axes) this.motors.declare(axis, 0);
    this.#clear();
    this.#homed = false;
    this.state = this.settings.get(22) === 1 ? "Alarm" : "Idle";
    this.#greet(this.state === "Alarm");
  }

  /** A limit switch is hit. */
  hitLimit(): void {
    this.motors.halt();
    this.#die("ALARM:1");
    this.#pins = "X";
  }

  #say(...lines: string[]): void {
    this.send(lines.map((line) => `${line}\r\n`).join(""));
  }

  #clear(): void {
    clearTimeout(this.#afterAlarm);
    this.dead = false;
    this.#relative = false;
    this.#held = [];
    this.forget();
  }

  #settle(): void {
    if ((this.state === "Run" || this.state === "Jog") && !this.motors.anyMoves) this.state = "Idle";
  }

  #report(): void {
    const places = axes.map((axis) => (this.motors.counter(axis) / stepsPerMm).toFixed(3)).join(",");
    const state = this.state === "Hold" ? `Hold:${this.motors.anyMoves ? 1 : 0}` : this.state;
    const work = this.settings.get(10) === 1 ? "MPos" : "WPos";
    const speed = this.motors.anyMoves ? 1000 : 0;
    const offset = ["|WCO:0.000,0.000,0.000", "|Ov:100,100,100"][this.#reports++ % 10] ?? "";
    const pins = this.#pins === "" ? "" : `|Pn:${this.#pins}`;
    this.#say(`<${state}|${work}:${places}|FS:${speed},0${pins}${offset}>`);
  }

  #hold(): void {
    if (this.state === "Alarm" || this.state === "Hold") return;
    this.motors.brake(brakeMs);
    this.state = "Hold";
  }

  #resume(): void {
    if (this.state !== "Hold" || this.motors.anyMoves) return;
    this.motors.resume();
    this.state = this.motors.anyMoves ? "Run" : "Idle";
    for (const line of this.#held.splice(0)) this.handle(line);
  }

  #cancelJog(): void {
    if (this.state === "Jog") this.motors.brake(brakeMs);
  }

  #greet(locked: boolean): void {
    this.#say("", "Grbl 1.1h ['$' for help]", ...(locked ? ["[MSG:'$H'|'$X' to unlock]"] : []));
  }

  #reset(): void {
    const homing = this.state === "Home";
    const lost = this.motors.anyMoves || homing;
    const locked = lost || this.dead || this.state === "Alarm";
    this.#clear();
    this.motors.halt();
    this.state = locked ? "Alarm" : "Idle";
    if (!lost) {
      this.#greet(locked);
      return;
    }
    this.#homed = false;
    this.#say(homing ? "ALARM:6" : "ALARM:3");
    this.#afterAlarm = setTimeout(() => this.#greet(true), afterAlarmMs);
  }

  #die(alarm: string): void {
    this.#clear();
    this.dead = true;
    this.state = "Alarm";
    this.#say(alarm);
    this.#afterAlarm = setTimeout(() => this.#say("[MSG:Reset to continue]"), afterAlarmMs);
  }

  protected handle(given: string): void {
    const line = given.replace(/\s/g, "").toUpperCase();
    this.#settle();
    if (this.state === "Hold") this.#held.push(line);
    else if (line === "") this.#say("ok");
    else if (line.startsWith("$")) this.#system(line);
    else if (this.state === "Alarm" || this.state === "Jog") this.#say("error:9");
    else this.#code(line, "Run");
  }

  #system(line: string): void {
    const moves = this.state === "Run" || this.state === "Jog";
    if (line.startsWith("$J=")) {
      if (this.state === "Alarm" || this.state === "Run") this.#say(this.state === "Run" ? "error:8" : "error:9");
      else if (!/F\d/.test(line)) this.#say("error:22");
      else this.#code(line.slice(3), "Jog");
    } else if (moves) this.#say("error:8");
    else if (line === "$I") this.#say("[VER:1.1h.20190825:]", "[OPT:V,15,128]", "ok");
    else if (line === "$$") this.#say(...[...this.settings].map(([number, value]) => `$${number}=${value}`), "ok");
    else if (line === "$X") {
      if (this.state === "Alarm") this.#say("[MSG:Caution: Unlocked]");
      this.state = "Idle";
      this.#say("ok");
    } else if (line === "$H") this.#home();
    else this.#set(line);
  }

  #set(line: string): void {
    const setting = /^\$(\d{1,3})=(.*)$/.exec(line);
    if (!setting) this.#say("error:3");
    else if (!/^-?\d+(\.\d+)?$/.test(setting[2] ?? "")) this.#say("error:2");
    else {
      this.settings.set(Number(setting[1]), Number(setting[2]));
      this.#say("ok");
    }
  }

  #home(): void {
    if (this.settings.get(22) !== 1) {
      this.#say("error:5");
      return;
    }
    this.state = "Home";
    for (const axis of axes) this.motors.runToSwitch(axis, "upper");
    this.#whenStill(() => {
      const pullOff = (this.settings.get(27) ?? 1) * stepsPerMm;
      for (const axis of axes) {
        this.motors.declare(axis, 0);
        this.motors.moveTo(axis, -pullOff);
      }
      this.#whenStill(() => {
        this.#homed = true;
        this.#pins = "";
        this.state = "Idle";
        this.#say("ok");
      });
    });
  }

  #whenStill(then: () => void): void {
    if (this.state !== "Home") return;
    if (this.motors.anyMoves) setTimeout(() => this.#whenStill(then), 2);
    else then();
  }

  #code(line: string, as: "Run" | "Jog"): void {
    const words = [...line.matchAll(/([A-Z])(-?\d+(?:\.\d+)?)/g)];
    const wrong = words.map(([word]) => word).join("") === line ? this.#wrong(words) : "error:2";
    if (wrong) {
      this.#say(wrong);
      return;
    }
    const codes = words.filter(([, letter]) => letter === "G").map(([, , value]) => Number(value));
    const relative = codes.includes(91) || (this.#relative && !codes.includes(90));
    if (as === "Run") this.#relative = relative;
    const targets = axes.flatMap((axis) => {
      const word = words.find(([, letter]) => letter === axis.toUpperCase());
      const from = relative && !codes.includes(53) ? this.motors.aim(axis) : 0;
      return word ? [[axis, from + Math.round(Number(word[2]) * stepsPerMm)] as const] : [];
    });
    const beyond = targets.some(([axis, to]) => to > 0 || to < -this.#travel(axis));
    if (this.settings.get(20) === 1 && this.#homed && beyond) {
      if (as === "Jog") this.#say("error:15");
      else this.#die("ALARM:2");
      return;
    }
    for (const [axis, to] of targets) this.motors.moveTo(axis, to);
    if (targets.length > 0) this.state = as;
    this.#say("ok");
  }

  #wrong(words: readonly RegExpExecArray[]): string | undefined {
    const known = [0, 1, 20, 21, 53, 90, 91];
    return words.some(([, letter, value]) => letter === "G" && !known.includes(Number(value))) ? "error:20" : undefined;
  }

  #travel(axis: (typeof axes)[number]): number {
    return (this.settings.get(130 + axes.indexOf(axis)) ?? 0) * stepsPerMm;
  }
}
