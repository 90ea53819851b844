import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { LineFirmware } from "./lineFirmware.js";

export const socatThere = spawnSync("socat", ["-V"]).status === 0;
export const needsSocat = "needs socat (apt-get install socat)";

/** Firmware behind a pseudo terminal: `path` is opened as any serial port. */
export class EmulatedPort implements AsyncDisposable {
  readonly path: string;
  readonly firmware: LineFirmware;
  readonly #folder = mkdtempSync(join(tmpdir(), "cytostream-stage-"));
  #socat: ChildProcess | undefined;

  private constructor(firmware: LineFirmware) {
    this.firmware = firmware;
    this.path = join(this.#folder, "port");
  }

  static async open(firmware: LineFirmware): Promise<EmulatedPort> {
    const port = new EmulatedPort(firmware);
    await port.plugIn();
    return port;
  }

  /** As the cable is put in again; the firmware has run on meanwhile. */
  async plugIn(): Promise<void> {
    const { firmware, path } = this;
    rmSync(path, { force: true });
    const socat = spawn("socat", ["-", `PTY,link=${path},rawer`], { stdio: ["pipe", "pipe", "ignore"] });
    this.#socat = socat;
    socat.stdout.on("data", (bytes: Buffer) => firmware.receive(bytes));
    // The driver closes its end first.
    socat.stdin.on("error", () => undefined);
    firmware.send = (text) => void (socat.stdin.writable && socat.stdin.write(Buffer.from(text, "latin1")));
    for (let tries = 0; !existsSync(path) && tries < 500; tries++) await delay(10);
  }

  /** As the cable is pulled. */
  unplug(): void {
    this.firmware.send = () => undefined;
    // The system takes the port's name away first: it would be that of the next terminal, which may be another test's.
    rmSync(this.path, { force: true });
    this.#socat?.kill("SIGKILL");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.unplug();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
