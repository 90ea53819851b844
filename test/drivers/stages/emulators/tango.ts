import type { StageAxis } from "../../../../drivers/contract.js";
import { LineFirmware } from "./lineFirmware.js";
import type { MotorOptions } from "./motors.js";

export interface TangoOptions extends MotorOptions {
  readonly axisCount?: 2 | 3;
  /** An error that moves give, e.g. 27: emergency stop is active. */
  readonly moveError?: number;
}

const order = ["x", "y", "z"] as const;
/** Dimensions, um per unit: 0 microsteps of 0.1 um here, 1 um, 2 mm, 9 mm with speeds in mm/s. */
const unitUm: Readonly<Record<number, number>> = { 0: 0.1, 1: 1, 2: 1000, 9: 1000 };

/** A Tango. A step of the motors is a tenth of a micrometre. Instructions are answered only while autostatus is on. */
export class TangoFirmware extends LineFirmware {
  readonly #axes: readonly StageAxis[];
  readonly #moveError: number;
  #error = 0;
  #autostatus = 1;
  readonly #dim: Record<StageAxis, number> = { x: 1, y: 1, z: 1 };
  readonly #calibrated: Record<StageAxis, number> = { x: 0, y: 0, z: 0 };

  constructor({ axisCount = 3, moveError = 0, ...options }: TangoOptions = {}) {
    super("\r", options);
    this.#axes = order.slice(0, axisCount);
    this.#moveError = moveError;
  }

  #say(line: string): void {
    this.send(`${line}\r`);
  }

  protected handle(raw: string): void {
    const match = /^([!?]?)\s*([a-z]+)\s*(.*)$/.exec(raw.replace(/\n/g, "").trim().toLowerCase());
    if (raw.trim() === "") return;
    if (!match) {
      this.#error = 2;
      return;
    }
    const [, mark, word = "", rest = ""] = match;
    const args = rest.trim() === "" ? [] : rest.trim().split(/\s+/);
    if (mark === "?" || word === "version" || (mark === "" && word === "err")) this.#ask(word, args);
    else this.#tell(word, args);
  }

  #ask(word: string, args: readonly string[]): void {
    const { motors } = this;
    const axes = this.#axes.filter((axis) => args[0] === undefined || axis === args[0]);
    const each = (text: (axis: StageAxis) => string) => this.#say(axes.map(text).join(" "));
    if (word === "version") this.#say("TANGO-DT, Version 1.66, Mar 11 2018, 13:51:01");
    else if (word === "det") this.#say(String(this.#axes.length << 4));
    else if (word === "err") this.#say(String(this.#error));
    else if (word === "pos") each((axis) => ((motors.counter(axis) * 0.1) / unitUm[this.#dim[axis]]!).toFixed(4));
    else if (word === "calst") each((axis) => String(this.#calibrated[axis]));
    else if (word === "statusaxis") {
      const letter = (axis: StageAxis) => (!this.#axes.includes(axis) ? "-" : motors.moving(axis) ? "M" : "@");
      this.#say(`${order.map(letter).join("")}-.`);
    } else this.#error = 4;
  }

  #tell(word: string, args: readonly string[]): void {
    const values = this.#assigned(args);
    if (word === "err") this.#error = 0;
    else if (word === "autostatus") this.#autostatus = Number(args[0] ?? 1);
    else if (word === "a") this.motors.halt();
    else if (word === "dim") for (const [axis, value] of values) this.#dim[axis] = value;
    else if (word === "vel") for (const [, value] of values) this.motors.speed = value * 1e4;
    else if (word === "pos") for (const [axis, value] of values) this.motors.declare(axis, this.#steps(axis, value));
    else if (word === "moa" || word === "mor") this.#move(word, values);
    else if (word === "cal") this.#calibrate(this.#axes.filter((axis) => args[0] === undefined || args[0] === axis));
    else this.#error = 4;
    if (this.#autostatus === 1 && ["moa", "mor", "a"].includes(word)) this.#say("@@@-.");
  }

  /** `x 5`, or values of the axes in their order. */
  #assigned(args: readonly string[]): readonly (readonly [StageAxis, number])[] {
    const [first] = args;
    const axis = order.find((name) => name === first);
    if (axis !== undefined) return this.#axes.includes(axis) ? [[axis, Number(args[1] ?? 0)]] : [];
    return args.flatMap((text, index) => {
      const at = this.#axes[index];
      return at === undefined || !Number.isFinite(Number(text)) ? [] : [[at, Number(text)] as const];
    });
  }

  #steps(axis: StageAxis, value: number): number {
    return Math.round((value * unitUm[this.#dim[axis]]!) / 0.1);
  }

  #move(word: string, values: readonly (readonly [StageAxis, number])[]): void {
    if (this.#moveError !== 0) {
      this.#error = this.#moveError;
      return;
    }
    if (values.length === 0) {
      this.#error = 6;
      return;
    }
    for (const [axis, value] of values)
      this.motors.moveTo(axis, this.#steps(axis, value) + (word === "mor" ? this.motors.counter(axis) : 0));
  }

  #calibrate(axes: readonly StageAxis[]): void {
    for (const axis of axes) this.motors.runToSwitch(axis, "lower");
    const settle = (axis: StageAxis): void => {
      if (this.motors.moving(axis)) {
        setTimeout(() => settle(axis), 2);
        return;
      }
      if (!this.motors.atSwitch(axis)) return;
      this.motors.declare(axis, 0);
      this.#calibrated[axis] |= 1;
    };
    for (const axis of axes) settle(axis);
  }
}
