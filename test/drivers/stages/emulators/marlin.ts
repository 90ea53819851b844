import { LineFirmware } from "./lineFirmware.js";
import type { MotorOptions } from "./motors.js";

export interface MarlinFirmwareOptions extends MotorOptions {
  readonly version?: string;
  /** Built with M114_REALTIME. */
  readonly realtime?: boolean;
  /** Built with HOST_KEEPALIVE_FEATURE. */
  readonly keepAlive?: boolean;
  /** Counts are of motors that are not the axes. */
  readonly core?: boolean;
}

const axes = ["x", "y", "z"] as const;
type Axis = (typeof axes)[number];
/** A step is a um. */
const stepsPerMm = 1000;

/**
 * Marlin 2 as its source has it: commands are queued, and `ok` comes when one was carried out, which for a move is when it was planned;
 * `M400`, `G28` and whatever comes behind wait. `M410` is heard when its line ends, whatever waits. `M114` tells the end of the moves, `M114 R`
 * where it is, where it was built for that. A stop while it homes ends in `kill()`.
 */
export class MarlinFirmware extends LineFirmware {
  /** Only a reset helps. */
  dead = false;
  readonly #options: MarlinFirmwareOptions;
  readonly #queue: string[] = [];
  #lastLine = 0;
  #waits: NodeJS.Timeout | undefined;
  #busy: NodeJS.Timeout | undefined;
  #busyEveryMs = 2000;
  #homing = false;
  #homed = new Set<Axis>();

  constructor(options: MarlinFirmwareOptions = {}) {
    super("\r\n", { travel: { x: 200_000, y: 200_000, z: 50_000 }, speed: 20_000, ...options });
    this.#options = options;
  }

  /** As after a loss of power: the table stands where it is, and the counters begin anew. */
  startAnew(): void {
    this.motors.halt();
    for (const axis of axes) this.motors.declare(axis, 0);
    this.#queue.length = 0;
    this.#stopWaiting();
    this.#homed.clear();
    this.#homing = false;
    this.dead = false;
    this.#lastLine = 0;
    this.#say("start", `echo:Marlin ${this.#version}`, "echo:  Free Memory: 4711  PlannerBufferBytes: 1152");
  }

  get #version(): string {
    return this.#options.version ?? "2.1.2.5";
  }

  #say(...lines: string[]): void {
    this.send(lines.map((line) => `${line}\n`).join(""));
  }

  protected handle(raw: string): void {
    if (this.dead) return;
    const line = raw.trim();
    if (line === "") return;
    const text = this.#checked(line);
    if (text === undefined) return;
    if (/^M410\b/.test(text)) this.#quickStop();
    this.#queue.push(text);
    this.#run();
  }

  /** Its number and checksum taken off; undefined where they are wrong. */
  #checked(line: string): string | undefined {
    const numbered = /^N(\d+) (.*?)(?:\*(\d+))?$/.exec(line);
    if (!numbered) return line;
    const [, number, text = "", sum] = numbered;
    const covered = line.slice(0, line.lastIndexOf("*"));
    const right = [...covered].reduce((sum, character) => sum ^ character.charCodeAt(0), 0);
    if (Number(number) !== this.#lastLine + 1) this.#resend("Line Number is not Last Line Number+1");
    else if (sum === undefined) this.#resend("No Checksum with line number");
    else if (Number(sum) !== right) this.#resend("checksum mismatch");
    else {
      this.#lastLine++;
      return text;
    }
    return undefined;
  }

  #resend(why: string): void {
    this.#say(`Error:${why}, Last Line: ${this.#lastLine}`, `Resend: ${this.#lastLine + 1}`, "ok");
  }

  #quickStop(): void {
    this.motors.halt();
    if (!this.#homing) return;
    this.dead = true;
    this.#queue.length = 0;
    this.#stopWaiting();
    this.#say("Error:Homing Failed", "Error:Printer halted. kill() called!");
  }

  #run(): void {
    while (this.#waits === undefined && !this.dead) {
      const text = this.#queue.shift();
      if (text === undefined) return;
      this.#carryOut(text);
    }
  }

  #carryOut(text: string): void {
    const [, letter = "", number = ""] = /^([GMT])(\d+)\b/.exec(text) ?? [];
    const code = `${letter}${number}`;
    if (code === "G0" || code === "G1") this.#move(text);
    else if (code === "G28") this.#home(text);
    else if (code === "M400") this.#whenStill(() => this.#say("ok"));
    else if (code === "M110") {
      this.#lastLine = Number(/N(\d+)/.exec(text.slice(4))?.[1] ?? this.#lastLine);
      this.#say("ok");
    } else this.#say(...this.#answer(code, text), "ok");
  }

  #answer(code: string, text: string): string[] {
    if (code === "M115")
      return [
        `FIRMWARE_NAME:Marlin ${this.#version} (Nov 28 2024 12:00:00) SOURCE_CODE_URL:github.com/MarlinFirmware/Marlin PROTOCOL_VERSION:1.0 MACHINE_TYPE:Stage EXTRUDER_COUNT:1 UUID:cede2a2f-41a2-4748-9b12-c55c62f367ff`,
        "Cap:EEPROM:1",
        "Cap:EMERGENCY_PARSER:0",
      ];
    if (code === "M114") return [this.#report(this.#options.realtime === true && / R\b/.test(text))];
    if (code === "M92") return ["echo:; Steps per unit:", "echo: M92 X1000.00 Y1000.00 Z1000.00 E93.00"];
    if (code === "M118") return [text.slice(5)];
    if (code === "M113" && this.#options.keepAlive !== false) {
      this.#busyEveryMs = 1000 * Number(/S(\d+)/.exec(text)?.[1] ?? 2);
      return [];
    }
    if (["G21", "G90", "M410"].includes(code)) return [];
    return [`echo:Unknown command: "${text}"`];
  }

  #report(now: boolean): string {
    const steps = axes.map((axis) => (now ? this.motors.counter(axis) : this.motors.aim(axis)));
    const [x = 0, y = 0, z = 0] = steps;
    const places = steps.map((step, index) => `${"XYZ"[index]}:${(step / stepsPerMm).toFixed(2)}`).join(" ");
    const counts = this.#options.core ? `A:${x + y} B:${x - y} Z:${z}` : `X:${x} Y:${y} Z:${z}`;
    return `${places} E:0.00 Count ${counts}`;
  }

  #move(text: string): void {
    if (this.motors.anyMoves) {
      // Its planner would take it; one move at a time will do here.
      this.#whenStill(() => this.#move(text));
      return;
    }
    for (const axis of axes) {
      const word = new RegExp(`${axis}(-?\\d+(?:\\.\\d+)?)`, "i").exec(text.slice(2));
      if (!word) continue;
      const wanted = Math.round(Number(word[1]) * stepsPerMm);
      const inside = Math.min(Math.max(wanted, 0), this.motors.travel[axis]);
      this.motors.moveTo(axis, this.#homed.has(axis) ? inside : wanted);
    }
    this.#say("ok");
  }

  #home(text: string): void {
    const wanted = axes.filter((axis) => text.slice(3).toLowerCase().includes(axis));
    const homed = wanted.length > 0 ? wanted : axes;
    this.#homing = true;
    for (const axis of homed) this.motors.runToSwitch(axis, "lower");
    this.#whenStill(() => {
      this.#homing = false;
      for (const axis of homed) {
        this.motors.declare(axis, 0);
        this.#homed.add(axis);
      }
      this.#say(this.#report(false), "ok");
    });
  }

  #whenStill(then: () => void): void {
    const look = (): void => {
      if (this.motors.anyMoves) return;
      this.#stopWaiting();
      then();
      this.#run();
    };
    this.#waits = setInterval(look, 2);
    if (this.#options.keepAlive !== false)
      this.#busy = setInterval(() => this.#say("echo:busy: processing"), this.#busyEveryMs);
  }

  #stopWaiting(): void {
    clearInterval(this.#waits);
    clearInterval(this.#busy);
    this.#waits = undefined;
    this.#busy = undefined;
  }
}
