import type { StageAxis } from "../../../../drivers/contract.js";
import { LineFirmware } from "./lineFirmware.js";
import type { MotorOptions } from "./motors.js";

export interface LudlOptions extends MotorOptions {
  readonly letters?: Readonly<Record<string, StageAxis>>;
  /** Whether it is switched on with the high-level commands chosen: without, words are not understood, nor answered. */
  readonly highLevel?: boolean;
}

/** MAC 5000 with its motor modules. Commands end with CR, replies with LF, but for the letter of `STATUS`. */
export class LudlFirmware extends LineFirmware {
  readonly #letters: Readonly<Record<string, StageAxis>>;
  #highLevel: boolean;

  constructor({ letters = { X: "x", Y: "y", B: "z" }, highLevel = true, ...options }: LudlOptions = {}) {
    super("\r", options);
    this.#letters = letters;
    this.#highLevel = highLevel;
  }

  #say(line: string): void {
    this.send(`${line}\n`);
  }

  protected handle(raw: string): void {
    let text = raw.replace(/\n/g, "");
    const level = text.lastIndexOf("\xff");
    if (level >= 0) {
      this.#highLevel = text[level + 1] === "A";
      text = text.slice(level + 2);
    }
    const line = text.trim().toUpperCase();
    if (!this.#highLevel || line === "") return;
    const [command = "", ...rest] = line.split(/\s+/);
    const args = (
      rest
        .join(" ")
        .replace(/\s*=\s*/g, "=")
        .match(/\S+/g) ?? []
    ).map((arg) => /^([A-Z])(?:=(-?\d+))?$/.exec(arg));
    if (command === "VER") {
      this.#say("Version 5.02 \n:A ");
      return;
    }
    if (command === "RCONFIG") {
      this.#table();
      return;
    }
    if (command === "HALT" || command === "\\") {
      const moved = this.motors.anyMoves;
      this.motors.halt();
      this.#say(moved ? ":N -21" : ":A ");
      return;
    }
    if (command === "STATUS" || command === "/") {
      this.#status(args.map((arg) => arg?.[1]));
      return;
    }
    if (!["MOVE", "MOVREL", "WHERE", "HERE", "HOME", "SPEED"].includes(command)) {
      this.#say(":N -1");
      return;
    }
    if (args.length === 0) {
      this.#say(":N -3");
      return;
    }
    if (args.some((arg) => !arg || this.#letters[arg[1]!] === undefined)) {
      this.#say(":N -2");
      return;
    }
    this.#do(
      command,
      args.map((arg) => [this.#letters[arg![1]!]!, Number(arg![2] ?? 0)] as const),
    );
  }

  #table(): void {
    const rows = Object.keys(this.#letters).map(
      (letter, index) => `    ${index + 1}       EMOT    ${letter}    ${letter} axis stage        MCMSE`,
    );
    this.#say(
      `\nDev Addres   Label   Id   Description \n\n${rows.join("\n")}\n   17       EFILS   S    S Filter Shutter    FWSHC\n\n:A`,
    );
  }

  #status(letters: readonly (string | undefined)[]): void {
    const axes = letters.flatMap((letter) => (letter && this.#letters[letter] ? [this.#letters[letter]] : []));
    const busy = axes.length === 0 ? this.motors.anyMoves : axes.some((axis) => this.motors.moving(axis));
    this.send(busy ? "B" : "N");
  }

  #do(command: string, args: readonly (readonly [StageAxis, number])[]): void {
    const { motors } = this;
    if (command === "WHERE") {
      this.#say(`:A ${args.map(([axis]) => motors.counter(axis)).join(" ")} `);
      return;
    }
    for (const [axis, value] of args) {
      if (command === "MOVE") motors.moveTo(axis, value);
      else if (command === "MOVREL") motors.moveTo(axis, motors.counter(axis) + value);
      else if (command === "HERE") motors.declare(axis, value);
      else if (command === "HOME") motors.runToSwitch(axis, "lower");
      else motors.speed = value;
    }
    this.#say(":A ");
  }
}
