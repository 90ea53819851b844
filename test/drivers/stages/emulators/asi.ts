import type { StageAxis } from "../../../../drivers/contract.js";
import { LineFirmware } from "./lineFirmware.js";
import type { MotorOptions } from "./motors.js";

export interface AsiOptions extends MotorOptions {
  /** Letters of its axes, in its own order. */
  readonly letters?: Readonly<Record<string, StageAxis>>;
  /** Values carry their letters, and yes is an empty line. */
  readonly tigerSyntax?: boolean;
}

/** Words and their short forms. */
const words: Readonly<Record<string, string>> = {
  M: "MOVE",
  R: "MOVREL",
  W: "WHERE",
  H: "HERE",
  "\\": "HALT",
  "/": "STATUS",
  "!": "HOME",
  S: "SPEED",
  V: "VERSION",
  BU: "BUILD",
  Z: "ZERO",
}; // prettier-ignore

/** MS-2000 and Tiger. A step of the motors is a tenth of a micrometre, the unit of the commands. */
export class AsiFirmware extends LineFirmware {
  readonly #letters: Readonly<Record<string, StageAxis>>;
  readonly #tiger: boolean;

  constructor({ letters = { X: "x", Y: "y", Z: "z" }, tigerSyntax = false, ...options }: AsiOptions = {}) {
    super("\r", options);
    this.#letters = letters;
    this.#tiger = tigerSyntax;
  }

  #say(line: string): void {
    this.send(`${line}\r\n`);
  }

  #yes(): void {
    this.#say(this.#tiger ? "" : ":A ");
  }

  protected handle(raw: string): void {
    const line = raw.replace(/\n/g, "").trim().toUpperCase();
    if (line === "") return;
    const [first = "", ...args] = line.split(/\s+/);
    const command = words[first] ?? first;
    const axes = args.map((arg) => /^([A-Z])(?:=(-?\d+(?:\.\d+)?))?$/.exec(arg));
    if (command === "BUILD") {
      this.#build();
      return;
    }
    if (command === "VERSION") {
      this.#say(":A Version: USB-9.2n ");
      return;
    }
    if (command === "STATUS") {
      this.#say(this.motors.anyMoves ? "B" : "N");
      return;
    }
    if (command === "HALT") {
      const moved = this.motors.anyMoves;
      this.motors.halt();
      if (moved) this.#say(":N-21");
      else this.#yes();
      return;
    }
    if (!["MOVE", "MOVREL", "WHERE", "HERE", "HOME", "SPEED"].includes(command)) {
      this.#say(":N-1");
      return;
    }
    if (axes.length === 0) {
      this.#say(":N-3");
      return;
    }
    if (axes.some((axis) => !axis || this.#letters[axis[1]!] === undefined)) {
      this.#say(":N-2");
      return;
    }
    this.#do(
      command,
      axes.map((axis) => ({ letter: axis![1]!, axis: this.#letters[axis![1]!]!, value: Number(axis![2] ?? 0) })),
    );
  }

  #build(): void {
    this.send(
      `STD_XYZ\rMotor Axes: ${Object.keys(this.#letters).join(" ")}\rCMDS: XYZFTR\rBootLdr V:0\rHdwr REV.:F\rLL COMMANDS\r\n`,
    );
  }

  #do(
    command: string,
    args: readonly { readonly letter: string; readonly axis: StageAxis; readonly value: number }[],
  ): void {
    const { motors } = this;
    if (command === "WHERE") {
      const said = args.map(({ letter, axis }) => `${this.#tiger ? `${letter}=` : ""}${motors.counter(axis)}`);
      this.#say(this.#tiger ? said.join(" ") : `:A ${said.join(" ")} `);
      return;
    }
    for (const { axis, value } of args) {
      if (command === "MOVE") motors.moveTo(axis, Math.round(value));
      else if (command === "MOVREL") motors.moveTo(axis, motors.counter(axis) + Math.round(value));
      else if (command === "HERE") motors.declare(axis, Math.round(value));
      else if (command === "HOME") motors.runToSwitch(axis, "upper");
      else motors.speed = value * 1e4;
    }
    this.#yes();
  }
}
