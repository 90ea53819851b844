import { LineFirmware } from "./lineFirmware.js";
import type { MotorOptions } from "./motors.js";

export interface SangaboardOptions extends MotorOptions {
  readonly version?: string;
  readonly blocking?: boolean;
}

const axes = ["x", "y", "z"] as const;
const whole = (text: string): number => Number.parseInt(text, 10) || 0;

/**
 * Firmware 1 of the Sangaboard: a command is what a line begins with, moves are relative, replies end with CR LF. After power up it
 * prints its version.
 */
export class SangaboardFirmware extends LineFirmware {
  readonly #version: string;
  blocking: boolean;
  #stepDelayUs = 1000;
  #notify = false;

  constructor({ version = "Sangaboard Firmware v1.0.4", blocking = true, ...options }: SangaboardOptions = {}) {
    super("\n", options);
    this.#version = version;
    this.blocking = blocking;
  }

  powerUp(): void {
    this.#say(this.#version);
  }

  #say(line: string): void {
    this.send(`${line}\r\n`);
  }

  /** Commands in the order in which the firmware compares them. */
  readonly #commands: readonly (readonly [begins: string, run: (argument: string) => void])[] = [
    ["version", () => this.#say(this.#version)],
    ...axes.map((axis) => [`mr${axis}`, (way: string) => this.#move({ [axis]: whole(way) })] as const),
    ["mr", (way) => this.#move(Object.fromEntries(way.split(/ +/).map((word, index) => [axes[index], whole(word)])))],
    ["release", () => this.#say("done")],
    ["p", () => this.#say(axes.map((axis) => this.motors.counter(axis)).join(" "))],
    ["dt", (argument) => this.#stepDelay(argument)],
    ["zero", () => this.#zero()],
    ["stop", () => this.#stop()],
    ["moving", () => this.#say(String(this.motors.anyMoves))],
    ["blocking_moves", (argument) => this.#blockingMoves(argument)],
    ["", () => this.#say("Type 'help' for a list of commands.")],
  ];

  protected handle(line: string): void {
    const found = this.#commands.find(([begins]) => line.startsWith(begins));
    found?.[1](line.slice(found[0].length).trim());
  }

  #zero(): void {
    for (const axis of axes) this.motors.declare(axis, 0);
    this.#say("position reset to 0 0 0");
  }

  #stop(): void {
    this.#notify = false;
    this.motors.halt();
    this.#say("Move aborted");
  }

  #stepDelay(argument: string): void {
    if (argument.startsWith("?")) {
      this.#say(`minimum step delay ${this.#stepDelayUs}`);
      return;
    }
    this.#stepDelayUs = whole(argument);
    this.motors.speed = 1e6 / Math.max(this.#stepDelayUs, 1);
    this.#say("done.");
  }

  #blockingMoves(argument: string): void {
    if (argument.startsWith("?")) {
      this.#say(`blocking_moves ${this.blocking}`);
      return;
    }
    this.blocking = argument.startsWith("t");
    this.#say("done.");
  }

  #move(way: Partial<Record<string, number>>): void {
    for (const axis of axes) {
      const steps = way[axis] ?? 0;
      if (steps !== 0) this.motors.moveTo(axis, this.motors.counter(axis) + steps);
    }
    if (!this.blocking) {
      this.#say("done.");
      return;
    }
    this.#notify = true;
    this.#watch();
  }

  #watch(): void {
    if (!this.#notify) return;
    if (this.motors.anyMoves) {
      setTimeout(() => this.#watch(), 2);
      return;
    }
    this.#notify = false;
    this.#say("stopped");
  }
}
