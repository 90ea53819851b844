import { LineFirmware } from "./lineFirmware.js";
import type { MotorOptions } from "./motors.js";

export interface PriorOptions extends MotorOptions {
  /** Compatibility mode, as some are switched on in: `R` comes at the end of a move. */
  readonly compatibility?: boolean;
  readonly stage?: boolean;
  readonly focus?: boolean;
  /** um per step. */
  readonly resolution?: { readonly s: number; readonly Z: number };
}

type Target = Partial<Record<"x" | "y" | "z", number | undefined>>;

const integer = (word: string | undefined): number => Number.parseInt(word ?? "0", 10) || 0;

/** ProScan III: commands end with CR and are words between commas, blanks, `=`, `;` or `:`; an empty line asks for the position. */
export class PriorFirmware extends LineFirmware {
  compatibility: boolean;
  readonly #resolution: Record<string, number>;
  readonly #fitted: { readonly stage: boolean; readonly focus: boolean };
  readonly #percents: Record<string, number> = { SMS: 100, SMZ: 100, SAS: 100, SAZ: 100 };

  constructor({ compatibility = false, stage = true, focus = true, resolution, ...options }: PriorOptions = {}) {
    super("\r", options);
    this.compatibility = compatibility;
    this.#fitted = { stage, focus };
    this.#resolution = { S: resolution?.s ?? 1, Z: resolution?.Z ?? 0.1 };
  }

  #say(...lines: string[]): void {
    this.send(lines.map((line) => `${line}\r`).join(""));
  }

  protected handle(line: string): void {
    const [word = "", ...args] = line.trim().split(/[, \t=;:]+/);
    const command = word.toUpperCase();
    if (this.#settings(command, args) || this.#positions(command, args) || this.#moves(command, args)) return;
    this.#say("E,5");
  }

  #settings(command: string, args: readonly string[]): boolean {
    const { stage, focus } = this.#fitted;
    if (command === "?")
      this.#say(
        "PROSCAN INFORMATION",
        "DSP_1 IS 4-AXIS STEPPER VERSION 2.7",
        "JOYSTICK ACTIVE",
        `STAGE = ${stage ? "H101/2" : "NONE"}`,
        `FOCUS = ${focus ? "NORMAL" : "NONE"}`,
        "END",
      );
    else if (command === "VERSION") this.#say("100");
    else if (command === "COMP") {
      if (args[0] === undefined) this.#say(this.compatibility ? "1" : "0");
      else {
        this.compatibility = args[0] === "1";
        this.#say("0");
      }
    } else if (command === "RES") this.#say(String(this.#resolution[(args[0] ?? "").toUpperCase()] ?? 0));
    else if (command in this.#percents) {
      if (args[0] === undefined) this.#say(String(this.#percents[command]));
      else if (integer(args[0]) < 1 || integer(args[0]) > 100) this.#say("E,8");
      else {
        this.#percents[command] = integer(args[0]);
        this.#say("0");
      }
    } else return false;
    return true;
  }

  #positions(command: string, args: readonly string[]): boolean {
    const { motors } = this;
    const place = (axes: readonly ("x" | "y" | "z")[]) => {
      if (args[0] === undefined) {
        this.#say(axes.map((axis) => motors.counter(axis)).join(","));
        return;
      }
      if (motors.anyMoves) {
        this.#say("E,2");
        return;
      }
      axes.forEach((axis, index) => {
        if (args[index] !== undefined) motors.declare(axis, integer(args[index]));
      });
      this.#say("0");
    };
    if (command === "" || command === "P") place(["x", "y", "z"]);
    else if (command === "PS") place(["x", "y"]);
    else if (command === "PX") place(["x"]);
    else if (command === "PY") place(["y"]);
    else if (command === "PZ") place(["z"]);
    else if (command === "$")
      this.#say(String((motors.moving("x") ? 1 : 0) + (motors.moving("y") ? 2 : 0) + (motors.moving("z") ? 4 : 0)));
    else return false;
    return true;
  }

  #moves(command: string, args: readonly string[]): boolean {
    const { motors } = this;
    if (command === "I" || command === "K") {
      motors.halt();
      this.#say("R");
      return true;
    }
    if (command === "SIS") {
      motors.runToSwitch("x", "lower");
      motors.runToSwitch("y", "lower");
      this.#atRest(() => {
        motors.declare("x", 0);
        motors.declare("y", 0);
        this.#say("R");
      });
      return true;
    }
    const target = this.#target(command, args.map(integer));
    if (!target) return false;
    if (!this.#fitted.stage && (target.x !== undefined || target.y !== undefined)) this.#say("E,1");
    else if (!this.#fitted.focus && target.z !== undefined) this.#say("E,7");
    else {
      for (const axis of ["x", "y", "z"] as const) if (target[axis] !== undefined) motors.moveTo(axis, target[axis]);
      if (this.compatibility) this.#atRest(() => this.#say("R"));
      else this.#say("R");
    }
    return true;
  }

  /** Where a command sends the axes; undefined where it is none of moving. */
  #target(command: string, [x, y, z]: readonly number[]): Target | undefined {
    const targets: Record<string, Target> = {
      G: { x: x ?? 0, y: y ?? 0, z },
      GX: { x: x ?? 0 },
      GY: { y: x ?? 0 },
      GZ: { z: x ?? 0 },
      V: { z: x ?? 0 },
      // Steps to the right, left, forward, back, up and down of what was asked, or of the step sizes that are set.
      R: { x: this.motors.counter("x") + (x ?? 100) },
      L: { x: this.motors.counter("x") - (x ?? 100) },
      F: { y: this.motors.counter("y") + (x ?? 100) },
      B: { y: this.motors.counter("y") - (x ?? 100) },
      U: { z: this.motors.counter("z") + (x ?? 100) },
      D: { z: this.motors.counter("z") - (x ?? 100) },
      M: { x: 0, y: 0, z: 0 },
      GR: {
        x: this.motors.counter("x") + (x ?? 0),
        y: this.motors.counter("y") + (y ?? 0),
        z: z && this.motors.counter("z") + z,
      },
    };
    return targets[command];
  }

  #atRest(then: () => void): void {
    if (this.motors.anyMoves) setTimeout(() => this.#atRest(then), 2);
    else then();
  }
}
