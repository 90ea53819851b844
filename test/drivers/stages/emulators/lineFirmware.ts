import { type MotorOptions, Motors } from "./motors.js";

/** Firmware that takes lines: what a controller does with bytes, whatever carries them. */
export abstract class LineFirmware {
  readonly motors: Motors;
  /** Every line that came, oldest first. */
  readonly heard: string[] = [];
  send: (bytes: string) => void = () => undefined;
  readonly #ends: string;
  #line = "";

  /** @param ends characters each of which ends a line */
  constructor(ends: string, options: MotorOptions = {}) {
    this.#ends = ends;
    this.motors = new Motors(options);
  }

  receive(bytes: Uint8Array): void {
    for (const byte of bytes) {
      const character = String.fromCharCode(byte);
      if (this.#ends.includes(character)) {
        const line = this.#line;
        this.#line = "";
        this.heard.push(line);
        this.handle(line);
      } else if (this.#line.length < 256) this.#line += character;
    }
  }

  /** Drops the line that has begun. */
  protected forget(): void {
    this.#line = "";
  }

  protected abstract handle(line: string): void;
}
